"""Current control of eight coil channels, three viper calls a block.

An analogue source makes the current; this code tells it what to make (ramped setpoint, compensation
and waveform together, never above the board's limit) and trims that by the sensed current with a
loop so slow (crossover 0.3 Hz) that the readback's noise stays out of the field.

The sensed current is compared with what it *should* be by now: the command of two blocks ago (double
buffers) through the coil's own lag. So neither ramps nor waveforms leave anything in the trim.
Loop: error -> low-pass of 256 ms -> integrator; gain g/s with g = 2.09/s for 0.3 Hz and 64 degrees of
phase margin. The low-pass is there for the noise: at 1 Hz it halves what an integrator alone would let
through, and above that it falls with the square. Anti-windup: no integration while the output is
cut, while the readback is beyond belief, or beyond the integrator's own limit.

The fine converter's rounding is carried into the next block (first-order noise shaping).

Number formats and bit growth, with 10 mA full scale:

=============================  ==========================  ====================
quantity                       unit                        largest magnitude
=============================  ==========================  ====================
command, readback              nA                          1.2e7   (24 bits)
sum of 16 ADC samples          ADC steps                   2**27
expected current               2**-4 nA                    1.6e8   (28 bits)
error, clipped                 nA                          1e5     (17 bits)
low-pass, 256 times its value  nA                          2.56e7  (25 bits)
its product with the gain      (low-pass >> 3) * 511       1.64e9  (31 bits)
trim integrator                2**-12 nA, +-0.2 mA         8.2e8   (30 bits)
output                         2**-4 nA                    1.64e8  (28 bits)
coarse product                 (output >> 8) * 1718        1.1e9   (31 bits)
fine product and carry         624000 * 3436 + 2**16       2.145e9 (31 bits)
=============================  ==========================  ====================
"""

from array import array

import micropython

from .fixed import muldiv

CHANNELS = 8
STRIDE = 32
# Words of a channel in the state array.
TARGET = 0
COMMAND = 1
TRIM = 2
COARSE = 3
READBACK = 4
MISMATCH_BLOCKS = 5
OFFSET = 6  # compensation in force
OFFSET_TARGET = 7  # where it slews to
WAVE = 8  # of `waveform`, added as it is
TOLD = 9  # command of the block before the last
EXPECTED = 10
ERROR_SUM = 11
CARRY = 12
LAG_SHARE = 13  # 2**15 is no lag
LOOP_GAIN = 14
CUT = 15  # sign of the side on which the output was cut
# 16..27 are waveform's.
# Words behind the channels.
RAMP_STEP = 256
ENABLED = 257
ANY_RAMPING = 258
ANY_LIMITED = 259
MISMATCH_FLOOR = 260
CURRENT_MAX = 261
OFFSET_STEP = 262
HOLD_BLOCKS = 263  # how long offsets hold after the last message; 0: no compensation
OFFSET_AGE = 264  # blocks since the last message
STALE = 265  # 1: offsets ran out, 2: and the application knows
# 266 and 267 are waveform's.
ELAPSED = 270  # blocks since the one before: 1, unless some were missed
STATE_WORDS = 280

TRIM_PER_NA = 4096


def new_state():
    """State of all channels: everything off and at zero."""
    state = array("i", bytearray(4 * STATE_WORDS))
    state[ELAPSED] = 1
    return state


def lag_share(lag_us):
    """Share of its way that a coil goes in one block, 2**15 for all of it.

    1 - exp(-1 ms / lag), by the quotient of second order for the exponential (2e-3 at 0.5 ms).
    """
    lag = lag_us // 10
    if lag < 25:
        return 32768
    return muldiv(1200 * lag, 32768, 12 * lag * lag + 600 * lag + 10000)


