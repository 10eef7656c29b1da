"""Faults latch in order; slow work keeps its turns."""

from nullfield_fw import wire
from nullfield_fw.faults import Faults
from nullfield_fw.schedule import Divider


def test_the_first_fault_is_kept_and_outputs_go_off_each_time():
    events = []
    faults = Faults(lambda: events.append("off"))
    faults.latch(wire.FAULT_CODE_COIL_OPEN, 3, -77)
    assert events == ["off"]
    assert faults.unsent
    faults.unsent = False
    faults.latch(wire.FAULT_CODE_HOST_SILENT, 1, 5)
    assert events == ["off", "off"]
    assert (faults.code, faults.source, faults.value) == (wire.FAULT_CODE_COIL_OPEN, 3, -77)
    assert faults.count == 2
    assert not faults.unsent


def test_outputs_are_off_before_the_fault_is_told():
    seen = []
    faults = Faults(lambda: seen.append(faults.code))
    faults.latch(wire.FAULT_CODE_TABLE_LIMIT)
    assert seen == [wire.FAULT_CODE_NONE]


def test_cleared_faults_latch_again():
    faults = Faults(lambda: None)
    faults.latch(wire.FAULT_CODE_COIL_OPEN, 1, 2)
    faults.clear()
    assert (faults.code, faults.source, faults.value, faults.unsent) == (0, 0, 0, False)
    faults.latch(wire.FAULT_CODE_INTERLOCK_OPEN)
    assert faults.code == wire.FAULT_CODE_INTERLOCK_OPEN
    assert faults.unsent


def test_divider_keeps_period_and_phase():
    for period, phase in ((1, 0), (10, 0), (10, 7), (100, 99)):
        divider = Divider(period, phase)
        turns = [block for block in range(500) if divider.due()]
        assert turns == list(range(phase, 500, period))


def test_divider_refuses_nonsense():
    for period, phase in ((0, 0), (5, 5), (5, -1)):
        try:
            Divider(period, phase)
            raise AssertionError
        except ValueError:
            pass
