"""Nulling of the effective field at one head, with its own coils.

Works on the fast path's state words only: it sets coil commands, lets the fast path settle and
average, and reads the sums. Three things have to be found at once.

*Transverse axes.* Small steps of +-`delta` on each axis give the response of (I, Q) to both axes;
solving with the mean response gives the transverse field. That works within the linear range, some
10 nT. From farther out, the light itself shows the way without modulation (Hanle effect): in a field
the polarisation along the beam is P0 (w^2 + Bz^2) / (w^2 + B^2), so the light through the cell is
largest where the transverse field is zero, whatever the beam field; and with a transverse field
applied it is least where the beam field is zero. Three points an axis and a parabola, repeated.

*Beam axis.* The transverse response is largest near zero beam field; measured at +-`span` it is
balanced. The balance is not the zero: a rotating modulation acts like a beam field
gamma B_m^2 / (2 f), and it makes the response lopsided too. Both follow the sense of rotation, so the
mean of the two balances, one for each sense, is the zero of field and light shift together, without
any calibration.

*Fictitious field.* Half of the difference of the balances is a fixed share of the fictitious field.
The share (`ratio`) comes from the cell's design, see the board definition; laser power and
modulation amplitude within 5 % change it by less than 2 %.

All numbers are small integers; products with a wide middle go through `fixed.muldiv`. The module is
longer than most: it is one state machine whose steps share all of its state.
"""

from . import lockin
from .fixed import clip, length, muldiv

IDLE = 0
COARSE = 1
CYCLE = 2
DONE = 3
FAILED = 4

_SETTLE_BLOCKS = 14
_AVERAGE_BLOCKS = 16
_COARSE_LIMIT = 12
_CYCLE_LIMIT = 24
# Response words are brought to 14 bits before products; the fine step's are smaller.
_COARSE_BITS = 12
_FINE_BITS = 10
_AGREEMENT = 125  # two responses agree when they differ by less than 1/125
_FINE_LIMIT = 12

# Stages: balance, balance with the rotation reversed (full zero only), then transverse axes only.
_FORWARD = 0
_REVERSED = 1
_FINAL = 2

_POINTS = 8
# Signs of the steps on x, y and beam at the eight points of a cycle.
_STEP_X = (1, -1, 0, 0, 1, -1, 1, -1)
_STEP_Y = (0, 0, 1, -1, 0, 0, 0, 0)
_STEP_B = (0, 0, 0, 0, 1, 1, -1, -1)


