"""An emulated board: a process of node, its USB port behind a TCP port, and a control channel."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, Self

from nullfield.emulated.emulator import RUNNER, ensure_emulator
from nullfield.errors import BoardLostError, InputError

DEFAULT_UID = "e66138528354b001"
_START_S = 30.0
_ANSWER_S = 30.0
"""Far above what is needed: the process serves its channel between slices of milliseconds."""


class SpiChip(Protocol):
    """A register model behind a chip select, as the virtual boards have them."""

    def transfer(self, data: bytes, /) -> bytes:
        """One transaction; as many bytes back as were sent."""
        ...


@dataclass(frozen=True)
class Stats:
    """Counts since the emulator began.

    Cycles are simulated ones without any model of the flash's timing: good for comparing code with
    code, not for the time that a board takes.
    """

    powered: bool
    boot_loader: bool
    halted: bool
    cycles: int
    simulated_nanoseconds: float
    clock_hz: float
    power_ups: int
    watchdog_resets: int
    software_resets: int
    to_board_bytes: int
    from_board_bytes: int
    erases: int
    programs: int

    @property
    def flash_operations(self) -> int:
        """Sectors erased and pages programmed."""
        return self.erases + self.programs


@dataclass(frozen=True)
class PinState:
    """A pin: whether the board drives it, and its level."""

    output: bool
    level: bool


def _say_nothing(line: str) -> None:
    """Progress that nobody asked for."""


class EmulatedBoard:
    """A Pico with an RP2040 that runs an image; a context manager.

    It ends with this process, whatever ends that.

    Parameters
    ----------
    image : Path, optional
        UF2 file, or bytes for the beginning of the flash. Without one the flash must hold it.
    flash : Path, optional
        File that keeps the flash across runs.
    uid : str
        What the board says it is: 16 hex digits.
    port : int
        TCP port, by default one that the system chooses.
    tell : callable, optional
        Takes one line of progress while the emulator is installed.
    is_verbose : bool
        What the emulator finds odd goes to stderr.
    """

    def __init__(
        self,
        image: Path | None,
        flash: Path | None = None,
        uid: str = DEFAULT_UID,
        port: int = 0,
        tell: Callable[[str], None] = _say_nothing,
        is_verbose: bool = False,
    ) -> None:
        if image is not None and not image.is_file():
            raise InputError(f"there is no image {image}", "make firmware")
        emulator = ensure_emulator(tell)
        command = [
            str(emulator.node), str(RUNNER),
            "--rom", str(emulator.rom),
            "--unique-id", uid,
            "--port", str(port),
        ]  # fmt: skip
        command += ["--image", str(image)] if image else []
        command += ["--flash", str(flash)] if flash else []
        command += ["--verbose"] if is_verbose else []
        self.uid = uid
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NULLFIELD_RP2040JS": str(emulator.library)},
        )
        self._chips: dict[int, SpiChip] = {}
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._replies: dict[int, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._is_over = False
        self._requests = 0
        self._reader = threading.Thread(target=self._read, name="emulated board", daemon=True)
        self._reader.start()
        try:
            self._tcp_port = int(self.wait_event("ready", _START_S)["port"])
        except BoardLostError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> str:
        """Port for a serial client. It takes one client; resets of the board close it."""
        return f"socket://127.0.0.1:{self._tcp_port}"

    def close(self) -> None:
        """End the emulator; the flash file is written."""
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        if process.stdout is not None:
            process.stdout.close()

    # Power and flash

    def power_off(self) -> None:
        """Take the power away."""
        self._ask("power_off")

    def power_on(self) -> None:
        """Give power; nothing happens if there is some."""
        self._ask("power_on")

    def power_cycle(self) -> None:
        """Off and on: flash stays, memory and watchdog registers do not."""
        self._ask("power_cycle")

    def cut_after(self, operations: int) -> None:
        """Take the power away in a flash operation from now on, the last of so many.

        Parameters
        ----------
        operations : int
            A sector erased or a page programmed is one. The last one is left half done, then comes
            the event ``power_lost``; `power_on` goes on.
        """
        if operations < 1:
            raise InputError(f"a cut after {operations} operations: 1 or more")
        self._ask("cut_after", operations=operations)

    def load(self, image: Path) -> None:
        """Write an image into the flash as the boot loader does, and start it."""
        self._ask("load", file=str(image.resolve()))

    def save_flash(self, file: Path) -> None:
        """Write the flash as it is now into a file."""
        self._ask("save_flash", file=str(file.resolve()))

    # What is around the chip

    def hold_bootsel(self, is_held: bool) -> None:
        """Press or release the BOOTSEL button."""
        self._ask("bootsel", held=is_held)

    def pin(self, number: int) -> PinState:
        """State of a pin."""
        answer = self._ask("gpio", pin=number)
        return PinState(bool(answer["output"]), bool(answer["level"]))

    def drive_pin(self, number: int, level: bool) -> None:
        """Drive an input from outside."""
        self._ask("gpio", pin=number, level=level)

    def wire(self, source: int, target: int) -> None:
        """Join an output to an input."""
        self._ask("wire", **{"from": source, "to": target})

    def attach_spi(self, bus: int, select: int, chip: SpiChip) -> None:
        """Put a register model on an SPI bus; the board is restarted.

        Time on the board stands still while the model answers.

        Parameters
        ----------
        bus : int
            0 or 1.
        select : int
            Pin of the chip select, low while a transaction lasts.
        chip : SpiChip
            Called in a thread of its own, and copied: a byte of its answer depends on what was sent
            before, so it is taken from a copy, and the whole transaction is done at its end.
        """
        self._chips[select] = chip
        self._ask("attach_spi", bus=bus, select=select)
        self.power_cycle()

    def watch(self, number: int) -> None:
        """Report each change of a pin as an event ``pin``, with the cycle it came at."""
        self._ask("watch", pin=number)

    def unwatch(self, number: int) -> None:
        """No more events of a pin."""
        self._ask("unwatch", pin=number)

    def set_adc_volts(self, channel: int, volts: float) -> None:
        """Voltage at a converter input: channels 0 to 3 are pins 26 to 29, 4 is the temperature."""
        self._ask("adc", channel=channel, volts=volts)

    def stats(self) -> Stats:
        """Counts since the emulator began."""
        answer = self._ask("stats")
        return Stats(**{field.name: answer[field.name] for field in fields(Stats)})

    # Events

    def events(self, name: str) -> list[dict[str, Any]]:
        """Take the events of one name that came since they were taken last."""
        with self._changed:
            chosen = [event for event in self._events if event["event"] == name]
            self._events = [event for event in self._events if event["event"] != name]
            return chosen

    def wait_event(self, name: str, timeout_s: float) -> dict[str, Any]:
        """Take the next event of one name; raises `BoardLostError` if none comes.

        Parameters
        ----------
        name : str
            ``reset``, ``power_lost``, ``boot_loader``, ``halted`` or ``pin``.
        timeout_s : float
        """

        def position() -> int | None:
            for index, event in enumerate(self._events):
                if event["event"] == name:
                    return index
            return None

        with self._changed:
            self._changed.wait_for(lambda: position() is not None or self._is_over, timeout_s)
            index = position()
            if index is None:
                why = "it ended" if self._is_over else f"not within {timeout_s:.0f} s"
                raise BoardLostError(f"the emulated board reported no '{name}': {why}")
            return self._events.pop(index)

    # The channel

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._take(line)
        finally:
            # Also when a chip model raises: whoever waits is told at once.
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _take(self, line: str) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            sys.stderr.write(line)
            return
        if message.get("event") in ("spi", "spi_end"):
            self._serve_spi(message)
            return
        with self._changed:
            if "event" in message:
                self._events.append(message)
            elif message["reply"] is not None:
                self._replies[message["reply"]] = message
            self._changed.notify_all()

    def _serve_spi(self, message: dict[str, Any]) -> None:
        chip, sent = self._chips[message["select"]], bytes.fromhex(message["data"])
        if message["event"] == "spi_end":
            chip.transfer(sent)
        else:
            self._write({"cmd": "answer_spi", "value": copy.deepcopy(chip).transfer(sent)[-1]})

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            with self._writing:
                self._process.stdin.write(json.dumps(message) + "\n")
                self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise BoardLostError(f"the emulated board is gone: {error}") from error

    def _ask(self, command: str, **arguments: object) -> dict[str, Any]:
        with self._changed:
            self._requests += 1
            number = self._requests
            self._write({"id": number, "cmd": command, **arguments})
            self._changed.wait_for(lambda: number in self._replies or self._is_over, _ANSWER_S)
            answer = self._replies.pop(number, None)
        if answer is None:
            raise BoardLostError(f"the emulated board did not answer '{command}'")
        if not answer["ok"]:
            raise InputError(f"emulated board: {answer['error']}")
        return answer
