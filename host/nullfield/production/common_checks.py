"""Tests that every role has."""

from __future__ import annotations

import numpy as np

from nullfield.devices.coil import CoilTelemetry
from nullfield.devices.sensor import SensorBoard, SensorTelemetry
from nullfield.devices.table import TableBoard, TableTelemetry
from nullfield.errors import ProcedureError, RequestError
from nullfield.production.bench import Bench
from nullfield.production.plan import Check
from nullfield.production.verdict import Limit, Value, exactly
from nullfield_protocol.catalogue import (
    PROTOCOL_VERSION,
    BoardState,
    Command,
    ErrorCode,
    FaultCode,
    SelfTestFlag,
    TableFlag,
)
from nullfield_protocol.fingerprint import fingerprint

_STREAM_ROWS = 3000
_HOST_TIMEOUT_S = 0.5
_CRYSTAL_PPM = 60.0
_CLOCK_SPAN_S = 60.0
_DARK = Limit(-20e-9, 20e-9, "data sheet ADS131M08: offset 0.3 mV at 20 kΩ, with margin")
_NO_CURRENT = Limit(-5e-6, 5e-6, "data sheet ADS131M08: offset 0.3 mV at 100 Ω, with margin")


def identity(bench: Bench) -> list[Value]:
    """Who the board is, against what this host speaks and the definition says."""
    who = bench.board.identity
    same = bytes.fromhex(who.catalogue_fingerprint) == fingerprint()
    role = str(bench.definition["role"]) == who.role.name.lower()
    return [
        Value("protocol version", who.protocol_version, "", exactly(PROTOCOL_VERSION, "catalogue")),
        Value("catalogue fingerprint equal", float(same), "", exactly(1, "catalogue")),
        Value("role as defined", float(role), "", exactly(1, "board definition: role")),
        Value(
            "settings told", len(bench.board.settings.names()), "",
            exactly(who.setting_count, "handshake"),
        ),
    ]  # fmt: skip


def start_state(bench: Bench) -> list[Value]:
    """Restart the board: outputs off, no fault, every chip found."""
    bench.restart()
    seen = bench.watch(0.5, check=False)
    if not seen:
        raise ProcedureError("no telemetry within half a second after the start")
    telemetry = seen[-1]
    values = [
        Value("fault", float(telemetry.fault_code), "code", exactly(0, "firmware: none at start")),
        Value(
            "state", float(telemetry.board_state), "code",
            exactly(BoardState.SAFE, "firmware: SAFE at start"),
        ),
        *_outputs(telemetry),
    ]  # fmt: skip
    if telemetry.fault_code:
        # The number alone helps nobody at the bench.
        name = FaultCode(telemetry.fault_code).name.lower().replace("_", " ")
        values[0] = Value(f"fault ({name}, source {telemetry.fault_source})", values[0].value,
                          "code", values[0].limit)  # fmt: skip
    return values


def _outputs(telemetry: object) -> list[Value]:
    """What the telemetry shows of outputs that should be off."""
    off = exactly(0, "safety: outputs off")
    if isinstance(telemetry, SensorTelemetry):
        return [
            Value("heater power", float(np.abs(telemetry.heater_power_w).max()), "W", off),
            Value("laser current", float(np.abs(telemetry.laser_current_a).max()), "A", off),
            Value("largest light", float(np.abs(telemetry.photocurrent_a).max()), "A", _DARK),
        ]
    if isinstance(telemetry, CoilTelemetry):
        current_a = telemetry.current_a
        largest_a = float(current_a[np.argmax(np.abs(current_a))])
        return [
            Value("output stage enabled", float(telemetry.is_enabled), "", off),
            Value("largest current", largest_a, "A", _NO_CURRENT),
        ]
    if isinstance(telemetry, TableTelemetry):
        energised = bool(telemetry.switches & TableFlag.MOTOR_ENERGISED)
        return [
            Value("motor energised", float(energised), "", off),
            Value("speed", telemetry.speed_m_s, "m/s", off),
        ]
    return []


def self_test(bench: Bench) -> list[Value]:
    """The board's own test: chips, flash, settings, supply, outputs, files, heap, blocks."""
    failed = bench.board.self_test()
    return [
        Value(
            flag.name.lower().replace("_", " ") if flag.name else "unnamed", float(flag in failed),
            "", exactly(0, "firmware: self-test"),
        )
        for flag in SelfTestFlag
    ]  # fmt: skip


