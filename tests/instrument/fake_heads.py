"""A sensor board whose heads come up, or not, by a plan."""

from fake_board import FakeBoard

from nullfield_protocol.catalogue import Command, HeadState, Role

TELEMETRY_PERIOD_S = 0.1
STEPS = (
    HeadState.WARM_UP,
    HeadState.LASER_ON,
    HeadState.LOCK,
    HeadState.FIELD_ZERO,
    HeadState.READY,
)


class FakeHeads(FakeBoard):
    """Each head moves one step a second from its start on.

    Attributes
    ----------
    stuck : dict of int to HeadState
        Heads that stay in a state, by slot.
    faulty : dict of int to FaultCode
        Heads that end in a fault instead of the lock.
    """

    def __init__(self, clock, uid):
        super().__init__(clock, Role.SENSOR, bytes.fromhex(uid))
        self.stuck, self.faulty = {}, {}
        self.started_s = {}
        clock.call_every(TELEMETRY_PERIOD_S, self._tell)

    def _command(self, request):
        answer = super()._command(request)
        if request.command == Command.SENSOR_START:
            for slot in range(4):
                if request.argument[0] >> slot & 1:
                    self.started_s[slot] = self.clock.now
        return answer

    def _state(self, slot):
        if slot not in self.started_s:
            return HeadState.OFF, 0
        step = min(int(self.clock.now - self.started_s[slot]), len(STEPS) - 1)
        state = STEPS[step]
        if slot in self.faulty and state >= HeadState.LOCK:
            return HeadState.FAULT, int(self.faulty[slot])
        if slot in self.stuck and state >= self.stuck[slot]:
            return self.stuck[slot], 0
        return state, 0

    def _tell(self):
        if not self.is_open:
            return
        states = [self._state(slot) for slot in range(4)]
        self.telemetry(
            head_state=[int(s) for s, _ in states],
            head_fault=[code for _, code in states],
            cell_temperature_mc=[150_000] * 4,
        )
