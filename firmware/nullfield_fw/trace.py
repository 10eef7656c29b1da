"""A scope for internal signals: up to four at a time into one buffer, around a trigger.

A signal is a tuple ``(name, unit, exponent, kind, source, key)``. Of kind BLOCK it has one value a
block: word `key` of the array or message `source`, or the attribute named `key` of the object `source`.
Of kind SAMPLE it has one with every conversion: word `key` of each of the block's ADC frames. Together
with a SAMPLE signal a BLOCK signal repeats its value.

The buffer is made at the start; arming, capturing and reading allocate nothing.
"""

from array import array

import micropython

from . import wire

SIGNALS_MAX = 4
NO_SIGNAL = 255
DECIMATION_MAX = 1000
SAMPLES_A_BLOCK = 16
SAMPLE_PERIOD_NS = 62500
BLOCK_PERIOD_NS = 1000000

# Words of the state array; `take` knows them by number.
_STATE = 0
_SIGNALS = 1
_DECIMATION = 2
_SKIP = 3  # conversions or blocks to pass over before the next sample
_CAPACITY = 4  # samples of a whole trace
_BEFORE = 5  # of these before the trigger
_HEAD = 6  # where the next sample goes; of a whole trace the oldest stands there
_FILLED = 7  # samples before the trigger so far, at most _BEFORE
_AFTER = 8  # samples still to come behind the trigger
_TRIGGER = 9
_LEVEL = 10
_PREVIOUS = 11  # the first signal's last value
_FAULT = 12  # 1 from the block that latched a fault on
_TRIGGER_AT = 13  # conversion within the block
_HAS_PREVIOUS = 14
_WORD = 16  # ADC word of each signal, -1 if its value comes in _VALUE
_VALUE = 20
_STATE_WORDS = 24


@micropython.viper
def take(state: ptr32, buffer: ptr32, adc: ptr32, steps: int):
    """Samples of one block, as many as there are steps."""
    signals = state[1]
    for n in range(steps):
        if state[3] > 0:
            state[3] = state[3] - 1
            continue
        state[3] = state[2] - 1
        head = state[6]
        at = head * signals
        for s in range(signals):
            word = state[16 + s]
            if word < 0:
                buffer[at + s] = state[20 + s]
            else:
                buffer[at + s] = adc[n * 10 + word]
        first = buffer[at]
        head += 1
        if head >= state[4]:
            head = 0
        state[6] = head
        if state[0] == 2:
            state[8] = state[8] - 1
        else:
            hit = 0
            trigger = state[9]
            filled = state[7]
            level = state[10]
            previous = state[11]
            if trigger == 3:
                # A fault comes when it comes: the part before it is then shorter.
                hit = state[12]
            elif filled >= state[5]:
                if trigger == 0:
                    hit = 1
                elif state[14]:
                    if trigger == 1:
                        if previous < level:
                            if first >= level:
                                hit = 1
                    elif previous > level:
                        if first <= level:
                            hit = 1
            if hit:
                state[5] = filled
                state[8] = state[4] - filled - 1
                state[13] = n
                state[0] = 2
            elif filled < state[5]:
                state[7] = filled + 1
        if state[0] == 2:
            if state[8] <= 0:
                state[0] = 3
                return
        state[11] = first
        state[14] = 1


@micropython.viper
def _put_word(state: ptr32, place: int, source: ptr32, word: int):
    state[place] = source[word]


@micropython.viper
def _put_time(target: ptr32, time: ptr32, back_us: int):
    """A 64-bit time less some microseconds."""
    low = uint(time[0])
    target[0] = int(low - uint(back_us))
    target[1] = time[1]
    if low < uint(back_us):
        target[1] = time[1] - 1


@micropython.viper
def _read(target: ptr8, state: ptr32, buffer: ptr32, places: int):
    """Words of a whole trace, oldest first; `places` is byte offset << 20 | first << 8 | count."""
    words = ptr32(uint(target) + (places >> 20))
    # In words of the ring, which begins at its head.
    size = state[4] * state[1]
    at = state[6] * state[1] + (places >> 8 & 4095)
    for i in range(places & 255):
        if at >= size:
            at -= size
        words[i] = buffer[at]
        at += 1