def setting_limits(bench: Bench) -> list[Value]:
    """Every setting takes its limits, refuses one step more, and goes back to its default."""
    settings = bench.board.settings
    wrong = 0
    tried = 0
    for name, setting in settings.all().items():
        if setting.is_read_only:
            continue
        step = 10.0**setting.exponent
        for value in (setting.minimum, setting.maximum):
            tried += 1
            settings.set(name, value)
            wrong += abs(settings.refresh(name) - value) > step / 2
        for value, code in (
            (setting.maximum + step, ErrorCode.ABOVE_MAXIMUM),
            (setting.minimum - step, ErrorCode.BELOW_MINIMUM),
        ):
            tried += 1
            try:
                settings.set(name, value)
                wrong += 1
            except RequestError as error:
                wrong += error.code != code
        settings.set(name, setting.default)
    return [Value("limits not kept", wrong, "", exactly(0, "settings as told"), tried)]


def stream(bench: Bench) -> list[Value]:
    """The sample stream at full rate: nothing lost, block load with room."""
    board = bench.board
    board.stream_start()
    board.wait_samples(100)
    board.samples.clear()
    missed_before = board.link.statistics.board_missed_blocks
    errors_before = sum(board.link.statistics.errors.values())
    window = board.wait_samples(_STREAM_ROWS)
    seen = bench.watch(0.5)
    statistics = board.link.statistics
    load = max(telemetry.load for telemetry in seen) if seen else float("nan")
    none = exactly(0, "protocol: nothing lost on a bench")
    return [
        Value("rows lost", _STREAM_ROWS - len(window), "", none, _STREAM_ROWS),
        Value("frames lost", sum(statistics.lost_frames.values()), "", none, _STREAM_ROWS),
        Value("bad frames", sum(statistics.errors.values()) - errors_before, "", none),
        Value(
            "blocks missed", statistics.board_missed_blocks - missed_before, "",
            exactly(0, "firmware: 1 ms blocks"), _STREAM_ROWS,
        ),
        Value("block load", load, "", Limit(0, 0.9, "firmware: 1 ms blocks"), len(seen)),
    ]  # fmt: skip


def host_silence(bench: Bench) -> list[Value]:
    """With outputs on, stop the heartbeat: the board must switch off by itself, in time."""
    board = bench.board
    board.settings.set("host_timeout", _HOST_TIMEOUT_S)
    if isinstance(board, SensorBoard):
        assert bench.fixture.sensor is not None
        board.start(bench.fixture.sensor.heads)
    elif isinstance(board, TableBoard):
        board.home()
    else:
        board.link.command(Command.COIL_ENABLE, 1)
    board.wait_telemetry(lambda t: t.board_state == BoardState.ACTIVE, 5.0, "switching on")
    board.link.pause_heartbeat()
    limit_s = 10.0 * _HOST_TIMEOUT_S
    board.clock.wait(lambda: board.link.fault is not None, limit_s)
    fault = board.link.fault
    seen = bench.watch(0.3, check=False)
    if fault is None or not seen:
        raise ProcedureError(f"outputs stayed on {limit_s:g} s after the host fell silent")
    least_s = _HOST_TIMEOUT_S
    return [
        Value(
            "fault", fault.code, "code", exactly(FaultCode.HOST_SILENT, "safety: host silent")
        ),
        Value(
            "time to switch off", fault.value * 1e-3, "s",
            Limit(least_s, least_s + 0.02, "setting host_timeout, block of 1 ms"),
        ),
        *_outputs(seen[-1])[:2],
    ]  # fmt: skip


def clock_error(bench: Bench) -> list[Value]:
    """Crystal against the host's clock, from time exchanges over the whole run."""
    if not bench.has_own_crystal:
        return []
    while bench.clock_span_s < _CLOCK_SPAN_S:
        bench.exchange_time()
        bench.tell(f"{bench.clock_span_s:.0f} of {_CLOCK_SPAN_S:.0f} s")
        bench.watch(2.0)
    bench.exchange_time()
    regression = bench.clock_regression
    # The regression tells host seconds a board second: a fast crystal makes it negative.
    return [
        Value(
            "crystal against host", -regression.drift_ppm, "ppm",
            Limit(-_CRYSTAL_PPM, _CRYSTAL_PPM, "design: crystal ±60 ppm with ageing"),
            regression.exchange_count, regression.drift_uncertainty_ppm,
        )
    ]  # fmt: skip


def first_checks(active_needs: tuple[str, ...]) -> list[Check]:
    """Tests before those of the role.

    Parameters
    ----------
    active_needs : tuple of str
        What the fixture must have for outputs to be switched on.
    """
    return [
        Check("identity", "Identity", identity),
        Check("start_state", "Outputs off after a restart", start_state, requires=("identity",)),
        Check("self_test", "The board's own test", self_test, requires=("identity",)),
        Check("setting_limits", "Limits of the settings", setting_limits, requires=("identity",)),
        Check("stream", "Stream without loss", stream, requires=("identity",)),
        Check(
            "host_silence", "Off when the host falls silent", host_silence,
            active_needs, ("start_state",),
        ),
    ]  # fmt: skip


def last_checks() -> list[Check]:
    """Tests after those of the role."""
    return [Check("clock_error", "Crystal", clock_error, requires=("identity",))]
