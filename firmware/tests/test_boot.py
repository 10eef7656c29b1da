"""Boot code: which slot starts, when a trial is given up, when the prompt is left to a person."""

import binascii
import hashlib
import os
import sys

import main as boot
from nullfield_fw import text_file
from nullfield_fw.boot_state import Boot, first_damaged, provision


class Chip:
    """Processor and flash in the test's hands."""

    def __init__(self, root, was_watchdog=False, held=False):
        self.root = root
        self.was_watchdog = was_watchdog
        self.words = [0, 0]
        self.held = held
        self.guarded = 0
        self.kept = 0
        self.resets = 0
        self.built_in = False

    def scratch(self, number):
        return self.words[number]

    def set_scratch(self, number, value):
        self.words[number] = value

    def is_held(self):
        return self.held

    def guard(self):
        self.guarded += 1

    def keep_prompt(self):
        self.kept += 1

    def has_built_in(self):
        return self.built_in

    def interrupted(self):
        self.words[0] = boot.CLEAN
        self.kept += 1

    def reset(self):
        self.resets += 1


_roots = []


def _root():
    root = "/tmp/nullfield-boot-%d-%d" % (id(_roots) & 0xFFFFFF, len(_roots))
    _roots.append(root)
    os.mkdir(root)
    os.mkdir(root + "/slots")
    return root


def _slot(root, name, body):
    """A slot whose ``start.py`` has this body, with a true manifest."""
    folder = root + "/slots/" + name
    os.mkdir(folder)
    text = ("def main(root, slot, is_trial):\n    " + body + "\n").encode()
    with open(folder + "/start.py", "wb") as stream:
        stream.write(text)
    digest = binascii.hexlify(hashlib.sha256(text).digest()).decode()
    text_file.write_lines(
        folder + "/manifest.txt", ["board=test", "file=%d %s start.py" % (len(text), digest)]
    )


def _state(root, **values):
    state = {"active": "", "trial": "", "attempts": "0", "note": ""}
    state.update(values)
    boot.write_state(root, state)


_started = []


def _run(chip):
    """Run the boot code with what it imports forgotten; returns what a slot did."""
    sys.modules.pop("start", None)
    sys.modules["boot_test_marks"] = _Marks
    _started.clear()
    before = list(sys.path)
    try:
        boot.main(chip)
    finally:
        sys.path[:] = before
        sys.modules.pop("start", None)
    return list(_started)


class _Marks:
    started = _started


_MARK = "import boot_test_marks; boot_test_marks.started.append((slot, is_trial))"


def test_the_active_slot_starts_under_the_watchdog():
    root = _root()
    _slot(root, "a", _MARK)
    _state(root, active="a")
    chip = Chip(root)
    assert _run(chip) == [("a", False)]
    assert chip.guarded == 1 and chip.resets == 0


def test_a_trial_is_counted_before_it_starts_and_given_up_after_three_starts():
    root = _root()
    _slot(root, "a", _MARK)
    _slot(root, "b", _MARK)
    _state(root, active="a", trial="b")
    for start in (1, 2, 3):
        assert _run(Chip(root)) == [("b", True)]
        assert boot.read_state(root)["attempts"] == str(start)
    assert _run(Chip(root)) == [("a", False)]
    state = boot.read_state(root)
    assert state["trial"] == "" and state["active"] == "a"
    assert "slot b was not confirmed in 3 starts" in state["note"]


def test_a_confirmed_trial_is_the_one_that_boots():
    root = _root()
    _slot(root, "a", _MARK)
    _slot(root, "b", _MARK)
    _state(root, active="a", trial="b")
    _run(Chip(root))
    Boot("b", True).confirm(root)
    assert _run(Chip(root)) == [("b", False)]
    assert boot.read_state(root) == {"active": "b", "trial": "", "attempts": "0", "note": ""}


def test_a_trial_with_one_changed_byte_never_starts():
    root = _root()
    _slot(root, "a", _MARK)
    _slot(root, "b", _MARK)
    _state(root, active="a", trial="b")
    fed = []
    assert first_damaged(root + "/slots/b", lambda: fed.append(1)) is None
    assert len(fed) == 1
    with open(root + "/slots/b/start.py", "ab") as stream:
        stream.write(b"#")
    assert first_damaged(root + "/slots/b", lambda: None) == "start.py"
    assert _run(Chip(root)) == [("a", False)]
    assert "damaged" in boot.read_state(root)["note"]


def test_a_trial_without_manifest_or_with_a_missing_file_never_starts():
    for missing in ("manifest.txt", "start.py"):
        root = _root()
        _slot(root, "a", _MARK)
        _slot(root, "b", _MARK)
        os.remove(root + "/slots/b/" + missing)
        _state(root, active="a", trial="b")
        assert _run(Chip(root)) == [("a", False)], missing


def test_a_slot_that_raises_resets_the_board_and_a_trial_falls_back():
    root = _root()
    _slot(root, "a", _MARK)
    _slot(root, "b", "raise ValueError('wrong board')")
    _state(root, active="a", trial="b")
    for _ in range(3):
        chip = Chip(root)
        assert _run(chip) == []
        assert chip.resets == 1 and chip.kept == 0
    assert _run(Chip(root)) == [("a", False)]


