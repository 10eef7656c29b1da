"""Fixture files."""

from __future__ import annotations

from pathlib import Path

import pytest

from nullfield.errors import InputError
from nullfield.places import rigs_directory
from nullfield.production.fixture import load_fixture
from nullfield.production.roles import plan_of
from nullfield_protocol.catalogue import Role

SHIPPED = sorted(p.stem for p in (rigs_directory() / "fixtures").glob("*.toml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_fixtures_serve_their_plan(name: str) -> None:
    fixture = load_fixture(name)
    plan = plan_of(Role[fixture.role.upper()], fixture)
    names = [check.name for check in plan]
    assert len(set(names)) == len(names)
    for number, check in enumerate(plan):
        # What a test requires comes before it.
        assert set(check.requires) <= set(names[:number]), check.name
        for need in check.needs:
            assert isinstance(fixture.lacks(need), str)
    served = [c.name for c in plan if not any(fixture.lacks(need) for need in c.needs)]
    left_out = set(names) - set(served)
    assert left_out <= {"open_trip", "emergency_stop_pressed"}


COIL = 'name = "x"\nrole = "coil"\n'
LOAD = "[[coil.loads]]\nchannels = [0]\nlag_ms = 1.0\ntolerance = 0.1\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not a TOML file"),
        (COIL + "colour = 1\n", "colour: unknown key"),
        (COIL + LOAD + LOAD, "stands twice"),
        (COIL + LOAD.replace("[0]", "[8]"), r"loads\.0\.channels"),
        (COIL + LOAD.replace("0.1", "1.5"), "tolerance"),
        (COIL + "[table]\nmotor = true\n", "fixture of a coil board"),
        ('name = "x"\nrole = "kettle"\n', "role"),
    ],
)
def test_a_bad_fixture_is_named_with_its_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as refused:
        load_fixture(path)
    assert "f.toml" in refused.value.message


def test_an_unknown_fixture_names_those_that_ship() -> None:
    with pytest.raises(InputError) as refused:
        load_fixture("nonesuch")
    assert "sensor" in refused.value.hint


def test_a_fixture_of_another_role_is_refused() -> None:
    with pytest.raises(InputError, match="coil board, and this is a table board"):
        plan_of(Role.TABLE, load_fixture("coil"))


def test_what_is_missing_is_said() -> None:
    fixture = load_fixture("coil")
    assert fixture.lacks("coil.loads") == ""
    assert "coil.open_channel" in fixture.lacks("coil.open_channel")
    assert "sensor.cells" in fixture.lacks("sensor.cells")
