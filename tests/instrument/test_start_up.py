"""Cold start on fake boards: progress, heads that fail, boards that fail."""

import pytest
from fake_board import FakeBoard, StepClock
from fake_heads import FakeHeads

from nullfield.errors import BoardFaultError, BoardLostError, ProcedureError
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.start_up import start_up
from nullfield.rig import load_rig
from nullfield_protocol.catalogue import Command, FaultCode, HeadState, Role


class Bench:
    """The small rig on fake boards."""

    def __init__(self, **changes):
        self.clock = StepClock()
        rig, _ = load_rig("bench4")
        self.rig = rig.model_copy(update=changes)
        sensor, coil = rig.boards
        self.heads = FakeHeads(self.clock, sensor.uid)
        self.coil = FakeBoard(self.clock, Role.COIL, bytes.fromhex(coil.uid))
        self.by_uid = {sensor.uid: self.heads, coil.uid: self.coil}
        self.told = []

    def instrument(self):
        return Instrument(self.rig, self.clock, lambda entry: self.by_uid[entry.uid])

    def start(self, **options):
        with self.instrument() as instrument:
            # These heads have no rows that would tell of a zero.
            told = self.told.append
            return start_up(instrument, lambda *what: told(what), zero_together=False, **options)

    @property
    def orders(self):
        return [command for command, _ in self.heads.commands if command != Command.PING]


def test_all_heads_come_up():
    bench = Bench()
    result = bench.start()
    assert result.ready == ("H1", "H2", "H3", "H4")
    assert result.failed == {}
    assert 4.0 <= result.duration_s < 6.0
    fractions = [fraction for _, fraction, _ in bench.told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {step for step, _, _ in bench.told} == {"start"}
    assert bench.told[-2][2].endswith("heads ready, 150 °C")


def test_outputs_go_off_when_the_instrument_is_left():
    bench = Bench()
    bench.start()
    assert bench.orders == [Command.SENSOR_START, Command.SAFE_OFF]
    assert bench.coil.commands[-1][0] == Command.SAFE_OFF
    assert not bench.heads.is_open
    assert not bench.coil.is_open


def test_only_heads_of_the_rig_are_started():
    heads = load_rig("bench4")[0].heads
    bench = Bench(heads=(heads[0], heads[2]))
    assert bench.start().ready == ("H1", "H3")
    assert bench.heads.commands[1] == (Command.SENSOR_START, [0b0101, 0, 0, 0])


def test_head_that_fails_does_not_hold_the_others_up():
    bench = Bench()
    bench.heads.faulty = {1: FaultCode.LASER_LOCK_LOST}
    result = bench.start()
    assert result.ready == ("H1", "H3", "H4")
    assert result.failed == {"H2": "laser lock lost"}
    assert result.duration_s < 6.0


def test_head_that_never_gets_ready_fails_at_the_end_of_the_time():
    bench = Bench()
    bench.heads.stuck = {3: HeadState.LOCK}
    result = bench.start(timeout_s=20.0)
    assert result.failed == {"H4": "still in state lock"}
    assert 20.0 <= result.duration_s < 21.0


def test_too_few_heads():
    bench = Bench()
    bench.heads.faulty = dict.fromkeys((1, 2, 3), FaultCode.LASER_LOCK_LOST)
    with pytest.raises(
        ProcedureError, match="only 1 of 4 heads are ready; H2: laser lock lost"
    ) as e:
        bench.start()
    assert e.value.exit_code == 11
    assert e.value.hint
    assert bench.orders[-1] == Command.SAFE_OFF


def test_minimum_share_is_the_callers():
    bench = Bench()
    bench.heads.faulty = dict.fromkeys((1, 2, 3), FaultCode.LASER_LOCK_LOST)
    assert bench.start(minimum_ready=0.25).ready == ("H1",)


def test_no_telemetry_at_all():
    bench = Bench()
    bench.heads._tell = lambda: None
    bench.heads.telemetry = lambda **_: None
    with pytest.raises(ProcedureError, match="only 0 of 4 heads are ready; H1: still in state off"):
        bench.start(timeout_s=3.0)


def test_rig_without_heads():
    with pytest.raises(ProcedureError, match="rig bench4 has no heads"):
        Bench(heads=()).start()


def test_fault_of_a_board_ends_it_and_all_outputs_go_off():
    bench = Bench()
    bench.clock.at(bench.clock.now + 2.0, bench.heads.fault)
    with pytest.raises(BoardFaultError, match="interlock open") as caught:
        bench.start()
    assert caught.value.exit_code == 12
    assert bench.orders[-1] == Command.SAFE_OFF
    assert bench.coil.commands[-1][0] == Command.SAFE_OFF


def test_fault_of_another_board_ends_it_too():
    bench = Bench()
    bench.clock.at(bench.clock.now + 2.0, bench.coil.fault)
    with pytest.raises(BoardFaultError, match=bench.rig.boards[1].uid):
        bench.start()
    assert bench.orders[-1] == Command.SAFE_OFF


def test_port_that_vanishes():
    bench = Bench()
    bench.clock.at(bench.clock.now + 2.0, lambda: bench.heads.lost("unplugged"))
    with pytest.raises(BoardLostError, match=r"gone \(unplugged\)") as caught:
        bench.start()
    assert caught.value.exit_code == 6
    # Nothing can be said to the lost board; its own watch on the host makes it safe.
    assert bench.coil.commands[-1][0] == Command.SAFE_OFF


def test_board_that_falls_silent():
    bench = Bench()
    bench.clock.at(bench.clock.now + 2.0, lambda: setattr(bench.coil, "is_mute", True))
    began_s = bench.clock.now
    with pytest.raises(BoardLostError, match=r"nothing came for [12]\.\d s"):
        bench.start()
    assert bench.clock.now - began_s < 8.0
    assert bench.orders[-1] == Command.SAFE_OFF


def test_board_missing_closes_those_already_open():
    bench = Bench()
    bench.coil.is_mute = True
    with pytest.raises(Exception, match="does not answer"):
        bench.start()
    assert not bench.heads.is_open
    assert not bench.coil.is_open
    assert bench.orders == [Command.SAFE_OFF]