def test_a_damaged_state_file_means_built_in():
    root = _root()
    _slot(root, "a", _MARK)
    _state(root, active="a")
    with open(root + "/boot.txt", "rb") as stream:
        whole = stream.read()
    for cut in range(len(whole)):
        with open(root + "/boot.txt", "wb") as stream:
            stream.write(whole[:cut])
        state = boot.read_state(root)
        # The last byte is the line's end behind the checksum.
        assert state["active"] == ("a" if cut == len(whole) - 1 else ""), cut
    with open(root + "/boot.txt", "wb") as stream:
        stream.write(whole.replace(b"active=a", b"active=b"))
    assert boot.read_state(root)["active"] == ""


def test_crashes_in_a_row_end_at_the_prompt_and_a_clean_reset_starts_again():
    root = _root()
    _slot(root, "a", _MARK)
    _state(root, active="a")
    chip = Chip(root, was_watchdog=True)
    for crashes in range(1, 6):
        assert _run(chip) == [("a", False)]
        assert chip.words[1] == crashes
    assert _run(chip) == [], "the sixth crash in a row"
    assert chip.words[0] == boot.CLEAN
    assert _run(chip) == [("a", False)], "a reset from the prompt is no crash"
    assert chip.words == [0, 0]


def test_the_built_in_firmware_stands_in_for_a_slot_that_crashes():
    root = _root()
    _slot(root, "a", _MARK)
    _state(root, active="a")
    chip = Chip(root, was_watchdog=True)
    chip.built_in = True
    chip.words[1] = 5
    # The built-in start.py, as far as this test needs it, lies in the current path.
    built_in = root + "/image"
    os.mkdir(built_in)
    with open(built_in + "/start.py", "w") as stream:
        stream.write("def main(root, slot, is_trial):\n    " + _MARK + "\n")
    sys.path.insert(0, built_in)
    try:
        assert _run(chip) == [("", False)]
        assert boot.read_state(root)["active"] == "a", "for this start only"
        chip.words[1] = 10
        assert _run(chip) == [], "it crashes, too: the prompt"
    finally:
        sys.path.remove(built_in)


def test_a_trial_that_cannot_be_counted_does_not_start():
    root = _root()
    _slot(root, "a", _MARK)
    _slot(root, "b", _MARK)
    _state(root, active="a", trial="b")
    os.mkdir(root + "/boot.txt.new")  # no file can be written there: as a full flash
    assert _run(Chip(root)) == [("a", False)]


def test_a_reset_that_was_asked_for_is_no_crash():
    chip = Chip(_root(), was_watchdog=True)
    chip.words = [boot.CLEAN, 3]
    assert boot.count_crashes(chip) == 0
    chip = Chip(_root(), was_watchdog=False)
    chip.words = [12345, 678]  # what a power-on leaves there
    assert boot.count_crashes(chip) == 0


def test_bootsel_leaves_the_prompt():
    root = _root()
    _slot(root, "a", _MARK)
    _state(root, active="a")
    chip = Chip(root, held=True)
    assert _run(chip) == []
    assert chip.guarded == 0, "no watchdog while a person is at the prompt"


def test_leaving_for_the_prompt_is_no_error():
    root = _root()
    _slot(root, "a", "raise KeyboardInterrupt")
    _state(root, active="a")
    chip = Chip(root)
    try:
        _run(chip)
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("KeyboardInterrupt was swallowed")
    assert chip.resets == 0
    assert chip.kept == 1, "the watchdog is fed at the prompt"
    assert chip.words[0] == boot.CLEAN


def test_firmware_for_another_board_is_refused_by_what_was_provisioned():
    # The hal's own boot code needs the rig process.
    sys.modules["virtual_port"] = _Marks
    import start

    root = _root()
    text_file.write_values(root + "/provision.txt", {"board": "table_pico2", "unit": "T07"})

    class _Board:
        BOARD = {"name": "sensor_pico2"}

    sys.modules["board"] = _Board
    try:
        try:
            start.board_definition(root)
        except ValueError as error:
            assert "sensor_pico2" in str(error) and "table_pico2" in str(error)
        else:
            raise AssertionError("firmware of another board was taken")
        text_file.write_values(root + "/provision.txt", {"board": "sensor_pico2"})
        assert start.board_definition(root)["name"] == "sensor_pico2"
    finally:
        for name in ("board", "start", "virtual_port"):
            sys.modules.pop(name, None)


def test_a_damaged_provision_does_not_keep_the_firmware_from_starting():
    root = _root()
    text_file.write_values(root + "/provision.txt", {"board": "table_pico2", "unit": "T07"})
    assert provision(root)["unit"] == "T07"
    with open(root + "/provision.txt", "wb") as stream:
        stream.write(b"board=table_pico2\n#00000000\n")
    assert provision(root) == {}
    # A folder cannot be read as a file, just as nothing can be without a file system.
    os.remove(root + "/provision.txt")
    os.mkdir(root + "/provision.txt")
    assert provision(root) == {}
