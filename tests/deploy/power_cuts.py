"""Power cut at random flash operations while a board is flashed: what it is afterwards.

Run as a program for a table over many cuts: ``python -m tests.deploy.power_cuts --cuts 200``.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

if __package__:
    sys.path.insert(0, str(Path(__file__).parent))

from flash_bench import FlashBench, bundle

from nullfield.deploy.board_state import Provision
from nullfield.deploy.bundle import Bundle
from nullfield.deploy.look import Kind
from nullfield.errors import NullfieldError
from nullfield.places import firmware_directory

SPEED_M_S = 0.02
_NEVER = 1 << 30


@dataclass(frozen=True)
class Situation:
    """What a board is before it is flashed.

    Attributes
    ----------
    name : str
    image : str
    slots : int
        How often it was flashed before: 0 built-in or nothing, 1 slot a, 2 slot b, 3 slot a again.
    """

    name: str
    image: str
    slots: int


SITUATIONS = (
    Situation("built-in firmware, both slots empty", "nullfield", 0),
    Situation("slot a runs, slot b empty", "nullfield", 1),
    Situation("slot a runs, slot b full", "stock", 3),
    Situation("official MicroPython, empty", "stock", 0),
)


@dataclass
class Tally:
    """Outcome of the cuts of one situation."""

    cuts: int = 0
    booted: Counter[str] = field(default_factory=Counter)
    bricked: list[int] = field(default_factory=list)
    settings_lost: list[int] = field(default_factory=list)
    not_repaired: list[int] = field(default_factory=list)
    operations: int = 0


class CutBench:
    """One situation, put back before each cut.

    Parameters
    ----------
    situation : Situation
    old, new : Bundle
        What runs before (where anything does), and what is flashed.
    """

    def __init__(self, situation: Situation, old: Bundle, new: Bundle, directory: Path) -> None:
        self.situation = situation
        self.new = new
        self.bench = FlashBench(directory, image=situation.image)
        self.provision = Provision("table_pico2", "T01")
        for _ in range(situation.slots):
            self.bench.flash(old, provision=self.provision)
        self.has_settings = situation.image == "nullfield" or situation.slots > 0
        if self.has_settings:
            board = self.bench.connect()
            board.settings.set("speed_max", SPEED_M_S)
            board.save_settings()
            board.close()
        self.before = self.bench.look()
        self.content = bytes(self.bench.flash_content)
        self.operations = self._count()

    def close(self) -> None:
        self.bench.close()

    def put_back(self) -> None:
        self.bench.flash_content[:] = self.content
        self.bench.power_cycle()

    def _flash(self) -> None:
        self.bench.flash(self.new, provision=self.provision)

    def _count(self) -> int:
        """Flash operations of one undisturbed run."""
        flash = self.bench.board.process.flash
        flash.operations_until_cut = _NEVER
        self._flash()
        assert flash.operations_until_cut is not None
        return _NEVER - flash.operations_until_cut

    def cut(self, at: int, tally: Tally) -> None:
        """Flash with the power going at an operation, switch on, look, and flash again."""
        self.put_back()
        self.bench.board.process.flash.operations_until_cut = at
        # The host sees a board that is gone; a cut in the last operation it may not even notice.
        with contextlib.suppress(NullfieldError):
            self._flash()
        tally.cuts += 1
        self.bench.power_cycle()
        tally.booted[self._state(at, tally)] += 1
        try:
            self._flash()
        except NullfieldError as error:
            tally.not_repaired.append(at)
            print(f"cut at {at}: not repaired: {error.message}", file=sys.stderr)
            return
        found = self.bench.look()
        if (found.kind, found.revision) != (Kind.RUNNING, self.new.header.revision):
            tally.not_repaired.append(at)
        if not self._settings_kept():
            tally.settings_lost.append(at)

    def _state(self, at: int, tally: Tally) -> str:
        """What answers after the cut: old, new, or the prompt of official MicroPython."""
        try:
            found = self.bench.look()
        except NullfieldError as error:
            print(f"cut at {at}: {error.message}", file=sys.stderr)
            tally.bricked.append(at)
            return "bricked"
        if found.kind is Kind.PROMPT:
            # That is where official MicroPython began; a board with firmware must run it.
            if self.before.kind is not Kind.PROMPT:
                tally.bricked.append(at)
                return "bricked"
            return "prompt"
        if not self._settings_kept():
            tally.settings_lost.append(at)
        is_old = (found.slot, found.revision) == (self.before.slot, self.before.revision)
        return "old" if is_old else "new"

    def _settings_kept(self) -> bool:
        if not self.has_settings:
            return True
        board = self.bench.connect()
        kept = abs(board.settings.get("speed_max") - SPEED_M_S) < 1e-9 and board.link.fault is None
        board.close()
        return kept


def run_cuts(situation: Situation, cuts: int, seed: int, old: Bundle, new: Bundle) -> Tally:
    """Cut at random operations of a flashing, the first and the last one included."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="nullfield-cuts-") as directory:
        bench = CutBench(situation, old, new, Path(directory))
        try:
            tally.operations = bench.operations
            count = min(cuts, bench.operations)
            chosen = random.Random(seed).sample(range(2, bench.operations), count - 2)
            for at in [1, *sorted(chosen), bench.operations]:
                bench.cut(at, tally)
        finally:
            bench.close()
    return tally


def other_firmware(root: Path) -> Path:
    """The firmware's tree as another version, in which every file differs."""
    copy = root / "firmware"
    shutil.copytree(firmware_directory(), copy)
    for path in [copy / "start.py", *(copy / "nullfield_fw").rglob("*.py")]:
        path.write_text(path.read_text(encoding="utf-8") + "\n_before = 1\n", encoding="utf-8")
    build = copy / "nullfield_fw" / "build.py"
    build.write_text('VERSION = "0.1.9"\nREVISION = "source"\n', encoding="utf-8")
    return copy


def main() -> int:
    """Print the table; 0 if no board was bricked, no setting lost, and every one repaired."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cuts", type=int, default=200, help="in all, over the situations")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nullfield-old-") as directory:
        old = bundle(firmware=other_firmware(Path(directory)))
    new = bundle()
    each = -(-given.cuts // len(SITUATIONS))
    print(f"{'situation':<38} operations  cuts   old   new prompt bricked lost unrepaired")
    total = Tally()
    for situation in SITUATIONS:
        one = run_cuts(situation, each, given.seed, old, new)
        _print(situation.name, one)
        total.cuts += one.cuts
        total.booted += one.booted
        for name in ("bricked", "settings_lost", "not_repaired"):
            getattr(total, name).extend(getattr(one, name))
        total.operations += one.operations
    _print("all", total)
    return 1 if total.bricked or total.settings_lost or total.not_repaired else 0


def _print(name: str, one: Tally) -> None:
    booted = one.booted
    print(
        f"{name:<38} {one.operations:>10} {one.cuts:>5} {booted['old']:>5} {booted['new']:>5} "
        f"{booted['prompt']:>6} {len(one.bricked):>7} {len(one.settings_lost):>4} "
        f"{len(one.not_repaired):>10}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