def loop_gain(milli_per_s):
    """Word of the loop's gain from thousandths of 1/s: 256 is 1/512 of the error a block."""
    return min(milli_per_s * 8192 // 62500, 511)


def coil_block(adc, state, dac, row):
    """Readback, ramp, trim and DAC words of one block.

    `adc` holds 16 frames of 10 words (status, channels 0..7, CRC); `dac` gets 16 words: coarse
    codes of the channels, then fine ones; `row` is that of the stream: eight sensed currents in
    nA, a word of flags left alone, and eight commands in nA as they were told to the sources.
    """
    # One function of all would be too long for the RP2040's branches.
    _hold(state)
    _sense(adc, state, row)
    _tell(state, dac, row)


@micropython.viper
def _hold(state: ptr32):
    """How long the compensation's offsets are in force."""
    if not state[257]:
        state[263] = 0
        state[265] = 0
    if state[263]:
        state[264] += state[270]
        if state[264] > state[263]:
            state[263] = 0
            state[265] = 1
    if not state[263]:
        # Nobody compensates, or no longer: what is left goes to zero as a setpoint would.
        for channel in range(8):
            state[(channel << 5) + 7] = 0


@micropython.viper
def _sense(adc: ptr32, state: ptr32, row: ptr32):
    """Sensed currents against what they should be by now, and the trim that follows."""
    enabled = state[257]
    limited = 0
    for channel in range(8):
        base = channel << 5
        total = 0
        for sample in range(16):
            total += adc[sample * 10 + 1 + channel]
        # 12 mA at 2**23: 46875 / 2**15 nA a step, exactly.
        value = total >> 4
        readback = (((value >> 10) * 46875) >> 5) + (((value & 1023) * 46875) >> 15)
        state[base + 4] = readback
        row[channel] = readback
        if not enabled:
            state[base + 2] = 0
            state[base + 5] = 0
            state[base + 8] = 0
            state[base + 9] = 0
            state[base + 10] = 0
            state[base + 11] = 0
            state[base + 15] = 0
            row[9 + channel] = 0
            continue
        expected = state[base + 10]
        step = (state[base + 9] << 4) - expected
        share = state[base + 13]
        expected += (step >> 15) * share + (((step & 32767) * share) >> 15)
        state[base + 10] = expected
        state[base + 9] = row[9 + channel]
        expected = expected >> 4
        error = expected - readback
        # A channel whose current does not follow is counted, and the application trips on it.
        allowed = state[260] + ((expected if expected > 0 else 0 - expected) >> 3)
        if error > allowed or error < 0 - allowed:
            state[base + 5] += 1
            error = 0
        else:
            state[base + 5] = 0
        if error > 100000:
            error = 100000
        if error < -100000:
            error = -100000
        low = state[base + 11]
        low += error - ((low + 128) >> 8)
        state[base + 11] = low
        step = ((low >> 3) * state[base + 14]) >> 10
        cut = state[base + 15]
        if (cut > 0 and step > 0) or (cut < 0 and step < 0):
            step = 0
        trim = state[base + 2] + step
        if trim > 819200000:
            trim = 819200000
            limited = 1
        if trim < -819200000:
            trim = -819200000
            limited = 1
        state[base + 2] = trim
    state[259] = limited


@micropython.viper
def _tell(state: ptr32, dac: ptr32, row: ptr32):
    """Ramp setpoints, slew offsets, and make the DAC words of their sums."""
    enabled = state[257]
    ramp = state[256]
    most = state[261]
    slew = state[262]
    if not state[263]:
        slew = ramp
    ramping = 0
    limited = state[259]
    for channel in range(8):
        base = channel << 5
        command = 0
        offset = 0
        if enabled:
            command = state[base + 1]
            step = state[base] - command
            if step > ramp:
                step = ramp
                ramping = 1
            if step < 0 - ramp:
                step = 0 - ramp
                ramping = 1
            command += step
            offset = state[base + 6]
            step = state[base + 7] - offset
            if step > slew:
                step = slew
            if step < 0 - slew:
                step = 0 - slew
            offset += step
        state[base + 1] = command
        state[base + 6] = offset
        cut = 0
        wanted = command + offset + state[base + 8]
        if wanted > most:
            wanted = most
            limited = 1
        if wanted < 0 - most:
            wanted = 0 - most
            limited = 1
        row[9 + channel] = wanted
        output = (wanted << 4) + (state[base + 2] >> 8)
        # 305.17578 nA a coarse step is 4882.8125 in 2**-4 nA; the fine DAC spans 128 of them, and
        # the coarse one moves only when the fine one has gone half of its way.
        coarse = state[base + 3]
        rest = output - (coarse * 4882 + ((coarse * 13) >> 4))
        if rest > 293000 or rest < -293000:
            coarse = ((output >> 8) * 1718 + 16384) >> 15
            if coarse > 32767:
                coarse = 32767
            if coarse < -32768:
                coarse = -32768
            state[base + 3] = coarse
            rest = output - (coarse * 4882 + ((coarse * 13) >> 4))
            # Nearly all that the fine one has: more would pass 31 bits below.
            if rest > 624000:
                rest = 624000
                cut = 1
            if rest < -624000:
                rest = -624000
                cut = -1
        rest = rest * 3436 + state[base + 12]
        fine = (rest + 32768) >> 16
        state[base + 12] = rest - (fine << 16)
        if cut:
            limited = 1
        state[base + 15] = cut
        dac[channel] = (channel << 24) | ((coarse + 32768) << 8)
        dac[channel + 8] = ((channel + 8) << 24) | ((fine + 32768) << 8)
    state[258] = ramping
    state[259] = limited
