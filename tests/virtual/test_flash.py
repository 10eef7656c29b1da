"""Settings in flash: kept across power cycles, and whole whenever the power goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nullfield.devices.connect import connect
from nullfield.errors import BoardLostError, RequestError
from nullfield.virtual.flash import Flash, PowerCutError
from nullfield.virtual.process import RESET_POWER_ON
from nullfield.virtual.transport import VirtualTransport
from nullfield_protocol.catalogue import ErrorCode, FaultCode

_OLD_A_S, _NEW_A_S = 7e-3, 9e-3


def test_settings_survive_a_power_cycle(make_bench: Any, tmp_path: Path) -> None:
    first = make_bench(flash_directory=tmp_path)
    coil = first.coil()
    coil.settings.set("ramp_rate", 5e-3)
    coil.settings.set("host_timeout", 3.5)
    coil.save_settings()
    coil.settings.set("host_timeout", 1.0)
    first.close()
    second = make_bench(flash_directory=tmp_path)
    again = second.coil()
    assert again.settings.get("ramp_rate") == pytest.approx(5e-3)
    assert again.settings.get("host_timeout") == pytest.approx(3.5)
    # In force, not only told: 5 mA/s.
    again.enable()
    again.set_current_a(0, 5e-3)
    second.run_s(0.5)
    assert second.coil_current_ma() == pytest.approx(2.5, abs=0.1)


def test_settings_are_not_saved_with_outputs_on(bench: Any) -> None:
    coil = bench.coil()
    coil.enable()
    with pytest.raises(RequestError) as refused:
        coil.save_settings()
    assert refused.value.code == ErrorCode.WRONG_STATE


def test_a_damaged_file_system_is_not_reformatted(make_bench: Any) -> None:
    bench = make_bench()
    flash = bench.of("coil").process.flash
    flash.content[0:8192] = b"\x5a" * 8192
    before = bytes(flash.content)
    bench.instrument.reset(bench.of("coil"), RESET_POWER_ON)
    coil = bench.coil()
    bench.run_s(0.3)
    assert coil.link.fault.code == FaultCode.SETTINGS_CORRUPT
    assert bytes(flash.content) == before


def test_a_cut_write_is_on_the_disk_as_the_chip_has_it(tmp_path: Path) -> None:
    path = tmp_path / "board.flash"
    flash = Flash(4, path)
    flash.program(0, 0, b"\x00" * 256)
    flash.operations_until_cut = 1
    with pytest.raises(PowerCutError):
        flash.program(0, 256, b"\x00" * 256)
    again = Flash(4, path)
    assert bytes(again.content) == bytes(flash.content)
    assert again.read(0, 256, 256) == b"\x00" * 128 + b"\xff" * 128


class _Saver:
    """The coil board alone is power-cycled; its neighbours run on."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.virtual = bench.of("coil")

    def connect(self) -> Any:
        return connect(VirtualTransport(self.bench.instrument, self.virtual.uid), self.bench.clock)

    def power_cycle(self) -> None:
        self.virtual.process.flash.operations_until_cut = None
        self.bench.instrument.reset(self.virtual, RESET_POWER_ON)


def test_a_power_cut_at_any_flash_operation_keeps_old_or_new(bench: Any) -> None:
    saver = _Saver(bench)
    flash = saver.virtual.process.flash
    coil = saver.connect()
    coil.settings.set("ramp_rate", _OLD_A_S)
    coil.save_settings()
    coil.close()
    saved = bytes(flash.content)
    seen = set()
    is_whole = False
    cut = 0
    while not is_whole:
        cut += 1
        assert cut < 50, "a save of one small file takes a few operations"
        flash.content[:] = saved
        saver.power_cycle()
        coil = saver.connect()
        assert coil.settings.get("ramp_rate") == pytest.approx(_OLD_A_S)
        coil.settings.set("ramp_rate", _NEW_A_S)
        flash.operations_until_cut = cut
        try:
            coil.save_settings()
            is_whole = True
        except BoardLostError:
            pass
        coil.close()
        saver.power_cycle()
        coil = saver.connect()
        value = coil.settings.get("ramp_rate")
        assert coil.link.fault is None
        coil.close()
        seen.add(round(value, 6))
        assert value in (pytest.approx(_OLD_A_S), pytest.approx(_NEW_A_S)), f"cut {cut}"
    assert seen == {_OLD_A_S, _NEW_A_S}
    assert cut > 3, cut
