"""The sensor board's fast path: lock-in, loop error, closed loop and the next DAC block.

Three viper calls a block for all four heads (one would be too long for the armv6m code generator).
The modulation has one period a block (16 samples), so a block is demodulated without leakage from the
mean or from any harmonic but the aliases.

The modulation turns the other way round in every other block: x stays, y changes its sign. A rotating
field acts like a static one along the beam, gamma B^2 / 2f or 13 nT, and every product of an x coil
and a y coil acts alike; all of that changes sign from block to block and is gone in the mean. At the
block's edge the y coil steps, in the moment when the spins stand where y's turn is zero, so that they
retrace their path; the other choice, a step at y = 0, leaves them off to one side and takes half of
the slope. Relaxation makes them lag by about 1 / (omega T2) = 0.13 rad, hence the phase of the
table. It is not critical: 0.1 rad more leaves 0.6 nT of ripple at 500 Hz, which is taken out, and
turns 3 % of the beam field into y.

The response differs between the senses, so each has its weights and its offsets. What still differs
between their errors is a line at half of the row rate; it is followed and taken out (a notch of
0.08 Hz there). A block is demodulated two blocks after it was made, which is the same sense as that of
the block made next: the word SENSE serves both. Boards need not agree about it: neighbours' coils
act through products with the head's own, and these still change sign.

Number formats and bit growth (one count is 2**-12 of a coil DAC step, 1.86 fT at 100 nT/mA):

==========================  =========================================  ==================
quantity                    unit                                       largest magnitude
==========================  =========================================  ==================
ADC sample                  24-bit step                                2**23
folded sums of 4 samples    steps                                      2**25
I, Q                        steps, times sum of cos^2 = 8 per period   2**26.4
product with a factor       split at bit 14: (v >> 14) * c, c < 2**15  2**28
less the offset, 2**24      steps, times 8                             2**26.7
loop error                  counts, after a shift by 4 (weights Q18)   2**26.7
ripple                      counts, times 64, clipped                  2**29
error less the ripple       counts                                     2**26.8
coil command                counts, clipped to +-2**26.9               2**27
command + modulation        counts                                     2**28
==========================  =========================================  ==================
"""

from array import array

import micropython

HEADS = 4
SAMPLES = 16
STRIDE = 48

# Words of one head in the state array.
IN_PHASE = 0
QUADRATURE = 1
DC_SUM = 2
SATURATED = 3
W_XI = 4  # weights, Q18, at most WEIGHT_LIMIT: loop error = W * ((I, Q) - offset)
W_XQ = 5
W_YI = 6
W_YQ = 7
LOOP_CLOSED = 8
GAIN = 9  # integral gain a block, Q14
U_X = 10  # coil command, counts; local x, local y, beam
U_Y = 11
U_B = 12
U1_X = 13  # the same one block ago, two blocks ago
U1_Y = 14
U1_B = 15
U2_X = 16
U2_Y = 17
U2_B = 18
SHAPER_X = 19
SHAPER_Y = 20
SHAPER_B = 21
MODULATION_ON = 22
POLARITY = 23  # +1 or -1, of the whole modulation
FLAGS = 24
ERROR_X = 25
ERROR_Y = 26
SETTLE = 27  # blocks to wait before averaging
COUNT = 28  # blocks still to average
SUM_I = 29
SUM_Q = 30
SUM_DC = 31
LIMIT = 32
# The same as W_XI .. W_YQ, SUM_I and SUM_Q for blocks of the second sense, and the offsets of both.
SECOND_W_XI = 33
OFFSET_I = 37  # at most OFFSET_LIMIT
OFFSET_Q = 38
SECOND_OFFSET_I = 39
SECOND_OFFSET_Q = 40
SECOND_SUM_I = 41
SECOND_SUM_Q = 42
RIPPLE_X = 43  # half of the difference of the senses' errors, counts times 64
RIPPLE_Y = 44

MODULATION = HEADS * STRIDE  # 16 words in counts: the x coil; the y coil is a quarter ahead
SENSE = MODULATION + SAMPLES  # +1 or -1, of the block that is made next
STATE_WORDS = SENSE + 1

