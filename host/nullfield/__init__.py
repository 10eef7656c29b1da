"""Nullfield: control and imaging stack for zero-field magnetocardiography."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = ["__version__", "analyze", "read"]

if TYPE_CHECKING:
    from nullfield.analysis.chain import analyze
    from nullfield.files.read import read


def __getattr__(name: str) -> Any:
    # PEP 562: the package stays quick to import, since every command imports it.
    if name == "read":
        from nullfield.files.read import read

        return read
    if name == "analyze":
        from nullfield.analysis.chain import analyze

        return analyze
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