class Trace:
    """Capture of internal signals.

    Parameters
    ----------
    signals : tuple
        All that may be chosen; see above.
    words : int
        Size of the buffer.
    """

    def __init__(self, signals, words):
        self.signals = signals
        self.words = words
        self.running = False
        self.missed_blocks = 0
        self.time = bytearray(8)
        # Read and written as 32-bit words; an array would be made from a second buffer of this size.
        self._buffer = bytearray(4 * words)
        self._state = array("i", bytearray(4 * _STATE_WORDS))
        self._chosen = [signals[0]] * SIGNALS_MAX
        self._steps = 1
        self._faults = 0
        self._detail = 0

    @property
    def state(self):
        """IDLE, ARMED, TRIGGERED or DONE."""
        return self._state[_STATE]

    @property
    def signal_count(self):
        """Signals of the present trace."""
        return self._state[_SIGNALS]

    @property
    def sample_count(self):
        """Samples of a whole trace."""
        return self._state[_CAPACITY]

    @property
    def before_count(self):
        """Samples before the one that met the trigger; of an armed trace those so far."""
        return self._state[_FILLED]

    @property
    def period_ns(self):
        """Time from sample to sample."""
        unit = BLOCK_PERIOD_NS if self._steps == 1 else SAMPLE_PERIOD_NS
        return unit * self._state[_DECIMATION]

    @property
    def detail(self):
        """What `arm` refused, for its error."""
        return self._detail

    def stop(self):
        """Back to IDLE; what was captured is forgotten."""
        self._state[_STATE] = wire.TRACE_STATE_IDLE
        self.running = False

    def choose(self, raw, offset):
        """Take up the signals whose numbers stand at an offset; answers an error code."""
        self.stop()
        state = self._state
        count = 0
        steps = 1
        for place in range(SIGNALS_MAX):
            number = raw[offset + place]
            if number == NO_SIGNAL:
                continue
            if number >= len(self.signals):
                self._detail = number
                return wire.ERROR_CODE_BAD_ARGUMENT
            signal = self.signals[number]
            self._chosen[count] = signal
            if signal[3] == wire.TRACE_KIND_SAMPLE:
                steps = SAMPLES_A_BLOCK
                state[_WORD + count] = signal[5]
            else:
                state[_WORD + count] = -1
            count += 1
        state[_SIGNALS] = count
        self._steps = steps
        return wire.ERROR_CODE_OK

    def arm(self, decimation, samples, before, trigger, level):
        """Start capturing the chosen signals; without one the trace stops. Answers an error code."""
        state = self._state
        count = state[_SIGNALS]
        if count == 0:
            return wire.ERROR_CODE_OK
        if not 1 <= decimation <= DECIMATION_MAX:
            self._detail = DECIMATION_MAX
            return wire.ERROR_CODE_BAD_ARGUMENT
        if samples * count > self.words:
            self._detail = self.words // count
            return wire.ERROR_CODE_ABOVE_MAXIMUM
        if samples < 1 or before >= samples or trigger > wire.TRACE_TRIGGER_FAULT:
            self._detail = before
            return wire.ERROR_CODE_BAD_ARGUMENT
        state[_DECIMATION] = decimation
        state[_SKIP] = 0
        state[_CAPACITY] = samples
        state[_BEFORE] = before
        state[_HEAD] = 0
        state[_FILLED] = 0
        state[_TRIGGER] = trigger
        state[_LEVEL] = level
        state[_HAS_PREVIOUS] = 0
        state[_FAULT] = 0
        self._faults = -1
        self.missed_blocks = 0
        state[_STATE] = wire.TRACE_STATE_ARMED
        self.running = True
        return wire.ERROR_CODE_OK

    def block(self, adc, time, missed, fault_count):
        """One block, while `running`.

        Parameters
        ----------
        adc : array
            Frames of the block.
        time : bytearray
            Board time at the block's end.
        missed : int
            Blocks that were missed before this one.
        fault_count : int
            Faults latched since the start.
        """
        state = self._state
        self.missed_blocks += missed
        if 0 <= self._faults < fault_count:
            # Until a sample is taken: this block may be one of those that are passed over.
            state[_FAULT] = 1
        self._faults = fault_count
        for place in range(state[_SIGNALS]):
            signal = self._chosen[place]
            if state[_WORD + place] >= 0:
                continue
            key = signal[5]
            if isinstance(key, str):
                state[_VALUE + place] = getattr(signal[4], key)
            else:
                _put_word(state, _VALUE + place, signal[4], key)
        was_armed = state[_STATE] == wire.TRACE_STATE_ARMED
        take(state, self._buffer, adc, self._steps)
        if was_armed and state[_STATE] != wire.TRACE_STATE_ARMED:
            back_us = 0
            if self._steps > 1:
                back_us = (SAMPLES_A_BLOCK - 1 - state[_TRIGGER_AT]) * 125 // 2
            _put_time(self.time, time, back_us)
        self.running = state[_STATE] != wire.TRACE_STATE_DONE

    def read(self, raw, offset, first, most):
        """Put samples from number `first` on into a message; answers how many."""
        state = self._state
        if state[_STATE] != wire.TRACE_STATE_DONE or first >= state[_CAPACITY]:
            return 0
        signals = state[_SIGNALS]
        count = min(most, state[_CAPACITY] - first)
        places = offset << 20 | first * signals << 8 | count * signals
        _read(raw, state, self._buffer, places)
        return count
