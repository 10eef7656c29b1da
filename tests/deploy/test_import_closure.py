"""Only what a role can import goes into its bundle, and all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from nullfield.deploy.import_closure import import_closure
from nullfield.errors import ToolchainError

COMMON = {
    "start.py",
    "nullfield_fw/__init__.py",
    "nullfield_fw/build.py",
    "nullfield_fw/text.py",
    "nullfield_fw/wire.py",
    "nullfield_fw/hal/__init__.py",
    "nullfield_fw/app/__init__.py",
}


def names(tree: Path, role: str, platform: str) -> set[str]:
    return {path.as_posix() for path in import_closure(tree / "firmware", role, platform)}


def test_role_and_platform_decide(tree: Path) -> None:
    assert names(tree, "coil", "rp2") == COMMON | {
        "nullfield_fw/hal/rp2.py",
        "nullfield_fw/app/coil.py",
        "nullfield_fw/control/__init__.py",
        "nullfield_fw/control/loop.py",
    }
    assert names(tree, "table", "linux") == COMMON | {
        "nullfield_fw/hal/virtual.py",
        "nullfield_fw/app/table.py",
    }


def test_an_open_condition_brings_both_branches(tree: Path) -> None:
    path = tree / "firmware" / "start.py"
    path.write_text(
        "if speed > 3:\n    import nullfield_fw.app.coil\nelse:\n    import nullfield_fw.app.table\n"
    )
    found = names(tree, "coil", "rp2")
    assert {"nullfield_fw/app/coil.py", "nullfield_fw/app/table.py"} <= found


def test_conditions_nest_and_may_be_negated(tree: Path) -> None:
    path = tree / "firmware" / "start.py"
    path.write_text(
        'if sys.platform != "rp2":\n    if role == "coil":\n        import nullfield_fw.app.coil\n'
        "    else:\n        import nullfield_fw.app.table\n"
    )
    assert "nullfield_fw/app/coil.py" not in names(tree, "coil", "rp2")
    found = names(tree, "coil", "linux")
    assert "nullfield_fw/app/coil.py" in found
    assert "nullfield_fw/app/table.py" not in found


def test_a_missing_module_of_the_package_is_named(tree: Path) -> None:
    (tree / "firmware" / "nullfield_fw" / "text.py").write_text("from .gone import x\n")
    with pytest.raises(ToolchainError, match=r"nullfield_fw/text\.py imports nullfield_fw\.gone"):
        names(tree, "coil", "rp2")


def test_a_spoilt_module_is_named(tree: Path) -> None:
    (tree / "firmware" / "nullfield_fw" / "text.py").write_text("def\n")
    with pytest.raises(ToolchainError, match=r"text\.py: line 1"):
        names(tree, "coil", "rp2")


@pytest.mark.parametrize(
    ("role", "own", "others"),
    [
        ("sensor", "app/sensor.py", ("app/coil.py", "app/table.py", "drivers/tmc2209.py")),
        ("coil", "app/coil.py", ("app/sensor.py", "control/lockin.py")),
        ("table", "app/table.py", ("app/sensor.py", "app/coil.py", "drivers/ltc2688.py")),
    ],
)
def test_the_real_firmware(role: str, own: str, others: tuple[str, ...]) -> None:
    from nullfield.places import firmware_directory

    hals = {"rp2": "rp2.py", "linux": "virtual.py"}
    for platform, hal in hals.items():
        other_hal = next(one for one in hals.values() if one != hal)
        found = {p.as_posix() for p in import_closure(firmware_directory(), role, platform)}
        assert f"nullfield_fw/{own}" in found
        assert f"nullfield_fw/hal/{hal}" in found
        assert not found & {f"nullfield_fw/{name}" for name in (*others, f"hal/{other_hal}")}
        # The bootstrap is no part of a bundle.
        assert "main.py" not in found