# Half a period of the modulation in Q14: sin(2 pi (n + 1/2) / 16 - 0.13), the lag of the spins.
_SINE = (1086, 7260, 12328, 15519, 16348, 14688, 10792, 5253)

# Largest weight whose split products fit 32 bits at the rails: 2**13.7 * 2**17.
WEIGHT_LIMIT = 131071
OFFSET_LIMIT = 1 << 24

FLAG_SATURATED = 2
FLAG_OVERRANGE = 8


def new_state():
    """State of four heads: no modulation, coils at zero, loop open."""
    state = array("i", bytearray(4 * STATE_WORDS))
    for head in range(HEADS):
        base = head * STRIDE
        state[base + POLARITY] = 1
        state[base + LIMIT] = 125000000
    state[SENSE] = 1
    return state


def set_modulation(state, amplitude_count):
    """Fill the modulation table for an amplitude in counts."""
    for sample in range(SAMPLES):
        sine = _SINE[sample & 7] * (1 if sample < 8 else -1)
        # Counts need 26 bits, the sine 15: split so that the product stays a small integer.
        high = (amplitude_count >> 13) * sine
        low = ((amplitude_count & 8191) * sine) >> 13
        state[MODULATION + sample] = (high + low) >> 1


@micropython.viper
def demodulate(adc: ptr32, state: ptr32):
    """Lock-in of one block.

    `adc` holds 16 frames of 10 words: status, DC of heads 0..3, modulation channel of heads 0..3,
    CRC.
    """
    first = 29
    if state[208] < 0:
        first = 41
    for head in range(4):
        s = ptr32(uint(state) + head * 192)
        a = ptr32(uint(adc) + ((head + 5) << 2))
        d = ptr32(uint(adc) + ((head + 1) << 2))
        saturated = 0
        total = 0
        i = 0
        while i < 160:
            v = a[i]
            if v > 8380000 or v < -8380000:
                saturated = 1
            total += d[i]
            i += 10
        # Fold the period on its symmetries: three multiplications each instead of sixteen.
        p = a[10] - a[90]
        q = a[150] - a[70]
        f1 = p + q
        g3 = p - q
        p = a[20] - a[100]
        q = a[140] - a[60]
        f2 = p + q
        g2 = p - q
        p = a[30] - a[110]
        q = a[130] - a[50]
        f3 = p + q
        g1 = p - q
        in_phase = a[0] - a[80]
        in_phase += (f1 >> 14) * 15137 + (((f1 & 0x3FFF) * 15137) >> 14)
        in_phase += (f2 >> 14) * 11585 + (((f2 & 0x3FFF) * 11585) >> 14)
        in_phase += (f3 >> 14) * 6270 + (((f3 & 0x3FFF) * 6270) >> 14)
        quadrature = a[40] - a[120]
        quadrature += (g1 >> 14) * 15137 + (((g1 & 0x3FFF) * 15137) >> 14)
        quadrature += (g2 >> 14) * 11585 + (((g2 & 0x3FFF) * 11585) >> 14)
        quadrature += (g3 >> 14) * 6270 + (((g3 & 0x3FFF) * 6270) >> 14)
        s[0] = in_phase
        s[1] = quadrature
        s[2] = total
        s[3] = saturated
        if s[27]:
            s[27] -= 1
        elif s[28]:
            s[28] -= 1
            s[first] += in_phase >> 3
            s[first + 1] += quadrature >> 3
            s[31] += total >> 8