class FieldZero:
    """Zeroing of one head.

    Parameters
    ----------
    state : array
        The fast path's state.
    head : int
    reach_count : int
        Step of the search by light.
    delta_count, span_count : int
        Step on the transverse axes and on the beam axis.
    width_count : int
        Beam correction per unit of imbalance to begin with.
    ratio_permille : int
        Fictitious field by half of the difference of the balances.
    fine_count : int
        Step of the last measurement, from which the weights are made.
    secant_permille : int
        Response at the fine step by that of a vanishing one.
    """

    def __init__(
        self,
        state,
        head,
        reach_count,
        delta_count,
        span_count,
        width_count,
        ratio_permille,
        fine_count,
        secant_permille,
    ):
        self._state = state
        self._base = head * lockin.STRIDE
        self._reach = reach_count
        self._axis = 0
        self._moved = 0
        self._delta = delta_count
        self._fine = fine_count
        self._secant = secant_permille
        self._fine_cycles = 0
        self._last_g = [0] * 4
        self._span = span_count
        self._start_width = width_count
        self._ratio = ratio_permille
        self._half = 0
        self._width = width_count
        # Convergence in counts of 1.86 fT: 300 pT on the transverse axes, where the loop takes
        # over, and 100 pT on the beam axis. A heart's beat moves the field by less.
        self._tolerance = 160000
        self._beam_tolerance = 54000
        self.phase = IDLE
        self.cycles = 0
        self.calibrated = False
        self.fictitious = 0
        self.response_x = 0
        self.response_y = 0
        self._i = [0] * _POINTS
        self._q = [0] * _POINTS
        self._point = 0
        self._full = False
        self._stage = _FINAL
        self._x = 0
        self._y = 0
        self._b = 0
        self._forward_b = 0
        self._last_b = 0
        self._last_imbalance = 0
        self._has_last = False

    def start(self, full):
        """Begin. `full` searches by the light first and finds the fictitious field too."""
        state = self._state
        base = self._base
        state[base + lockin.LOOP_CLOSED] = 0
        self._x = state[base + lockin.U_X]
        self._y = state[base + lockin.U_Y]
        self._b = state[base + lockin.U_B]
        self.cycles = 0
        self._has_last = False
        self._full = full
        self._stage = _FORWARD
        self._width = self._start_width
        if full:
            self.calibrated = False
            state[base + lockin.MODULATION_ON] = 0
            self._begin_coarse()
        else:
            self._begin_cycle()

    def stop(self):
        """Give up at once."""
        self.phase = IDLE
        self._state[self._base + lockin.COUNT] = 0

    def busy(self):
        """True while it works."""
        return self.phase == COARSE or self.phase == CYCLE

    def poll(self):
        """Go on if the averages are there; call it every few blocks."""
        state = self._state
        base = self._base
        if not self.busy() or state[base + lockin.COUNT]:
            return
        # The sum of 16 samples shifted by 4 is the mean.
        in_phase = state[base + lockin.SUM_I]
        quadrature = state[base + lockin.SUM_Q]
        if self.phase == COARSE:
            self._coarse(state[base + lockin.SUM_DC])
            return
        self._i[self._point] = in_phase
        self._q[self._point] = quadrature
        self._point += 1
        # Without the beam axis a cycle has the four transverse points only.
        if self._point < (4 if self._stage == _FINAL else _POINTS):
            self._measure_point()
        else:
            self._solve()

    # ------------------------------------------------------------------ measuring

    def _measure(self, dx, dy, db):
        state = self._state
        base = self._base
        state[base + lockin.U_X] = self._x + dx
        state[base + lockin.U_Y] = self._y + dy
        state[base + lockin.U_B] = self._b + db
        state[base + lockin.SUM_I] = 0
        state[base + lockin.SUM_Q] = 0
        state[base + lockin.SUM_DC] = 0
        state[base + lockin.COUNT] = _AVERAGE_BLOCKS
        state[base + lockin.SETTLE] = _SETTLE_BLOCKS

    def _measure_point(self):
        point = self._point
        delta = self._fine if self._stage == _FINAL else self._delta
        self._measure(_STEP_X[point] * delta, _STEP_Y[point] * delta, _STEP_B[point] * self._span)

    def _begin_cycle(self):
        self.phase = CYCLE
        self._point = 0
        self._measure_point()

    def _clip_command(self, value):
        return clip(value, self._state[self._base + lockin.LIMIT])

    # ------------------------------------------------------------------ coarse search

    def _begin_coarse(self):
        self.phase = COARSE
        self._axis = 0
        self._point = 0
        self._measure_coarse()

    def _measure_coarse(self):
        step = (0, 1, -1)[self._point] * self._reach
        if self._axis == 0:
            self._measure(step, 0, 0)
        elif self._axis == 1:
            self._measure(0, step, 0)
        else:
            # Only across a transverse field does the light show the beam field.
            self._measure(self._reach, 0, step)

    def _coarse(self, light):
        self._i[self._point] = light
        self._point += 1
        if self._point < 3:
            self._measure_coarse()
            return
        self._point = 0
        middle, upper, lower = self._i[0], self._i[1], self._i[2]
        if self._axis == 2:
            # The light is least where the beam field is zero: the same peak upside down.
            middle, upper, lower = -middle, -upper, -lower
        slope = upper - lower
        bend = 2 * middle - upper - lower
        reach = self._reach
        if bend > 0 and abs(slope) < 3 * bend:
            shift = muldiv(slope, reach, 2 * bend)
        else:
            # Far out on a flank: go to the better side.
            shift = reach if slope > 0 else -reach
        if self._axis == 0:
            self._x = self._clip_command(self._x + shift)
        elif self._axis == 1:
            self._y = self._clip_command(self._y + shift)
        else:
            self._b = self._clip_command(self._b + shift)
        self._moved = max(self._moved, abs(shift))
        self._axis += 1
        if self._axis < 3:
            self._measure_coarse()
            return
        self.cycles += 1
        near = self._moved < self._reach // 8
        self._moved = 0
        if near or self.cycles >= _COARSE_LIMIT:
            self._state[self._base + lockin.MODULATION_ON] = 1
            self._begin_cycle()
        else:
            self._begin_coarse()

    # ------------------------------------------------------------------ one cycle

    def _solve(self):
        i = self._i
        q = self._q
        final = self._stage == _FINAL
        bits = _FINE_BITS if final else _COARSE_BITS
        gxi = (i[0] - i[1]) >> bits
        gxq = (q[0] - q[1]) >> bits
        gyi = (i[2] - i[3]) >> bits
        gyq = (q[2] - q[3]) >> bits
        si = (i[0] + i[1] + i[2] + i[3]) >> 2
        sq = (q[0] + q[1] + q[2] + q[3]) >> 2
        determinant = gxi * gyq - gyi * gxq
        self.cycles += 1
        if -10000 < determinant < 10000:
            self.phase = FAILED
            self._restore()
            return
        # Field in units of 2 delta: M^-1 (I, Q); words of 24 bits and 14 bits meet in muldiv.
        step = 2 * (self._fine if final else self._delta)
        if final:
            # The response bends: a step's slope is smaller than that of the heart's small field.
            step = muldiv(step, self._secant, 1000)
        shift = 18 - bits
        wxi = muldiv(step, gyq << shift, determinant)
        wxq = muldiv(step, -(gyi << shift), determinant)
        wyi = muldiv(step, -(gxq << shift), determinant)
        wyq = muldiv(step, gxi << shift, determinant)
        ex = muldiv(si, wxi, 262144) + muldiv(sq, wxq, 262144)
        ey = muldiv(si, wyi, 262144) + muldiv(sq, wyq, 262144)
        limit = 5400000  # 10 nT a cycle: the response is only locally linear
        self._x = self._clip_command(self._x - clip(ex, limit))
        self._y = self._clip_command(self._y - clip(ey, limit))
        correction = 0 if final else self._correct_beam(self._imbalance())
        settled = (
            -self._tolerance < ex < self._tolerance
            and -self._tolerance < ey < self._tolerance
            and -self._beam_tolerance < correction < self._beam_tolerance
        )
        if settled and final and not self._agrees(gxi, gxq, gyi, gyq):
            self._begin_cycle()
        elif settled:
            self._settled(wxi, wxq, wyi, wyq, gxi, gxq, gyi, gyq)
        elif self.cycles >= _COARSE_LIMIT + 3 * _CYCLE_LIMIT:
            self.phase = FAILED
            self._restore()
        else:
            self._begin_cycle()

    def _agrees(self, gxi, gxq, gyi, gyq):
        """Whether this response is that of the cycle before: a heart beat in between shows here."""
        last = self._last_g
        away = abs(gxi - last[0]) + abs(gxq - last[1]) + abs(gyi - last[2]) + abs(gyq - last[3])
        last[0] = gxi
        last[1] = gxq
        last[2] = gyi
        last[3] = gyq
        self._fine_cycles += 1
        size = abs(gxi) + abs(gxq) + abs(gyi) + abs(gyq)
        return away * _AGREEMENT < size or self._fine_cycles >= _FINE_LIMIT

    def _imbalance(self):
        """Difference over sum of the squared response at +span and -span, Q20."""
        i = self._i
        q = self._q
        bits = _COARSE_BITS
        upper_i = (i[4] - i[5]) >> bits
        upper_q = (q[4] - q[5]) >> bits
        lower_i = (i[6] - i[7]) >> bits
        lower_q = (q[6] - q[7]) >> bits
        upper = (upper_i * upper_i + upper_q * upper_q) >> 1
        lower = (lower_i * lower_i + lower_q * lower_q) >> 1
        total = upper + lower
        if total == 0:
            return 0
        return muldiv(upper - lower, 1 << 20, total)

    def _correct_beam(self, imbalance):
        if self._has_last:
            change = imbalance - self._last_imbalance
            moved = self._b - self._last_b
            # A secant learns the width once the points lie far enough apart.
            if (change > 20000 or change < -20000) and (moved > 200000 or moved < -200000):
                width = muldiv(-moved, 1 << 20, change)
                if self._start_width // 3 < width < self._start_width * 3:
                    self._width = width
        self._last_b = self._b
        self._last_imbalance = imbalance
        self._has_last = True
        correction = clip(muldiv(imbalance, self._width, 1 << 20), 10700000)
        self._b = self._clip_command(self._b + correction)
        return correction

    def _settled(self, wxi, wxq, wyi, wyq, gxi, gxq, gyi, gyq):
        state = self._state
        base = self._base
        self._has_last = False
        if self._stage == _FORWARD:
            self._forward_b = self._b
            if self._full:
                self._stage = _REVERSED
                state[base + lockin.ROTATION] = -1
                self._begin_cycle()
                return
            self._aim()
            return
        if self._stage == _REVERSED:
            self._half = (self._forward_b - self._b) // 2
            # The command opposes the field that it cancels.
            self.fictitious = -muldiv(self._half, self._ratio, 1000)
            state[base + lockin.ROTATION] = 1
            self._aim()
            return
        if max(abs(wxi), abs(wxq), abs(wyi), abs(wyq)) > lockin.WEIGHT_LIMIT:
            # The response is so weak that the fast path's products would overflow.
            self.phase = FAILED
            self._restore()
            return
        state[base + lockin.W_XI] = wxi
        state[base + lockin.W_XQ] = wxq
        state[base + lockin.W_YI] = wyi
        state[base + lockin.W_YQ] = wyq
        self.response_x = length(gxi, gxq)
        self.response_y = length(gyi, gyq)
        self.calibrated = True
        self._restore()
        self.phase = DONE

    def _aim(self):
        """Go from the forward balance to the zero of the effective field; only x, y are left."""
        self._b = self._clip_command(self._forward_b - self._half - self.fictitious)
        self._stage = _FINAL
        self._fine_cycles = 0
        self._last_g[0] = self._last_g[1] = self._last_g[2] = self._last_g[3] = 0
        self._begin_cycle()

    def _restore(self):
        state = self._state
        base = self._base
        state[base + lockin.ROTATION] = 1
        state[base + lockin.U_X] = self._x
        state[base + lockin.U_Y] = self._y
        state[base + lockin.U_B] = self._b
        state[base + lockin.COUNT] = 0
