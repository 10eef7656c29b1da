"""Identity, settings and streams of the real firmware on virtual boards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nullfield.errors import RequestError
from nullfield.link_answers import Subject
from nullfield_protocol.catalogue import (
    PROTOCOL_VERSION,
    BoardState,
    Command,
    ErrorCode,
    ResetCause,
    Role,
)
from nullfield_protocol.codec import build
from nullfield_protocol.frame import encode_frame
from nullfield_protocol.messages import MessageId

ROLES = ("sensor", "coil", "table")


@pytest.mark.parametrize("role", ROLES)
def test_a_board_boots_safe_and_says_who_it_is(bench: Any, role: str) -> None:
    board = bench.connect(role)
    who = board.identity
    assert who.uid == bench.of(role).uid
    assert who.role == Role[role.upper()]
    assert who.board_name == f"{role}_pico2"
    assert who.protocol_version == PROTOCOL_VERSION
    assert who.reset_cause == ResetCause.POWER_ON
    assert who.state == BoardState.SAFE
    assert who.row_period_us == 1000
    bench.run_s(0.3)
    assert bench.of(role).outputs == dict.fromkeys(bench.of(role).process.output_bits, 0)
    assert not any(bench.of(role).duty)
    assert bench.heater_power_w() == 0.0
    assert bench.laser_current_ma() == 0.0
    assert bench.coil_current_ma() == 0.0
    assert not bench.motor_is_on()


@pytest.mark.parametrize("role", ROLES)
def test_every_setting_has_its_limits(bench: Any, role: str) -> None:
    board = bench.connect(role)
    for name, setting in board.settings.all().items():
        step = 10.0**setting.exponent
        assert board.settings.set(name, setting.minimum) == pytest.approx(setting.minimum)
        assert board.settings.set(name, setting.maximum) == pytest.approx(setting.maximum)
        with pytest.raises(RequestError) as above:
            board.settings.set(name, setting.maximum + step)
        assert above.value.code == ErrorCode.ABOVE_MAXIMUM
        assert name in above.value.message
        with pytest.raises(RequestError) as below:
            board.settings.set(name, setting.minimum - step)
        assert below.value.code == ErrorCode.BELOW_MINIMUM
        assert board.settings.refresh(name) == pytest.approx(setting.maximum)
        board.settings.set(name, setting.default)
        assert board.settings.refresh(name) == pytest.approx(setting.default)


@pytest.mark.parametrize("role", ROLES)
def test_a_stream_has_every_sample(bench: Any, role: str) -> None:
    board = bench.connect(role)
    board.stream_start()
    window = board.wait_samples(3000)
    assert len(window) == 3000
    assert np.all(np.diff(window.index) == 1)
    assert np.all(np.diff(window.board_time_us) == 1000)
    assert board.samples.lost_rows() == {"board_queue": 0, "link": 0, "board_blocks": 0}
    statistics = board.link.statistics
    assert not statistics.errors
    assert not statistics.lost_frames
    assert statistics.board_receive_errors == 0


def test_commands_while_streaming_cost_no_sample(bench: Any) -> None:
    board = bench.coil()
    board.stream_start()
    board.wait_samples(100)
    for _ in range(30):
        board.ping()
        board.settings.read_all()
        board.stream_start()
    board.wait_samples(100)
    assert board.samples.gaps == []


def test_a_streaming_board_can_be_opened(bench: Any) -> None:
    board = bench.coil()
    board.stream_start()
    board.wait_samples(50)
    board.close()
    bench.devices.clear()
    bench.run_s(0.05)
    again = bench.coil()
    assert len(again.wait_samples(500)) == 500


def test_garbage_and_half_frames_are_counted_and_survived(bench: Any) -> None:
    board = bench.coil()
    # The board's counters are taken from its first heartbeat on.
    bench.run_s(0.3)
    line = bench.of("coil").to_board
    whole = encode_frame(
        MessageId.COMMAND_REQUEST,
        0,
        build(MessageId.COMMAND_REQUEST, request_id=1, command=int(Command.PING), argument=[0] * 4),
    )
    noise = np.random.default_rng(5)
    bad = 0
    for cut in range(2, len(whole) - 1, 3):
        line += whole[:cut] + b"\0"
        line += bytes(noise.integers(1, 256, 40, dtype=np.uint8)) + b"\0"
        bad += 2
    line += b"\x01" * 3000 + b"\0"
    board.ping()
    bench.run_s(0.5)
    assert board.link.statistics.board_receive_errors == bad + 1
    assert board.link.fault is None
    # A half frame that is never ended swallows one request; the retry gets through.
    line += whole[:7]
    board.ping()
    assert board.link.statistics.retries <= 1


def test_a_retry_is_not_done_twice(bench: Any) -> None:
    board = bench.coil()
    board.enable()
    payload = build(
        MessageId.COMMAND_REQUEST,
        request_id=12345,
        command=int(Command.COIL_SET),
        argument=[0, 1_000_000, 0, 0],
    )
    line = bench.of("coil").to_board
    line += encode_frame(MessageId.COMMAND_REQUEST, 0, payload)
    bench.run_s(0.05)
    line += encode_frame(MessageId.COMMAND_REQUEST, 1, payload)
    bench.run_s(0.05)
    assert board.link.statistics.unmatched_replies == 2
    assert board.wait_telemetry(lambda t: True, 1.0).setpoint_a[0] == pytest.approx(1e-3)


def test_a_refused_request_names_code_and_detail(bench: Any) -> None:
    board = bench.coil()
    with pytest.raises(RequestError) as refused:
        board.link.request(
            MessageId.SETTING_READ_REQUEST,
            MessageId.SETTING_VALUE,
            Subject("setting 999"),
            index=999,
        )
    assert refused.value.code == ErrorCode.UNKNOWN_SETTING


def test_same_seed_same_bytes(make_bench: Any) -> None:
    def bytes_of(seed: int) -> dict[str, bytes]:
        one = make_bench(seed=seed)
        taken: dict[str, bytes] = {}
        for role in ROLES:
            board = one.connect(role)
            board.stream_start()
        for role in ROLES:
            board = one.of(role)
            taken[role] = b""
            inner = board.receiver

            def tap(data: bytes, role: str = role, inner: Any = inner) -> None:
                taken[role] += data
                inner(data)

            board.receiver = tap
        one.run_s(0.7)
        one.close()
        return taken

    first, second, other = bytes_of(7), bytes_of(7), bytes_of(8)
    assert first == second
    assert all(len(first[role]) > 5000 for role in ROLES)
    assert first["sensor"] != other["sensor"]
