"""The toolchain: which interpreter is refused and why, where the mirror is, what is cached."""

from pathlib import Path

import pytest

from nullfield.errors import ToolchainError
from nullfield.toolchain import build, cache, system
from nullfield.toolchain.firmware import compile_firmware, real_findings
from nullfield.toolchain.probe import probe_micropython, probe_mpy_cross
from nullfield.toolchain.sources import (
    AptSource,
    machine_sources,
    main_archive,
    parse_deb822,
    parse_one_line,
)

GOOD = {
    "implementation": "micropython",
    "version": "1.25.0",
    "maxsize": "2147483647",
    "float": "single",
    "mpy": str(6 | 3 << 8 | 1 << 10),
    "littlefs": "yes",
    "missing_modules": "",
    "ptr32": "signed",
    "viper_int": "32",
}


def program(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


def interpreter(directory: Path, **changes: str) -> Path:
    """Make a script that answers the probe as a good interpreter does, except for `changes`."""
    facts = {**GOOD, **changes}
    return program(
        directory / "micropython", *(f"echo '{name}={value}'" for name, value in facts.items())
    )


def test_probe_accepts_what_a_good_interpreter_says(tmp_path: Path) -> None:
    assert probe_micropython(interpreter(tmp_path)) == GOOD


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"maxsize": str(2**63 - 1)}, "not 32-bit"),
        ({"float": "other"}, "not single precision"),
        ({"ptr32": "unsigned"}, "ptr32 loads are not signed"),
        ({"viper_int": "wider"}, "do not wrap at 32 bit"),
        ({"littlefs": "no"}, "no VfsLfs2"),
        ({"version": "1.24.1"}, "older than 1.25"),
        ({"mpy": str(6 | 3 << 8 | 2 << 10)}, "architecture is x64"),
        ({"mpy": str(6 | 2 << 8 | 1 << 10)}, "loads .mpy 6.2"),
        ({"missing_modules": "uctypes"}, "lacks the modules uctypes"),
        ({"implementation": "cpython"}, "it is cpython"),
    ],
)
def test_probe_refuses_with_the_reason(tmp_path: Path, change: dict[str, str], reason: str) -> None:
    with pytest.raises(ToolchainError, match="is refused") as refused:
        probe_micropython(interpreter(tmp_path, **change))
    assert reason in refused.value.message
    assert "NULLFIELD_MICROPYTHON" in refused.value.hint


def test_probe_names_an_interpreter_that_fails_or_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="exit code 3: no such luck"):
        probe_micropython(program(tmp_path / "broken", "echo 'no such luck' >&2", "exit 3"))
    with pytest.raises(ToolchainError, match="cannot be run: No such file"):
        probe_micropython(tmp_path / "absent")


def test_given_interpreter_is_used_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = interpreter(tmp_path)
    monkeypatch.setenv("NULLFIELD_MICROPYTHON", str(path))
    assert build.ensure_micropython() == path
    interpreter(tmp_path, float="other")
    with pytest.raises(ToolchainError, match="single precision"):
        build.ensure_micropython()


def test_mpy_cross_of_another_version_is_refused(tmp_path: Path) -> None:
    path = program(tmp_path / "mpy-cross", "echo 'MicroPython v1.19; mpy-cross emitting mpy v6'")
    with pytest.raises(ToolchainError, match=r"wanted 6\.3"):
        probe_mpy_cross(path)


def test_one_line_sources() -> None:
    text = """
        # deb http://old.example/debian bookworm main
        deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # near
        deb-src http://mirror.example/debian bookworm main
    """
    assert list(parse_one_line(text)) == [
        AptSource("deb", "http://mirror.example/debian", "bookworm", ("main", "contrib")),
        AptSource("deb-src", "http://mirror.example/debian", "bookworm", ("main",)),
    ]


DEB822 = """\
# the system's
Types: deb deb-src
# a comment does not end the stanza
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""


def test_deb822_sources() -> None:
    sources = list(parse_deb822(DEB822))
    assert [(source.kind, source.suite) for source in sources] == [
        ("deb", "bookworm"),
        ("deb", "bookworm-updates"),
        ("deb-src", "bookworm"),
        ("deb-src", "bookworm-updates"),
    ]
    assert {source.uri for source in sources} == {"http://mirror.example/debian"}


def test_the_main_archive_is_the_machines_own_release(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://tool.example/apt stable-tool main\n")
    (parts / "debian.sources").write_text(DEB822)
    (parts / "other.sources.disabled").write_text(DEB822.replace("mirror", "disabled"))
    sources = machine_sources(tmp_path)
    assert main_archive(sources, "bookworm").uri == "http://mirror.example/debian"
    with pytest.raises(ToolchainError, match="no Debian archive of release noble") as refused:
        main_archive(sources, "noble")
    assert "NULLFIELD_MICROPYTHON" in refused.value.hint


def test_missing_tool_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="Debian package: xz-utils"):
        system.require_tools("xz")


def make_programs(scratch: Path) -> Path:
    for name in cache.PROGRAMS:
        program(scratch / name)
    return scratch


def test_cache_is_filled_once(tmp_path: Path) -> None:
    calls = []

    def make(scratch: Path) -> Path:
        calls.append(scratch)
        return make_programs(scratch)

    target = tmp_path / "root" / "micropython-x"
    for _ in range(2):
        cache.fill(target, make, lambda line: None)
        assert cache.is_complete(target)
    assert len(calls) == 1
    (target / "mpy-cross").unlink()
    cache.fill(target, make, lambda line: None)
    assert len(calls) == 2
    assert cache.is_complete(target)


def test_failed_build_leaves_its_log_and_nothing_else(tmp_path: Path) -> None:
    def make(scratch: Path) -> Path:
        (scratch / "build.log").write_text("what the compiler said")
        raise ToolchainError("building failed")

    with pytest.raises(ToolchainError, match="building failed"):
        cache.fill(tmp_path / "micropython-x", make, lambda line: None)
    assert {path.name for path in tmp_path.iterdir()} == {"toolchain.lock", "build-failed.log"}


def test_cache_follows_the_base_directory_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_directory().parent == tmp_path / "nullfield"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.cache_root() == Path.home() / ".cache" / "nullfield"


def test_compile_names_the_file_that_fails(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "bad.py").write_text("refuse me\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "left_out.py").write_text("refuse me\n")
    compiler = program(
        tmp_path / "mpy-cross",
        'for last; do :; done; if grep -q "refuse me" "$last"; then echo SyntaxError; exit 1; fi',
    )
    with pytest.raises(ToolchainError, match=r"bad\.py for armv6m: SyntaxError") as refused:
        compile_firmware(compiler, tmp_path)
    assert "left_out" not in refused.value.message
    (tmp_path / "bad.py").unlink()
    assert compile_firmware(compiler, tmp_path).startswith("1 firmware modules")


def test_buffers_for_viper_pointers_are_no_findings(tmp_path: Path) -> None:
    pointer = 'Argument 1 to "copy" has incompatible type "bytearray"; expected "ptr8"  [arg-type]'
    lines = [
        f"{tmp_path}/stub.pyi:1: error: a stub's own",
        "main.py:2: error: " + pointer,
        "main.py:2: note: belongs to it",
        'main.py:3: error: Argument 1 has incompatible type "str"; expected "ptr8"  [arg-type]',
    ]
    assert real_findings(lines, tmp_path) == lines[3:]
