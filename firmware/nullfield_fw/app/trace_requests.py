"""Requests about the trace: which signals there are, arming, reading. Allocates nothing."""

from .. import wire
from ..bits import copy, get_small, get_u16, put_i32, put_u16
from ..link import new_message
from ..trace import Trace

_P = wire.HEADER_SIZE
# Words in one answer: the largest payload holds no more.
_ANSWER_WORDS = (wire.MAX_PAYLOAD - wire.TRACE_DATA_SIZE) // 4
_WORDS = 2048
_WORDS_SMALL = 1024  # of an RP2040, which has half of the memory


class TraceRequests:
    """Answers for one application.

    Parameters
    ----------
    application : BoardApplication
        With its signals known.
    """

    def __init__(self, application):
        self._application = application
        self._link = application.link
        signals = application.trace_signals()
        is_small = application.hal.mcu == wire.MCU_RP2040
        self.trace = Trace(signals, _WORDS_SMALL if is_small else _WORDS)
        self._description = new_message(wire.TRACE_DESCRIPTION, wire.TRACE_DESCRIPTION_SIZE)
        put_u16(self._description, _P + wire.TRACE_DESCRIPTION_SIGNAL_COUNT, len(signals))
        put_u16(self._description, _P + wire.TRACE_DESCRIPTION_BUFFER_WORDS, self.trace.words)
        self._data = new_message(wire.TRACE_DATA, wire.TRACE_DATA_SIZE + 4 * _ANSWER_WORDS)
        self._blank = bytes(32)

    def request(self, message, raw, size):
        """Answer a request; False if it is not about the trace, or has the wrong length."""
        if message == wire.TRACE_READ_REQUEST and size == wire.TRACE_READ_REQUEST_SIZE:
            self._read(raw)
        elif message == wire.TRACE_ARM_REQUEST and size == wire.TRACE_ARM_REQUEST_SIZE:
            self._arm(raw)
        elif message == wire.TRACE_DESCRIBE_REQUEST and size == wire.TRACE_DESCRIBE_REQUEST_SIZE:
            self._describe(raw)
        else:
            return False
        return True

    def _describe(self, raw):
        number = get_u16(raw, _P + wire.TRACE_DESCRIBE_REQUEST_INDEX)
        signals = self.trace.signals
        if number >= len(signals):
            self._application.answer(raw, 0, wire.ERROR_CODE_BAD_ARGUMENT, len(signals))
            return
        signal = signals[number]
        reply = self._description
        copy(reply, _P << 16 | _P, raw, 4)
        put_u16(reply, _P + wire.TRACE_DESCRIPTION_INDEX, number)
        reply[_P + wire.TRACE_DESCRIPTION_KIND] = signal[3]
        reply[_P + wire.TRACE_DESCRIPTION_EXPONENT] = signal[2] & 0xFF
        copy(reply, (_P + wire.TRACE_DESCRIPTION_NAME) << 16, self._blank, 32)
        copy(reply, (_P + wire.TRACE_DESCRIPTION_NAME) << 16, signal[0], len(signal[0]))
        copy(reply, (_P + wire.TRACE_DESCRIPTION_UNIT) << 16, self._blank, 8)
        copy(reply, (_P + wire.TRACE_DESCRIPTION_UNIT) << 16, signal[1], len(signal[1]))
        self._link.reply(reply, wire.TRACE_DESCRIPTION_SIZE)

    def _arm(self, raw):
        trace = self.trace
        error = trace.choose(raw, _P + wire.TRACE_ARM_REQUEST_SIGNAL)
        if error == wire.ERROR_CODE_OK:
            error = trace.arm(
                get_u16(raw, _P + wire.TRACE_ARM_REQUEST_DECIMATION),
                get_u16(raw, _P + wire.TRACE_ARM_REQUEST_SAMPLE_COUNT),
                get_u16(raw, _P + wire.TRACE_ARM_REQUEST_BEFORE_COUNT),
                raw[_P + wire.TRACE_ARM_REQUEST_TRIGGER],
                get_small(raw, _P + wire.TRACE_ARM_REQUEST_LEVEL),
            )
        detail = trace.detail if error else 0
        self._application.answer(raw, 0, error, detail)

    def _read(self, raw):
        trace = self.trace
        first = get_u16(raw, _P + wire.TRACE_READ_REQUEST_OFFSET)
        most = get_u16(raw, _P + wire.TRACE_READ_REQUEST_COUNT)
        signals = trace.signal_count
        if signals:
            most = min(most, _ANSWER_WORDS // signals)
        reply = self._data
        copy(reply, _P << 16 | _P, raw, 4)
        count = trace.read(reply, _P + wire.TRACE_DATA_SIZE, first, most)
        reply[_P + wire.TRACE_DATA_STATE] = trace.state
        reply[_P + wire.TRACE_DATA_SIGNAL_COUNT] = signals
        put_u16(reply, _P + wire.TRACE_DATA_OFFSET, first)
        put_u16(reply, _P + wire.TRACE_DATA_SAMPLE_COUNT, trace.sample_count)
        put_u16(reply, _P + wire.TRACE_DATA_BEFORE_COUNT, trace.before_count)
        put_i32(reply, _P + wire.TRACE_DATA_PERIOD_NS, trace.period_ns)
        copy(reply, (_P + wire.TRACE_DATA_TRIGGER_TIME_US) << 16, trace.time, 8)
        put_i32(reply, _P + wire.TRACE_DATA_MISSED_BLOCKS, trace.missed_blocks)
        self._link.reply(reply, wire.TRACE_DATA_SIZE + 4 * count * signals)
