"""Nulling of the effective field at one head on all three axes, with its own coils.

Works on the fast path's state words only: it sets coil commands, lets the fast path settle and
average, and reads the sums.

From far out the light shows the way (`light_search`). Within some 10 nT a *cycle* of small steps on
the transverse axes (`response`) gives the field on all three: x and y from what is there without a
step, and the beam field from the turn between the two senses of rotation, whose zero needs no
calibration. Its scale, a width in counts per radian, is learned from the moves. These are Newton's
steps. Of the cycles in a row that move by less than a nanotesla two are enough if they agree; else the
median of three counts, because a heartbeat or a lorry may have fallen into one of them.

*Offset.* Relaxation makes each step of the y coil leave a little of modulated light, the same with
either polarity of the modulation, while all that fields make changes sign. So a full zero takes three
cycles with each polarity; half of the sum is the offset, one for each sense.

*Curvature.* Steps large enough against the heart's field are so large that the response bends. A full
zero takes cycles with half the step too: the slope at zero is (4 s(1/2) - s(1)) / 3.

All numbers are small integers; products with a wide middle go through `fixed.muldiv`.
"""

from . import lockin
from .fixed import clip, length, muldiv
from .light_search import LightSearch
from .probing import Probe
from .response import POINT_BLOCKS, POINTS, STEP_X, STEP_Y, Response

IDLE = 0
COARSE = 1
CYCLE = 2
DONE = 3
FAILED = 4


_SETTLE_BLOCKS = 10
# After a change of polarity or of the step: the first point waits longer.
_LONG_SETTLE_BLOCKS = 20
_CYCLE_LIMIT = 60
_FOLLOW_LIMIT = 15
_KEPT = 3
_AGREEMENT = 16000  # 30 pT
_MOVE_LIMIT_COUNT = 1610000  # 3 nT a cycle: farther out the slope is less than the secant
_BEAM_LIMIT_COUNT = 6400000  # 12 nT
_NEAR = 536871  # 1 nT: from here one step is good to some 20 pT

# Stages: come near; means with either polarity; half steps; all three axes for good.
_APPROACH = 0
_STRAIGHT = 1
_REVERSED = 2
_HALF = 3
_FINAL = 4

# Words of a kept cycle: commands for x, y, beam; determinant, responses, means.
_X = 0
_Y = 1
_B = 2
_DETERMINANT = 3
_G = 4
_MEAN = 12
_WORDS = 16


