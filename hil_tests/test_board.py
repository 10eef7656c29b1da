"""What every board must do, whatever it is. Waits are paced by what the board sends."""

from __future__ import annotations

from typing import Any

import pytest

from nullfield.clock import ClockRegression
from nullfield.devices.coil import CoilBoard
from nullfield.devices.sensor import SensorBoard
from nullfield.devices.table import TableBoard
from nullfield.errors import PortBusyError, RequestError
from nullfield.transport.serial_port import SerialTransport
from nullfield_protocol.catalogue import (
    PROTOCOL_VERSION,
    BoardState,
    ErrorCode,
    FaultCode,
    Mcu,
    ResetCause,
    Role,
)
from nullfield_protocol.fingerprint import fingerprint

GENEROUS_S = 30.0


def activate(board: Any) -> None:
    """Switch something on, as little as the role allows."""
    if isinstance(board, SensorBoard):
        board.start()
    elif isinstance(board, CoilBoard):
        board.enable()
    elif isinstance(board, TableBoard):
        board.home()
    board.wait_telemetry(lambda t: t.board_state == BoardState.ACTIVE, GENEROUS_S)


def test_identity(board: Any, board_name: str, target: Any) -> None:
    who = board.identity
    if target.name != "real":
        assert who.role == Role[board_name.upper()]
    wanted = {"virtual": {Mcu.VIRTUAL}, "emulated": {Mcu.RP2040}, "real": {Mcu.RP2040, Mcu.RP2350}}
    assert who.mcu in wanted[target.name]
    assert who.protocol_version == PROTOCOL_VERSION
    assert bytes.fromhex(who.catalogue_fingerprint) == fingerprint()
    assert who.state in (BoardState.SAFE, BoardState.FAULT)
    assert who.setting_count == len(board.settings.names())
    assert who.row_period_us == 1000
    assert who.firmware_revision
    assert not who.is_trial


def test_self_test_finds_nothing(board: Any, target: Any) -> None:
    assert board.self_test() & ~target.known_findings == 0


def test_supply_and_temperature_are_told(board: Any) -> None:
    board.clock.wait(lambda: board.link.last_heartbeat is not None, GENEROUS_S)
    beat = board.link.last_heartbeat
    # A Pico takes 1.8 to 5.5 V (its data sheet, section 4.5); the die is somewhere in its range.
    assert 1800 <= beat.supply_mv <= 5500
    assert -20_000 <= beat.mcu_temperature_mc <= 85_000


def test_every_settings_limits(board: Any) -> None:
    for name, setting in board.settings.all().items():
        step = 10.0**setting.exponent
        for value in (setting.minimum, setting.maximum):
            assert board.settings.set(name, value) == pytest.approx(value)
            assert board.settings.refresh(name) == pytest.approx(value)
        for value, code in (
            (setting.maximum + step, ErrorCode.ABOVE_MAXIMUM),
            (setting.minimum - step, ErrorCode.BELOW_MINIMUM),
        ):
            with pytest.raises(RequestError, match=name) as refused:
                board.settings.set(name, value)
            assert refused.value.code == code
        assert board.settings.refresh(name) == pytest.approx(setting.maximum)
        board.settings.set(name, setting.default)


def test_settings_persist_over_a_reset(board: Any, dut: Any) -> None:
    chosen = {"host_timeout": 3.25, "rows_per_frame": 7}
    before = {name: board.settings.get(name) for name in chosen}
    for name, value in chosen.items():
        board.settings.set(name, value)
    board.save_settings()
    board.settings.set("rows_per_frame", 3)  # in memory only: the reset forgets it
    again = dut.reset(board)
    try:
        assert again.identity.reset_cause == ResetCause.WATCHDOG
        for name, value in chosen.items():
            assert again.settings.get(name) == pytest.approx(value)
        assert again.identity.state == BoardState.SAFE
    finally:
        for name in chosen:
            again.settings.set(name, before[name])
        again.save_settings()
        again.close()


@pytest.mark.roles("sensor", "coil", "table")
def test_safe_off_on_host_silence(board: Any) -> None:
    # Long against the pause of a busy host, which would be silence too.
    board.settings.set("host_timeout", 1.5)
    activate(board)
    # The program hangs: the port stays open, no heartbeat is sent.
    board.link._cancel_beat()
    assert board.clock.wait(lambda: board.link.fault is not None, GENEROUS_S)
    fault = board.link.fault
    assert fault.code == FaultCode.HOST_SILENT
    assert fault.board_state == BoardState.FAULT
    # In milliseconds, by the board's own count.
    assert 1500 <= fault.value <= 1510
    # Answers go on; nothing can be switched on before the fault is cleared.
    board.ping()
    board.clear_faults()
    assert board.link.fault is None


def test_a_program_that_hangs_is_reset_by_the_watchdog(board: Any, dut: Any, target: Any) -> None:
    board.watchdog_test()
    again = dut.after_reset(board)
    try:
        assert again.identity.reset_cause == ResetCause.WATCHDOG
        assert again.identity.state == BoardState.SAFE
        assert again.self_test() & ~target.known_findings == 0
    finally:
        again.close()


def test_the_port_is_exclusive(board: Any, target: Any) -> None:
    if target.name == "emulated":
        pytest.skip("a TCP port of the emulator takes the newest client; exclusive use is tty's")
    with pytest.raises(PortBusyError):
        SerialTransport(board.link.port).open()


def test_a_board_that_is_streaming_can_be_opened_again(board: Any, dut: Any) -> None:
    board.stream_start()
    board.wait_samples(20, GENEROUS_S)
    board.close()
    again = dut.connect()
    again.wait_samples(200, GENEROUS_S)
    again.stream_stop()
    again.close()
    board.link.lost_reason = "closed by the test"


def _clock_of(board: Any, target: Any) -> tuple[ClockRegression, float, float]:
    """A board's clock by exchanges over some seconds of its own time: fit, uncertainty, drift bound."""
    board.clock_regression = regression = ClockRegression()
    times_s = []
    for _ in range(12):
        board.exchange_time(4)
        times_s.append(board.wait_telemetry(lambda _: True, GENEROUS_S).board_time_s)
    # Crystals of the modules: 30 ppm and ageing. What a short run on a busy host cannot tell apart
    # is in the uncertainty, which must be honest.
    crystal_ppm = 100.0
    if target.name == "virtual":
        # No crystal: its time falls behind the wall's while the host is busy, and catches up. That
        # looks like unequal ways, of which the round trips tell no more than their bound.
        crystal_ppm += 2e6 * regression.asymmetry_bound_s / (times_s[-1] - times_s[0])
    bound_ppm = crystal_ppm + 5 * regression.drift_uncertainty_ppm
    return regression, regression.uncertainty_s(times_s[-1] * 1e6), bound_ppm


def test_clock_offset_and_drift_are_known(board: Any, target: Any) -> None:
    """By two-way exchanges over some seconds of the board's own time."""
    if target.name == "emulated":
        pytest.skip("emulated time is not the wall's, so there is no drift to speak of")
    # A host that is busy for some of these seconds stops a virtual board's clock, which no model of a
    # crystal knows. That passes; a drift that is one stays.
    for _ in range(5 if target.name == "virtual" else 1):
        regression, uncertainty_s, bound_ppm = _clock_of(board, target)
        if uncertainty_s < 20e-3 and abs(regression.drift_ppm) < bound_ppm:
            break
    assert regression.exchange_count >= 24
    # Half of the best round trip bounds the error of the offset; a busy host needs some room.
    assert uncertainty_s < 20e-3
    assert abs(regression.drift_ppm) < bound_ppm
