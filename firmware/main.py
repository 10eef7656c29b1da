"""First code after MicroPython itself: chooses the firmware to start. Upgrades never touch it.

It leaves ways out for a person: Ctrl-C in the boot window, BOOTSEL held in it, and the prompt after
too many crashes. It stands alone: nothing of what may be broken is imported before it has decided.

1. Boot window (not on virtual boards): Ctrl-C or BOOTSEL ends at the prompt, with every pin an input.
2. After more crashes in a row (watchdog resets that nobody asked for) than a limit the built-in
   firmware starts instead of a slot; after twice as many, or without one, the prompt is left.
3. ``boot.txt`` names the slot. One on trial is counted before it starts, and given up after three
   starts without confirmation, or when a file differs from its manifest.
4. The slot's ``start.py`` runs; without a slot the one that is built into the image.
"""

import binascii
import hashlib
import os
import sys

_TRIAL_STARTS = 3
_CRASHES = 5
_WINDOW_MS = 1000
_WATCHDOG_MS = (
    8300  # RP2040 data sheet, section 4.7.2: at most 8388 ms; imports take a second or two
)
CLEAN = 0x4E460001
"""Mark in scratch word 0: the reset that follows was asked for."""


class Rp2:
    """What this file needs of an RP2040 or RP2350."""

    root = ""

    def __init__(self):
        import machine

        self._machine = machine
        # RP2040 data sheet 4.7.6 and RP2350 data sheet 12.9.8: SCRATCH0 lies at offset 0x0C.
        self._base = 0x400D8000 if "RP2350" in sys.implementation._machine else 0x40058000
        self._scratch = self._base + 0x0C
        self.was_watchdog = machine.reset_cause() == machine.WDT_RESET
        self._watchdog = None

    def has_built_in(self):
        """True in an image with firmware inside; official MicroPython has none."""
        try:
            import nullfield_boards  # noqa: F401
        except ImportError:
            return False
        return True

    def scratch(self, number):
        """Word that keeps through every reset but power-on."""
        return self._machine.mem32[self._scratch + 4 * number]

    def set_scratch(self, number, value):
        """Write such a word."""
        self._machine.mem32[self._scratch + 4 * number] = value

    def is_held(self):
        """Wait for the boot window; True if BOOTSEL is held at its end. Ctrl-C interrupts."""
        import rp2
        import time

        time.sleep_ms(_WINDOW_MS)
        return rp2.bootsel_button() == 1

    def guard(self):
        """Start the watchdog: firmware that hangs while it is imported must not hang for good."""
        self._watchdog = self._machine.WDT(timeout=_WATCHDOG_MS)

    def keep_prompt(self):
        """Feed the watchdog while a person is at the prompt; it cannot be stopped.

        It may run from before a soft reset: CTRL.ENABLE is bit 30 of its first register.
        """
        if self._watchdog is None and self._machine.mem32[self._base] >> 30 & 1:
            self.guard()
        watchdog = self._watchdog
        if watchdog:
            self._timer = self._machine.Timer(
                -1,
                period=1000,
                mode=self._machine.Timer.PERIODIC,
                callback=lambda _: watchdog.feed(),
            )

    def interrupted(self):
        """A person pressed Ctrl-C, or the application left for the prompt: no crash."""
        self.set_scratch(0, CLEAN)
        self.keep_prompt()

    def reset(self):
        """Restart, as a crash or as asked for by the mark in scratch word 0."""
        self._machine.reset()


def read_state(root):
    """Values of ``boot.txt``; the defaults if it is missing or damaged."""
    state = {"active": "", "trial": "", "attempts": "0", "note": ""}
    try:
        with open(root + "/boot.txt", "rb") as stream:
            text = stream.read()
    except OSError:
        return state
    mark = text.rfind(b"#")
    if mark < 0 or text[mark + 1 : mark + 9] != b"%08x" % binascii.crc32(text[:mark]):
        return state
    for line in text[:mark].decode().split("\n"):
        key, _, value = line.partition("=")
        if key in state:
            state[key] = value
    return state


