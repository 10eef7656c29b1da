"""Where the boards under test come from: virtual ones, an emulated one, or real ones at ports."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from nullfield.transport.timing import WallClock

RIG = Path(__file__).with_name("bench.toml")
ROLES = {
    "sensor": "e66138528350b001",
    "coil": "e66138528351b001",
    "table": "e66138528352b001",
    "bringup": "e66138528353b001",
}
NEEDS = {
    "injection": "a way to bring faults about (supply, switches, power): virtual boards have it",
    "loopback": "each coil output closed over its sense resistor by a wire, load or coil",
    "cell": "a heated vapour cell with laser and photodiode on head 0",
    "motor": "motor, home and end switch on the table board",
    "flash": "boards whose firmware may be replaced",
    "long": "ten minutes a board (--long)",
}
"""What a test may need; ``--attached`` says what a real bench has."""


class Target(Protocol):
    """Boards under test.

    Attributes
    ----------
    name : str
        ``virtual``, ``emulated`` or ``real``.
    ports : dict of str to str
        Port of each board by the name that tests show.
    attached : set of str
        Keys of `NEEDS` that are there.
    link_bytes_per_s : int
        What the line carries; streams are thinned out to fit.
    """

    name: str
    ports: dict[str, str]
    attached: set[str]
    link_bytes_per_s: int

    def make_clock(self) -> WallClock:
        """Clock for a link to one of the boards."""
        ...

    def condition(self, board: str, **given: Any) -> None:
        """Bring a condition about, see `nullfield.virtual.conditions`."""
        ...


class RealTarget:
    """Boards at ports of this machine; conditions are a person's work, so there are none."""

    name = "real"
    link_bytes_per_s = 500_000

    def __init__(self, ports: list[str], attached: set[str]) -> None:
        self.ports = {port: port for port in ports}
        self.attached = attached

    def make_clock(self) -> WallClock:
        """The real world's."""
        return WallClock()

    def condition(self, board: str, **given: Any) -> None:
        """Not on a real bench."""
        raise NotImplementedError(f"{board}: {given}")


class VirtualTarget:
    """Boards standing alone in a process of their own."""

    name = "virtual"
    link_bytes_per_s = 250_000

    def __init__(self, process: subprocess.Popen[str], ports: dict[str, str]) -> None:
        self._process = process
        self.ports = {role: ports[uid] for role, uid in ROLES.items()}
        self.attached = {"injection", "loopback", "cell", "motor", "flash"}

    def make_clock(self) -> WallClock:
        """Virtual boards keep up with the real world's."""
        return WallClock()

    def condition(self, board: str, **given: Any) -> None:
        """One JSON line to the process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"uid": ROLES[board], **given}) + "\n")
        self._process.stdin.flush()


@contextlib.contextmanager
def virtual_target(flash_directory: Path) -> Iterator[VirtualTarget]:
    """Start the virtual boards and end them, whatever happens to the tests."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "nullfield.virtual.standalone",
            str(RIG),
            "--flash",
            str(flash_directory),
            # Should the test run be killed, the boards end with it.
            "--until-stdin-closes",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the virtual boards did not start (exit {process.wait()})")
        yield VirtualTarget(process, json.loads(line)["ports"])
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def open_target(
    name: str, ports: list[str], attached: set[str], is_long: bool, scratch: Path
) -> Iterator[Target]:
    """The target of a run.

    Parameters
    ----------
    name : str
        ``virtual``, ``emulated`` or ``real``.
    ports : list of str
        For real boards.
    attached : set of str
        For real boards: what hangs on them.
    is_long : bool
        Long tests are wanted.
    scratch : Path
        For flash contents.
    """
    long = {"long"} if is_long else set()
    if name == "real":
        yield RealTarget(ports, attached | long)
    elif name == "emulated":
        from emulated_target import emulated_target

        with emulated_target(scratch) as emulated:
            emulated.attached |= long
            yield emulated
    else:
        with virtual_target(scratch) as virtual:
            virtual.attached |= long
            yield virtual
