"""A board is told what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flash_bench import FlashBench, bundle

from nullfield.deploy.board_state import Provision
from nullfield.deploy.look import Kind
from nullfield.deploy.provision_board import provision_board
from nullfield.errors import DefinitionError, FlashError, InputError, RequestError

Make = Callable[..., FlashBench]
TABLE = Provision("table_pico2", "T01")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[FlashBench] = []

    def one(**given: Any) -> FlashBench:
        made.append(FlashBench(tmp_path, **given))
        return made[-1]

    yield one
    for bench in made:
        bench.close()


def test_unit_and_calibration_are_kept(make: Make) -> None:
    bench = make()
    result = provision_board(bench.look(), TABLE, {"speed_max": 0.03, "host_timeout": 3.5})
    assert result.is_running
    assert result.settings == {"speed_max": pytest.approx(0.03), "host_timeout": 3.5}
    bench.power_cycle()
    assert bench.look().unit == "T01"
    board = bench.connect()
    assert board.settings.get("speed_max") == pytest.approx(0.03)
    board.close()
    bench.flash(bundle())
    board = bench.connect()
    assert (board.identity.unit_name, board.settings.get("host_timeout")) == ("T01", 3.5)
    board.close()


def test_a_board_without_firmware_waits_to_be_flashed(make: Make) -> None:
    bench = make(image="stock")
    with pytest.raises(FlashError, match="no firmware that could take settings"):
        provision_board(bench.look(), TABLE, {"speed_max": 0.03})
    result = provision_board(bench.look(), TABLE, {})
    assert not result.is_running
    found = bench.look()
    assert (found.kind, found.board, found.unit) == (Kind.PROMPT, "table_pico2", "T01")
    bench.flash(bundle())
    assert bench.look().unit == "T01"


def test_a_wrong_setting_is_named(make: Make) -> None:
    bench = make()
    with pytest.raises(RequestError, match="no setting speed_mx") as unknown:
        provision_board(bench.look(), TABLE, {"speed_mx": 0.03})
    assert "speed_max" in unknown.value.hint
    with pytest.raises(RequestError, match="is above the maximum"):
        provision_board(bench.look(), TABLE, {"speed_max": 3.0})


def test_a_board_that_is_something_else(make: Make) -> None:
    bench = make(image="stock")
    bench.flash(bundle(), provision=TABLE)
    coil = Provision("coil_pico2", "C01")
    with pytest.raises(FlashError, match="is a table_pico2 already") as refused:
        provision_board(bench.look(), coil, {})
    assert "--replace" in refused.value.hint
    assert bench.look().unit == "T01"
    assert not provision_board(bench.look(), coil, {}, replace=True).is_running
    # The table's firmware does not start as a coil board's; flashing goes on from here.
    found = bench.look()
    assert (found.kind, found.board, found.slot) == (Kind.PROMPT, "coil_pico2", "")


def test_what_cannot_be(make: Make) -> None:
    bench = make()
    with pytest.raises(DefinitionError, match="no board definition 'toaster'"):
        provision_board(bench.look(), Provision("toaster", "T01"), {})
    with pytest.raises(InputError, match="cannot be the name of a unit"):
        provision_board(bench.look(), Provision("table_pico2", "a" * 17), {})
    assert bench.look().kind is Kind.RUNNING