def write_state(root, state):
    """Replace ``boot.txt`` as a whole."""
    body = "".join(["%s=%s\n" % (key, state[key]) for key in sorted(state)]).encode()
    with open(root + "/boot.txt.new", "wb") as stream:
        stream.write(body)
        stream.write(b"#%08x\n" % binascii.crc32(body))
    os.rename(root + "/boot.txt.new", root + "/boot.txt")


def is_whole(folder):
    """True if every file of a slot has the SHA-256 that its manifest says."""
    buffer = bytearray(512)
    window = memoryview(buffer)
    try:
        with open(folder + "/manifest.txt", "rb") as stream:
            text = stream.read()
        mark = text.rfind(b"#")
        if text[mark + 1 : mark + 9] != b"%08x" % binascii.crc32(text[:mark]):
            return False
        for line in text[:mark].decode().split("\n"):
            if not line.startswith("file="):
                continue
            _, wanted, path = line[5:].split(" ", 2)
            digest = hashlib.sha256()
            with open(folder + "/" + path, "rb") as stream:
                count = stream.readinto(buffer)
                while count:
                    digest.update(window[:count])
                    count = stream.readinto(buffer)
            if "".join(["%02x" % byte for byte in digest.digest()]) != wanted:
                return False
    except (OSError, ValueError):
        return False
    return True


def choose(root):
    """(slot, is on trial); counts the start of a trial, or gives it up."""
    state = read_state(root)
    trial = state["trial"]
    if not trial:
        return state["active"], False
    starts = int(state["attempts"]) + 1
    if starts > _TRIAL_STARTS:
        note = "slot " + trial + " was not confirmed in " + str(_TRIAL_STARTS) + " starts"
    elif not is_whole(root + "/slots/" + trial):
        note = "slot " + trial + " has damaged files"
    else:
        note = ""
    if note:
        state["trial"] = ""
        starts = 0
    state["note"] = note
    state["attempts"] = str(starts)
    try:
        write_state(root, state)
    except OSError:
        # A flash that is full or worn: a trial that cannot be counted must not start.
        return state["active"], False
    return (state["active"], False) if note else (trial, True)


def count_crashes(chip):
    """Crashes in a row, this start included; firmware that runs for a while sets them to zero."""
    if chip.was_watchdog and chip.scratch(0) != CLEAN:
        crashes = chip.scratch(1) + 1
    else:
        crashes = 0
    chip.set_scratch(0, 0)
    chip.set_scratch(1, crashes)
    return crashes


def main(chip):
    """Start the firmware, or leave the prompt to a person."""
    crashes = count_crashes(chip)
    try:
        is_held = chip.is_held()
    except KeyboardInterrupt:
        chip.interrupted()
        raise
    is_broken = crashes > _CRASHES
    if is_held or crashes > 2 * _CRASHES or (is_broken and not chip.has_built_in()):
        reason = "BOOTSEL was held" if is_held else str(crashes) + " crashes in a row"
        print("Nullfield: safe mode, " + reason)
        # The next reset starts the firmware again: a person has looked, or new firmware came.
        chip.interrupted()
        return
    chip.guard()
    slot = ""
    is_trial = False
    try:
        slot, is_trial = choose(chip.root)
        if is_broken:
            # For this start only: once the built-in firmware has run for a while, the count is zero.
            print("Nullfield: built-in firmware after", crashes, "crashes in a row")
            slot, is_trial = "", False
        if slot:
            sys.path.insert(0, chip.root + "/slots/" + slot)
        import start

        start.main(chip.root, slot, is_trial)
    except KeyboardInterrupt:
        # Ctrl-C while the firmware was imported, or the application's own way to the prompt.
        chip.interrupted()
        raise
    except Exception as error:
        print("Nullfield: the firmware in slot '" + slot + "' ended:")
        sys.print_exception(error)
        if slot:
            # Counted as a crash; a trial is counted besides and then given up.
            chip.reset()
        else:
            chip.set_scratch(0, CLEAN)
            chip.keep_prompt()


if __name__ == "__main__":
    main(Rp2())
