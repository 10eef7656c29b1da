"""Response of a head to steps of its transverse coils, in both senses of the modulation's rotation.

Seven points make a cycle: x +, -, +, then y +, -, +, then none. A drift of the field that is steady
falls out of ``(first + third) / 2 - second``; so does 50 Hz, whose period is the time of a point. The
mean of the steps is not what is there without them, as the response bends: hence the last point.

Mirrored at the plane of the beam and the x coil, the other sense with the opposite beam field is
the same head. So with G, G' the responses of (I, Q) to (x, y) in the two senses and
D = diag(1, -1)::

    G = M + A,  G' = (M - A) D,     M even and A odd in the effective beam field

and A is zero with it. A beam field turns the tilt that a transverse field makes: of
T = M^-1 A only the antisymmetric part ``psi = (T_yx - T_xy) / 2`` is that turn; x and y coils that
are not square to one another, and cross-talk of neighbours, which is symmetric, make the
symmetric one. Detection phase, gain and light need not be known, and psi = 0 is zero field.

Number formats: points are sums of `POINT_BLOCKS` / 2 blocks of I >> 3, at most 2**25.7; responses
are differences >> 12, clipped to 23000 so that a determinant fits 30 bits; weights are Q18 and
psi Q20.
"""

from .fixed import clip, muldiv

POINTS = 7
POINT_BLOCKS = 10
# Signs of the steps on x and y.
STEP_X = (1, -1, 1, 0, 0, 0, 0)
STEP_Y = (0, 0, 0, 1, -1, 1, 0)

_WIDEST = 23000
_LEAST_DETERMINANT = 10000
# One more than the fast path takes: what comes out so is too weak.
_LARGEST_WEIGHT = 131072


class Response:
    """Seven points and what follows from them.

    Attributes
    ----------
    g : list of 8 ints
        Response to both steps: xi, xq, yi, yq of both senses.
    mean : list of 4 ints
        I, Q of both senses without steps.
    weights : list of 8 ints
        Field in counts from (I, Q), Q18: xi, xq, yi, yq of both senses.
    ex, ey : int
        Transverse field, counts.
    ripple_x, ripple_y : int
        Half of what the two senses differ by in it.
    psi : int
        Turn by the beam field, rad, Q20.
    determinant : int
        Of the responses that both senses share.
    """

    def __init__(self):
        self._points = [0] * (4 * POINTS)
        self.g = [0] * 8
        self.mean = [0] * 4
        self.weights = [0] * 8
        self.ex = 0
        self.ey = 0
        self.ripple_x = 0
        self.ripple_y = 0
        self.psi = 0
        self.determinant = 0

    def keep(self, point, word, value):
        """Keep a sum: word 0..3 is I, Q of the first and of the second sense."""
        self._points[4 * point + word] = value

    def reduce(self):
        """Responses and means from the seven points."""
        p = self._points
        for word in range(4):
            x = (p[word] + p[8 + word]) >> 1
            y = (p[12 + word] + p[20 + word]) >> 1
            at = word if word < 2 else word + 2
            self.g[at] = clip((x - p[4 + word]) >> 12, _WIDEST)
            self.g[at + 2] = clip((y - p[16 + word]) >> 12, _WIDEST)
            self.mean[word] = muldiv(p[24 + word], 8, 5)

    def invert(self, step_count):
        """Weights from the responses to +-`step_count`; False if there is hardly any response."""
        g = self.g
        w = self.weights
        for sense in (0, 4):
            xi = g[sense]
            xq = g[sense + 1]
            yi = g[sense + 2]
            yq = g[sense + 3]
            determinant = xi * yq - yi * xq
            if -_LEAST_DETERMINANT < determinant < _LEAST_DETERMINANT:
                return False
            # Q18, less the 12 bits of the responses and 5/8 of the sums: 2^6 * 5/8, and 2 steps.
            step = 2 * step_count
            w[sense] = clip(muldiv(step, yq * 40, determinant), _LARGEST_WEIGHT)
            w[sense + 1] = clip(muldiv(step, -yi * 40, determinant), _LARGEST_WEIGHT)
            w[sense + 2] = clip(muldiv(step, -xq * 40, determinant), _LARGEST_WEIGHT)
            w[sense + 3] = clip(muldiv(step, xi * 40, determinant), _LARGEST_WEIGHT)
        return True

    def solve(self, offset):
        """Transverse field from means less offsets (I, Q of both senses), and the turn."""
        self.ex = (self._field(0, 0, offset) + self._field(4, 0, offset)) // 2
        self.ey = (self._field(0, 2, offset) + self._field(4, 2, offset)) // 2
        self.ripple_x = self._field(0, 0, offset) - self.ex
        self.ripple_y = self._field(0, 2, offset) - self.ey
        g = self.g
        # M and A of the docstring; D changes the sign of the second sense's y.
        mxi, axi = (g[0] + g[4]) >> 1, (g[0] - g[4]) >> 1
        mxq, axq = (g[1] + g[5]) >> 1, (g[1] - g[5]) >> 1
        myi, ayi = (g[2] - g[6]) >> 1, (g[2] + g[6]) >> 1
        myq, ayq = (g[3] - g[7]) >> 1, (g[3] + g[7]) >> 1
        self.determinant = mxi * myq - myi * mxq
        turn = ((mxi * axq - mxq * axi) >> 1) + ((myi * ayq - myq * ayi) >> 1)
        if -_LEAST_DETERMINANT < self.determinant < _LEAST_DETERMINANT:
            # Turned by a right angle or more: which way is all that is known.
            self.psi = 1 << 20 if turn > 0 else -(1 << 20)
        else:
            self.psi = clip(muldiv(turn, 1 << 20, self.determinant), 1 << 20)

    def _field(self, sense, axis, offset):
        """Field of one sense (0 or 4) along x (0) or y (2), counts."""
        w = self.weights
        at = sense // 2
        i = self.mean[at] - offset[at]
        q = self.mean[at + 1] - offset[at + 1]
        at = sense + axis
        return muldiv(i, w[at], 262144) + muldiv(q, w[at + 1], 262144)
