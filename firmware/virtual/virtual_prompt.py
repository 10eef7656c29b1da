"""MicroPython's raw prompt on a virtual board, as far as tools need it.

The unix port's own prompt reads the terminal; a virtual board's port is carried in the block exchange.
So the protocol of the raw prompt (Ctrl-A, raw paste) is spoken here, and code runs by `exec` with its
output on the port. Reference: MicroPython's documentation, "The MicroPython Interactive Interpreter
Mode", section "Raw Mode and Raw-paste Mode".
"""

import io
import sys

import virtual_port

_WINDOW = 128
_BANNER = b'MicroPython on a Nullfield virtual board\r\nType "help()" for more information.\r\n>>> '


class Line:
    """Bytes over the block exchange, with every output of the board low."""

    def __init__(self):
        # The rig process knows the board's block sizes; they come with the environment.
        import os

        words = [int(number) for number in os.getenv("NULLFIELD_BLOCK_WORDS").split(",")]
        adc_words, dac_words, channels = words
        self._tick = bytearray(16 + 4 * adc_words + 256)
        self._link_at = 16 + 4 * adc_words
        self._head = bytearray(40 + 4 * dac_words)
        for word in range(dac_words):
            self._head[40 + 4 * word + 2] = 0x80  # mid scale, as the application starts
            self._head[40 + 4 * word + 3] = word % channels
        self._waiting = bytearray()

    def write(self, data):
        """Send bytes, in blocks of the exchange."""
        for at in range(0, len(data), 2048):
            self._exchange(data[at : at + 2048])

    def read(self):
        """Next byte."""
        while not self._waiting:
            self._exchange(b"")
        byte = self._waiting[0]
        self._waiting = self._waiting[1:]
        return byte

    def take(self, most):
        """Bytes that are there, at least one and at most so many."""
        while not self._waiting:
            self._exchange(b"")
        data = bytes(self._waiting[:most])
        self._waiting = self._waiting[most:]
        return data

    def put_back(self, data):
        """Give bytes back that belong to what comes next."""
        self._waiting = bytearray(data) + self._waiting

    def _exchange(self, data):
        head = self._head
        head[0] = 75  # 'K'
        head[1] = 1  # the watchdog is fed
        head[2] = len(data) & 255
        head[3] = len(data) >> 8
        virtual_port.sent.write(bytes(head) + data)
        if virtual_port.received.readinto(self._tick) == 0:
            raise SystemExit
        count = self._tick[2] | self._tick[3] << 8
        self._waiting += self._tick[self._link_at : self._link_at + count]


class Machine:
    """The part of the machine module that tools use."""

    def unique_id(self):
        return virtual_port.uid

    def reset(self):
        # As machine.reset of the RP2 series: the mark of a reset that was asked for stays as it is.
        virtual_port.leave(0)

    def soft_reset(self):
        virtual_port.leave(0)


class Output:
    """Output of the code that runs."""

    def __init__(self, line):
        self._line = line

    def print(self, *values, sep=" ", end="\n", file=None):
        text = io.StringIO()
        print(*values, sep=sep, end=end, file=text)
        self.write(text.getvalue())

    def write(self, data):
        if isinstance(data, str):
            data = data.encode()
        self._line.write(bytes(data).replace(b"\n", b"\r\n"))
        return len(data)


def serve():
    """Speak the prompt until a reset."""
    line = Line()
    sys.modules["machine"] = Machine()  # type: ignore[assignment]
    scope = {"__name__": "__main__", "print": Output(line).print}
    line.write(_BANNER)
    raw = False
    command = bytearray()
    while True:
        byte = line.read()
        if byte == 1:
            raw = True
            command = bytearray()
            line.write(b"raw REPL; CTRL-B to exit\r\n>")
        elif byte == 2:
            raw = False
            line.write(b"\r\n" + _BANNER)
        elif byte == 3:
            command = bytearray()
            if not raw:
                line.write(b"\r\n>>> ")
        elif byte == 4 and not raw:
            virtual_port.leave(0)
        elif raw and byte == 5:
            if line.read() == 65 and line.read() == 1:
                _run(line, scope, _paste(line), b"")
        elif raw and byte == 4:
            _run(line, scope, bytes(command), b"OK")
            command = bytearray()
        elif raw:
            command.append(byte)


def _paste(line):
    """Code of a raw paste: sent in windows, each granted when the one before has come."""
    line.write(b"R\x01" + bytes((_WINDOW & 255, _WINDOW >> 8)) + b"\x01")
    code = bytearray()
    granted = 0
    while True:
        data = line.take(_WINDOW)
        end = data.find(b"\x04")
        if end >= 0:
            code += data[:end]
            line.put_back(data[end + 1 :])
            line.write(b"\x04")
            return bytes(code)
        code += data
        granted += len(data)
        while granted >= _WINDOW:
            granted -= _WINDOW
            line.write(b"\x01")


def _run(line, scope, code, answer):
    """Run code; its output, the error's text, each ended by Ctrl-D, and the raw prompt."""
    line.write(answer)
    text = b""
    try:
        exec(compile(code.decode(), "<stdin>", "exec"), scope)
    except SystemExit:
        raise
    except BaseException as error:
        trace = io.StringIO()
        sys.print_exception(error, trace)
        text = trace.getvalue().replace("\n", "\r\n").encode()
    line.write(b"\x04" + text + b"\x04>")
