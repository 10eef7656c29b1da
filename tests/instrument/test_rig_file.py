"""Shipped rigs, and what a rig tells of itself; wrong rigs are tested through the command line."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from nullfield.errors import RigError
from nullfield.rig import HeadEntry, Rig, load_rig, resolve_rig
from nullfield.room.first_order import condition_number
from nullfield.room.reference_model import Observable, ReferenceModel


def test_demo36():
    rig, scenario = load_rig("demo36")
    assert sum(h.kind == "array" for h in rig.heads) == 36
    assert sum(h.kind == "reference" for h in rig.heads) == 4
    assert [len(rig.boards_of(role)) for role in ("sensor", "coil", "table")] == [10, 1, 1]
    assert rig.table is not None
    assert rig.is_virtual
    assert scenario
    chest = rig.positions_m(tuple(h for h in rig.heads if h.kind == "array"))
    distances = np.linalg.norm(chest[:, None] - chest[None], axis=2)
    assert np.min(distances[distances > 0]) == pytest.approx(0.04)
    references = rig.positions_m(tuple(h for h in rig.heads if h.kind == "reference"))
    assert np.all(np.linalg.norm(references, axis=1) >= 1.0)


@pytest.mark.parametrize("name", ["demo36", "room8"])
def test_references_see_all_modes_of_the_field_across_their_beams(name):
    rig, _ = load_rig(name)
    references = [h for h in rig.heads if h.kind == "reference"]
    position = np.array([h.position_m for h in references])
    axes = np.array([h.axes for h in references])[:, :2]
    model = ReferenceModel.of_heads(position, axes)
    assert condition_number(model.channels, 0.75) < 5.0
    chest = rig.positions_m(tuple(h for h in rig.heads if h.kind == "array"))
    assert np.all(model.noise_gain(chest) < 1.0)
    heart = np.array([0.01, -0.01, -0.08])
    assert np.all(np.linalg.norm(position - heart, axis=1) >= 1.0)
    for head in range(4):
        valid = np.ones(8, dtype=bool)
        valid[2 * head : 2 * head + 2] = False
        assert model.estimator(valid)[0] == Observable.UNIFORM


def test_beams_all_alike_do_not_see_the_field_along_them():
    rig, _ = load_rig("room8")
    position = np.array([h.position_m for h in rig.heads if h.kind == "reference"])
    alike = np.broadcast_to(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), (4, 2, 3))
    model = ReferenceModel.of_heads(position, alike)
    assert condition_number(model.channels, 0.75) == np.inf
    assert model.estimator(np.ones(8, dtype=bool))[0] == Observable.NOTHING


def test_bench4():
    rig, _ = load_rig("bench4")
    assert [len(rig.heads), len(rig.coils), len(rig.boards)] == [4, 8, 2]
    assert rig.table is None


def test_a_shipped_rig_by_name_or_by_path():
    named = resolve_rig("bench4").resolve()
    assert named == resolve_rig("bench4.toml").resolve()
    assert named == resolve_rig("rigs/bench4.toml").resolve()


def test_a_file_goes_before_a_shipped_rig(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench4.toml").write_text("name = 3")
    with pytest.raises(RigError, match="name"):
        load_rig("bench4.toml")


def test_heads_of_a_board_are_in_order_of_their_slots():
    rig, _ = load_rig("bench4")
    turned = rig.model_copy(update={"heads": rig.heads[::-1]})
    assert [h.slot for h in turned.heads_of(rig.boards[0].uid)] == [0, 1, 2, 3]


def test_rig_cannot_be_changed():
    rig, _ = load_rig("bench4")
    with pytest.raises(ValidationError):
        rig.name = "other"


@pytest.mark.parametrize(
    "axes",
    [
        ((0, 0, 1), (1, 0, 0), (0, -1, 0)),
        ((0, 0, 2), (1, 0, 0), (0, 1, 0)),
        ((0, 0, 1), (0, 0, 1), (0, 1, 0)),
    ],
    ids=["left-handed", "no unit vector", "parallel"],
)
def test_axes_are_checked(axes):
    with pytest.raises(ValidationError, match="right-handed"):
        HeadEntry(name="H", board="0" * 16, slot=0, position_m=(0, 0, 0), axes=axes)


def test_a_rig_needs_a_board():
    with pytest.raises(ValidationError, match="boards"):
        Rig(name="none", boards=())


def test_a_live_rig_names_the_ports_of_all_boards(tmp_path: Path) -> None:
    from nullfield.cli.boards import _with_ports
    from nullfield.rig import load_rig

    for rig in ("bench4", "hil_tests/bench.toml"):
        described, _ = load_rig(rig)
        ports = {board.uid: f"/dev/pts/{n}" for n, board in enumerate(described.boards)}
        live = tmp_path / "live.toml"
        live.write_text(_with_ports(rig, ports), encoding="utf-8")
        again, world = load_rig(live)
        assert {board.uid: board.port for board in again.boards} == ports
        assert not world