class FieldZero:
    """Zeroing of one head.

    Parameters
    ----------
    state : array
        The fast path's state.
    head : int
    reach_count : int
        Step of the search by light.
    delta_count : int
        Step on the transverse axes.
    width_count : int
        Beam field for a turn of one radian, to begin with.

    Attributes
    ----------
    phase, cycles : int
    calibrated : bool
        Weights are those of this cell.
    response_x, response_y : int
        I, Q of the fast path for 2 nT at zero, 2**-10.
    """

    def __init__(self, state, head, reach_count, delta_count, width_count):
        self._state = state
        self._base = head * lockin.STRIDE
        self._probe = Probe(state, head)
        self._search = LightSearch(self._probe, reach_count)
        self._response = Response()
        self._delta = delta_count
        self._start_width = width_count
        self._width = width_count
        self._offset = [0] * 4
        self._bend = 16384  # slope at zero by that of a step, Q14
        self._whole_determinant = 1
        self._kept = [0] * (_KEPT * _WORDS)
        self._count = 0
        self._wanted = _KEPT
        self._is_known = False
        self._point = 0
        self._stage = _FINAL
        self._last_b = 0
        self._last_psi = 0
        self._has_last = False
        self._is_full = False
        self._limit = _CYCLE_LIMIT
        self.phase = IDLE
        self.cycles = 0
        self.calibrated = False
        self.response_x = 0
        self.response_y = 0

    def start(self, full, quick=False):
        """Begin. `full` searches by the light first and finds offsets and curvature too.

        `quick`, for a head that was zeroed before: with `full` offsets and curvature are kept, because
        only the field has moved; without it one cycle near zero counts, and the loop's weights stay.
        """
        self._probe.take()
        self._is_full = full
        self._limit = _CYCLE_LIMIT if full else _FOLLOW_LIMIT
        self.cycles = 0
        self._has_last = False
        self._is_known = quick and self.calibrated
        self._wanted = 1 if self._is_known and not full else _KEPT
        if full and self._is_known:
            self._probe.modulate(0, 1)
            self.phase = COARSE
            self._search.start()
        elif full:
            self.calibrated = False
            self._width = self._start_width
            self._bend = 16384
            for word in range(4):
                self._offset[word] = 0
            self._probe.modulate(0, 1)
            self.phase = COARSE
            self._search.start()
        else:
            self.phase = CYCLE
            self._enter(_FINAL)

    def stop(self):
        """Give up at once."""
        self.phase = IDLE
        self._state[self._base + lockin.COUNT] = 0

    def busy(self):
        """True while it works."""
        return self.phase == COARSE or self.phase == CYCLE

    def poll(self):
        """Go on if the averages are there; call it every few blocks."""
        if not self.busy() or self._probe.is_measuring():
            return
        state = self._state
        base = self._base
        if self.phase == COARSE:
            if not self._search.go_on(state[base + lockin.SUM_DC]):
                return
            self._probe.modulate(1, 1)
            self.phase = CYCLE
            self._enter(_FINAL if self._is_known else _APPROACH)
            return
        response = self._response
        response.keep(self._point, 0, state[base + lockin.SUM_I])
        response.keep(self._point, 1, state[base + lockin.SUM_Q])
        response.keep(self._point, 2, state[base + lockin.SECOND_SUM_I])
        response.keep(self._point, 3, state[base + lockin.SECOND_SUM_Q])
        self._point += 1
        if self._point < POINTS:
            self._measure(_SETTLE_BLOCKS)
        else:
            self._solve()

    # ------------------------------------------------------------------ measuring

    def _step(self):
        return self._delta >> 1 if self._stage == _HALF else self._delta

    def _measure(self, settle):
        step = self._step()
        point = self._point
        self._probe.measure(STEP_X[point] * step, STEP_Y[point] * step, 0, settle, POINT_BLOCKS)

    def _begin_cycle(self, settle=_SETTLE_BLOCKS):
        self._point = 0
        self._measure(settle)

    def _enter(self, stage):
        self._stage = stage
        self._count = 0
        self._probe.modulate(1, -1 if stage == _REVERSED else 1)
        self._begin_cycle(_LONG_SETTLE_BLOCKS)

    def _fail(self):
        self.phase = FAILED
        self._probe.rest()

    # ------------------------------------------------------------------ one cycle

    def _solve(self):
        response = self._response
        response.reduce()
        self.cycles += 1
        if self.cycles > self._limit or not response.invert(self._step()):
            # What only follows the field has lost it: the light finds it again.
            if self._is_full and not self._is_known:
                self._fail()
            else:
                self.start(True)
            return
        response.solve(self._offset)
        stage = self._stage
        if stage == _APPROACH or stage == _FINAL:
            self._learn_width()
            dx = -clip(response.ex, _MOVE_LIMIT_COUNT)
            dy = -clip(response.ey, _MOVE_LIMIT_COUNT)
            db = -clip(muldiv(response.psi, self._width, 1 << 20), _BEAM_LIMIT_COUNT)
            self._probe.move(dx, dy, db)
            if not (abs(dx) < _NEAR and abs(dy) < _NEAR and abs(db) < _NEAR):
                self._count = 0
                self._begin_cycle()
                return
            if stage == _APPROACH:
                self._enter(_STRAIGHT)
                return
        self._keep()
        if self._count < self._wanted and not (stage == _FINAL and self._agree()):
            self._begin_cycle()
        elif stage == _STRAIGHT:
            for word in range(4):
                self._offset[word] = self._median(_MEAN + word)
            self._whole_determinant = self._median(_DETERMINANT)
            self._enter(_REVERSED)
        elif stage == _REVERSED:
            for word in range(4):
                offset = (self._offset[word] + self._median(_MEAN + word)) // 2
                self._offset[word] = clip(offset, lockin.OFFSET_LIMIT)
            self._enter(_HALF)
        elif stage == _HALF:
            # Determinants go with the square of the slope, and with the square of the step.
            ratio = muldiv(4 * self._median(_DETERMINANT), 16384, self._whole_determinant)
            self._bend = 16384 + clip(muldiv(ratio - 16384, 2, 3), 3000)
            self._enter(_FINAL)
        else:
            self._finish()

    def _learn_width(self):
        """The secant through two cycles, once they lie far enough apart."""
        psi = self._response.psi
        b = self._probe.b
        if self._has_last:
            moved = b - self._last_b
            change = psi - self._last_psi
            if (moved > 500000 or moved < -500000) and change:
                width = muldiv(moved, 1 << 20, change)
                if self._start_width // 3 < width < self._start_width * 3:
                    self._width = width
        self._last_b = b
        self._last_psi = psi
        self._has_last = True

    def _keep(self):
        response = self._response
        probe = self._probe
        kept = self._kept
        at = self._count * _WORDS
        kept[at + _X] = probe.x
        kept[at + _Y] = probe.y
        kept[at + _B] = probe.b
        kept[at + _DETERMINANT] = response.determinant
        for word in range(8):
            kept[at + _G + word] = response.g[word]
        for word in range(4):
            kept[at + _MEAN + word] = response.mean[word]
        self._count += 1

    def _agree(self):
        """Whether two cycles alone say the same; a beat in one of them shows."""
        if self._count < 2:
            return False
        kept = self._kept
        for word in range(3):
            if abs(kept[word] - kept[word + _WORDS]) > _AGREEMENT:
                return False
        return True

    def _median(self, word):
        """Middle one of three kept values, mean of two."""
        kept = self._kept
        a = kept[word]
        b = kept[word + _WORDS]
        if self._count == 2:
            return (a + b) // 2
        c = kept[word + 2 * _WORDS]
        return max(min(a, b), min(max(a, b), c))

    # ------------------------------------------------------------------ the end

    def _finish(self):
        if self._wanted == 1:
            # One cycle moves a little by what it saw itself; a heartbeat must not get into weights.
            self._probe.rest()
            self.phase = DONE
            return
        response = self._response
        for word in range(8):
            response.g[word] = self._median(_G + word)
        step = muldiv(self._delta, 16384, self._bend)
        if not response.invert(step) or self._too_weak():
            self._fail()
            return
        self._probe.x = self._median(_X)
        self._probe.y = self._median(_Y)
        self._probe.b = self._median(_B)
        state = self._state
        base = self._base
        for word in range(4):
            state[base + lockin.W_XI + word] = response.weights[word]
            state[base + lockin.SECOND_W_XI + word] = response.weights[4 + word]
            state[base + lockin.OFFSET_I + word] = self._offset[word]
        # The offsets were taken with another light perhaps: what the senses still differ by.
        state[base + lockin.RIPPLE_X] = clip(response.ripple_x, 1 << 23) << 6
        state[base + lockin.RIPPLE_Y] = clip(response.ripple_y, 1 << 23) << 6
        g = response.g
        # From 5/8 of a step of 2 delta, 2**-12, to one of 2 nT, 2**-10.
        self.response_x = self._told((length(g[0], g[1]) + length(g[4], g[5])) >> 1)
        self.response_y = self._told((length(g[2], g[3]) + length(g[6], g[7])) >> 1)
        self.calibrated = True
        self._probe.rest()
        self.phase = DONE

    def _too_weak(self):
        """Weights beyond their format would overflow the fast path's products."""
        for word in range(8):
            if abs(self._response.weights[word]) > lockin.WEIGHT_LIMIT:
                return True
        return False

    def _told(self, response):
        response = muldiv(response, self._bend, 16384)
        return muldiv(response * 32, _ONE_NT, 5 * self._delta)


_ONE_NT = 536871
