"""The code in the image computes what the virtual boards compute, and passes their tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nullfield.emulated import EmulatedBoard, Prompt
from nullfield.emulated.cycles import BLOCK_US, PARTS, measure_cycles
from nullfield.toolchain import ensure_micropython

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
LOCKIN_SUM = (Path(__file__).parent / "on_board" / "lockin_sum.py").read_text(encoding="utf-8")
GROUPS, BLOCKS = 34, 64


def on_unix_port(code: str) -> str:
    """What the virtual boards' interpreter prints."""
    done = subprocess.run(
        [str(ensure_micropython()), "-c", code],
        env={**os.environ, "MICROPYPATH": str(FIRMWARE)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_lock_in_gives_the_virtual_boards_numbers_bit_for_bit(prompt: Prompt) -> None:
    code = f"{LOCKIN_SUM}\nmain({GROUPS}, {BLOCKS})\n"
    wanted = on_unix_port(code).split()
    assert len(wanted) == 2 * GROUPS
    # Different inputs give different sums: a sum that does not depend on them would prove nothing.
    assert len(set(wanted[1::2])) == GROUPS
    assert prompt.run(code).split() == wanted


def test_the_lock_in_that_was_tested_is_the_frozen_one(prompt: Prompt) -> None:
    assert prompt.run(
        "from nullfield_fw.control import lockin; print(lockin.__file__)"
    ).strip() == ("nullfield_fw/control/lockin.py")
    assert "nullfield_fw" not in prompt.run("import os; print(os.listdir('/'))")


@pytest.mark.parametrize("stem", ["test_frame", "test_bits", "test_fixed", "test_lockin"])
def test_firmware_tests_pass_on_the_target(prompt: Prompt, stem: str) -> None:
    """The golden vectors (test_frame) and the integer code, against their references."""
    prompt.run(
        "import os\n"
        "for folder in ('/firmware', '/firmware/tests', '/protocol', '/protocol/vectors'):\n"
        "    try:\n        os.mkdir(folder)\n    except OSError:\n        pass\n"
    )
    for name in ("firmware/tests/reference.py", f"firmware/tests/{stem}.py"):
        prompt.put(f"/{name}", (ROOT / name).read_bytes())
    vectors = "protocol/vectors/frames.json"
    prompt.put(f"/{vectors}", (ROOT / vectors).read_bytes())
    printed = prompt.run(
        "import gc, sys\n"
        "if '/firmware/tests' not in sys.path: sys.path.insert(0, '/firmware/tests')\n"
        f"module = __import__('{stem}')\n"
        "for name in sorted(dir(module)):\n"
        "    if name.startswith('test_'):\n"
        "        gc.collect()\n"
        "        try:\n"
        "            getattr(module, name)()\n"
        "        except Exception as error:\n"
        "            print('FAIL', name)\n"
        "            sys.print_exception(error)\n"
        "        else:\n"
        "            print('PASS', name)\n"
        f"del sys.modules['{stem}'], module\n"
    )
    defined = (FIRMWARE / "tests" / f"{stem}.py").read_text(encoding="utf-8").count("\ndef test_")
    assert printed.count("PASS ") == defined, printed
    assert "FAIL" not in printed


def test_cycles_of_the_fast_path_are_counted_and_repeat(emulated: EmulatedBoard) -> None:
    first = measure_cycles(emulated)
    assert set(first) == {*PARTS, "fast path"}
    clock_hz = emulated.stats().clock_hz
    assert clock_hz == 125e6
    # Without flash timing this is a lower limit: what does not fit here fits nowhere.
    assert 0 < first["fast path"] < clock_hz * BLOCK_US * 1e-6
    assert measure_cycles(emulated) == pytest.approx(first, rel=0.02)