@micropython.viper
def close_loops(state: ptr32, row: ptr32):
    """Loop errors, sample row and integrators; `row` gets 12 fields in counts, four flag bytes."""
    flag_bytes = ptr8(uint(row) + 48)
    w = 4
    o = 37
    sense = state[208]
    if sense < 0:
        w = 33
        o = 39
    for head in range(4):
        s = ptr32(uint(state) + head * 192)
        in_phase = s[0] - s[o]
        quadrature = s[1] - s[o + 1]
        ih = in_phase >> 14
        il = in_phase & 0x3FFF
        qh = quadrature >> 14
        ql = quadrature & 0x3FFF
        wi = s[w]
        wq = s[w + 1]
        ex = (ih * wi + ((il * wi) >> 14) + qh * wq + ((ql * wq) >> 14)) >> 4
        wi = s[w + 2]
        wq = s[w + 3]
        ey = (ih * wi + ((il * wi) >> 14) + qh * wq + ((ql * wq) >> 14)) >> 4
        ex -= (s[43] >> 6) * sense
        ey -= (s[44] >> 6) * sense
        if s[27] == 0 and s[28] == 0:
            # 2 s of time constant; unscaled, the shift would leave a dead zone of 4 pT.
            wi = s[43] + ((ex * sense) >> 5)
            wq = s[44] + ((ey * sense) >> 5)
            if wi > 536870912:
                wi = 536870912
            if wi < -536870912:
                wi = -536870912
            if wq > 536870912:
                wq = 536870912
            if wq < -536870912:
                wq = -536870912
            s[43] = wi
            s[44] = wq
        s[25] = ex
        s[26] = ey
        flags = s[24]
        if s[3]:
            flags = flags | 2
        # A command at its limit holds nothing any more: the field is beyond the coil.
        limit = s[32]
        if s[10] >= limit or s[10] <= 0 - limit or s[11] >= limit or s[11] <= 0 - limit:
            flags = flags | 2
        if ex > 8000000 or ex < -8000000 or ey > 8000000 or ey < -8000000:
            flags = flags | 8
        flag_bytes[head] = flags
        # The field that the coils made while this block was sampled was computed two blocks ago.
        row[head * 3] = ex - s[16]
        row[head * 3 + 1] = ey - s[17]
        row[head * 3 + 2] = 0 - s[18]
        ux = s[10]
        uy = s[11]
        ub = s[12]
        if s[8]:
            k = s[9]
            ux -= (ex >> 14) * k + (((ex & 0x3FFF) * k) >> 14)
            uy -= (ey >> 14) * k + (((ey & 0x3FFF) * k) >> 14)
            # Clamping the integrator is the anti-windup.
            if ux > limit:
                ux = limit
            if ux < 0 - limit:
                ux = 0 - limit
            if uy > limit:
                uy = limit
            if uy < 0 - limit:
                uy = 0 - limit
            s[10] = ux
            s[11] = uy
        s[16] = s[13]
        s[17] = s[14]
        s[18] = s[15]
        s[13] = ux
        s[14] = uy
        s[15] = ub


@micropython.viper
def fill_dac(state: ptr32, dac: ptr32):
    """Make the next DAC block, 16 frames of 12 LTC2688 words, and turn the sense for the one after."""
    table = ptr32(uint(state) + 768)
    sense = state[208]
    state[208] = 0 - sense
    for head in range(4):
        s = ptr32(uint(state) + head * 192)
        ux = s[10]
        uy = s[11]
        ub = s[12]
        # First-order noise shaping: what a code leaves over is added to the next sample.
        rx = s[19]
        ry = s[20]
        rb = s[21]
        on = s[22]
        turn_x = s[23]
        turn_y = turn_x * sense
        channel = head * 3
        w = ptr32(uint(dac) + (channel << 2))
        tag_x = channel << 24
        tag_y = (channel + 1) << 24
        tag_b = (channel + 2) << 24
        i = 0
        n = 0
        while i < 16:
            vx = ux + rx
            vy = uy + ry
            if on:
                vx += table[i] * turn_x
                vy += table[(i + 4) & 15] * turn_y
            vb = ub + rb
            cx = (vx >> 12) + 32768
            cy = (vy >> 12) + 32768
            rx = vx & 4095
            ry = vy & 4095
            cb = (vb >> 12) + 32768
            rb = vb & 4095
            if cx >> 16:
                cx = 0 if cx < 0 else 65535
            if cy >> 16:
                cy = 0 if cy < 0 else 65535
            if cb >> 16:
                cb = 0 if cb < 0 else 65535
            w[n] = tag_x | (cx << 8)
            w[n + 1] = tag_y | (cy << 8)
            w[n + 2] = tag_b | (cb << 8)
            n += 12
            i += 1
        s[19] = rx
        s[20] = ry
        s[21] = rb
