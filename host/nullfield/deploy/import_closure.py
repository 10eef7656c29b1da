"""Which modules of the firmware a board needs: everything its ``start.py`` can come to import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from nullfield.errors import ToolchainError

ENTRY = "start.py"


def import_closure(firmware: Path, role: str, platform: str) -> list[Path]:
    """Modules of the firmware that ``start.py`` imports for a role, directly or not.

    Parameters
    ----------
    firmware : Path
        Folder of the firmware.
    role : str
        Decides conditions of the form ``role == "..."``.
    platform : str
        ``sys.platform`` of the board, ``rp2`` or ``linux``, which decides on the hal.

    Returns
    -------
    list of Path
        Relative to `firmware`, sorted, ``start.py`` and the packages' ``__init__.py`` included.

    Raises
    ------
    ToolchainError
        If a module is missing, or cannot be read as Python.
    """
    facts = {"role": role, "sys.platform": platform}
    found: set[Path] = set()
    waiting = [Path(ENTRY)]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        waiting += _imports(firmware, module, facts)
    return sorted(found)


def _imports(firmware: Path, module: Path, facts: dict[str, str]) -> Iterator[Path]:
    try:
        tree = ast.parse((firmware / module).read_text(encoding="utf-8"))
    except OSError as error:
        raise ToolchainError(
            f"{firmware / module}: {error.strerror}", "run this in a complete checkout"
        ) from error
    except SyntaxError as error:
        raise ToolchainError(f"{firmware / module}: line {error.lineno}: {error.msg}") from error
    for node in _reached(tree, facts):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files(firmware, tuple(alias.name.split(".")))
        elif isinstance(node, ast.ImportFrom):
            yield from _from(firmware, module, node)


def _from(firmware: Path, module: Path, node: ast.ImportFrom) -> Iterator[Path]:
    inside = module.parent.parts
    base = inside[: len(inside) - (node.level - 1)] if node.level else ()
    name = (*base, *(node.module.split(".") if node.module else ()))
    files = list(_files(firmware, name))
    if node.level and not files:
        raise ToolchainError(f"{firmware / module} imports {'.'.join(name)}, which is missing")
    yield from files
    for alias in node.names:
        # What a package gives may be a module of it or a name in it.
        yield from _files(firmware, (*name, alias.name))


def _files(firmware: Path, name: tuple[str, ...]) -> Iterator[Path]:
    """Files that an import of a dotted name runs; none if the firmware has no such module."""
    path = Path(*name)
    if (firmware / path).is_dir() and (firmware / path / "__init__.py").exists():
        target = path / "__init__.py"
    elif (firmware / path.with_suffix(".py")).exists():
        target = path.with_suffix(".py")
    else:
        return
    for depth in range(1, len(name)):
        yield Path(*name[:depth]) / "__init__.py"
    yield target


def _reached(node: ast.AST, facts: dict[str, str]) -> Iterator[ast.AST]:
    """All nodes below one, but for branches that the facts rule out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If):
            truth = _truth(child.test, facts)
            kept = [*(child.body if truth is not False else ())]
            kept += child.orelse if truth is not True else ()
            yield from _reached(ast.Module(kept, []), facts)
        else:
            yield child
            yield from _reached(child, facts)


def _truth(test: ast.expr, facts: dict[str, str]) -> bool | None:
    """Truth of ``name == "text"`` for a name that the facts know; None if it is open."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        return None
    value = facts.get(ast.unparse(test.left))
    wanted = test.comparators[0]
    if value is None or not (isinstance(wanted, ast.Constant) and isinstance(wanted.value, str)):
        return None
    if isinstance(test.ops[0], ast.Eq):
        return value == wanted.value
    if isinstance(test.ops[0], ast.NotEq):
        return value != wanted.value
    return None
