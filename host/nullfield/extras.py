"""Libraries of the optional extras: imported where they are needed, or the fix is named."""

from __future__ import annotations

import importlib
from typing import Any

from nullfield.errors import AnalysisError


def library(name: str, need: str, extra: str) -> Any:
    """Import a library of an extra.

    Parameters
    ----------
    name : str
        Module, for instance ``"pyarrow.parquet"``.
    need : str
        What needs which library, for the error: ``"HDF5 needs h5py"``.
    extra : str
        Of `pyproject.toml`, for the hint.

    Raises
    ------
    AnalysisError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise AnalysisError(
            f"{need}, which is not installed", f"pip install 'nullfield[{extra}]'"
        ) from error
