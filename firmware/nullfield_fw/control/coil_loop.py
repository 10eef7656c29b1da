"""Current control of eight coil channels, one viper call a block.

An analogue source makes the current; this code ramps its command and trims it by the sensed current
with a loop so slow (crossover about 0.3 Hz) that the readback's noise stays out of the field.

Number formats and bit growth, with 10 mA full scale:

=============================  ==========================  ====================
quantity                       unit                        largest magnitude
=============================  ==========================  ====================
command, readback              nA                          1.2e7   (24 bits)
sum of 16 ADC samples          ADC steps                   2**27
trim integrator                2**-9 nA, +-0.2 mA          1.024e8 (27 bits)
output                         2**-4 nA                    1.64e8  (28 bits)
coarse product                 (output >> 8) * 1718        1.1e9   (31 bits)
fine product                   remainder * 3436            1.7e9   (31 bits)
=============================  ==========================  ====================
"""

from array import array

import micropython

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
STATE_WORDS = 280


def new_state():
    """State of all channels: everything off and at zero."""
    return array("i", bytearray(4 * STATE_WORDS))


@micropython.viper
def coil_block(adc: ptr32, state: ptr32, dac: ptr32, row: ptr32):
    """Readback, ramp, trim and DAC words of one block.

    `adc` holds 16 frames of 10 words (status, channels 0..7, CRC); `dac` gets 16 words: coarse
    codes of the channels, then fine ones; `row` is that of the stream: eight sensed currents in
    nA, a word of flags left alone, and eight commands in nA as they were told to the sources.
    """
    enabled = state[257]
    ramp = state[256]
    most = state[261]
    slew = state[262]
    if not enabled:
        state[263] = 0
        state[265] = 0
    if state[263]:
        state[264] += 1
        if state[264] > state[263]:
            state[263] = 0
            state[265] = 1
    if not state[263]:
        # Nobody compensates, or no longer: what is left goes to zero as a setpoint would.
        slew = ramp
        for channel in range(8):
            state[(channel << 5) + 7] = 0
    ramping = 0
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
        command = state[base + 1]
        target = state[base]
        offset = state[base + 6]
        if not enabled:
            command = 0
            offset = 0
            state[base + 2] = 0
            state[base + 5] = 0
        else:
            error = row[9 + channel] - readback
            # A channel whose current does not follow is counted, and the application trips on it.
            told = row[9 + channel]
            allowed = state[260] + ((told if told > 0 else 0 - told) >> 3)
            if error > allowed or error < 0 - allowed:
                state[base + 5] += 1
            else:
                state[base + 5] = 0
            if error > 1000000:
                error = 1000000
            if error < -1000000:
                error = -1000000
            trim = state[base + 2] + error
            if trim > 102400000:
                trim = 102400000
                limited = 1
            if trim < -102400000:
                trim = -102400000
                limited = 1
            state[base + 2] = trim
            step = target - command
            if step > ramp:
                step = ramp
                ramping = 1
            if step < 0 - ramp:
                step = 0 - ramp
                ramping = 1
            command += step
            step = state[base + 7] - offset
            if step > slew:
                step = slew
            if step < 0 - slew:
                step = 0 - slew
            offset += step
        state[base + 1] = command
        state[base + 6] = offset
        wanted = command + offset
        if wanted > most:
            wanted = most
            limited = 1
        if wanted < 0 - most:
            wanted = 0 - most
            limited = 1
        row[9 + channel] = wanted
        output = (wanted << 4) + (state[base + 2] >> 5)
        # 305.17578 nA a coarse step is 4882.8125 in 2**-4 nA; the fine DAC spans 128 of them, and
        # the coarse one moves only when the fine one has gone half of its way.
        coarse = state[base + 3]
        rest = output - (coarse * 4882 + ((coarse * 13) >> 4))
        if rest > 293000 or rest < -293000:
            coarse = ((output >> 8) * 1718 + 16384) >> 15
            state[base + 3] = coarse
            rest = output - (coarse * 4882 + ((coarse * 13) >> 4))
        fine = (rest * 3436 + 32768) >> 16
        code = coarse + 32768
        if code < 0:
            code = 0
            limited = 1
        if code > 65535:
            code = 65535
            limited = 1
        dac[channel] = (channel << 24) | (code << 8)
        dac[channel + 8] = ((channel + 8) << 24) | ((fine + 32768) << 8)
    state[258] = ramping
    state[259] = limited
