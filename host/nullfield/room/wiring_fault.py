"""Something about coils and heads that is not as the rig file says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["open", "weak", "reversed", "swapped", "unlike", "heads swapped", "head turned"]


@dataclass(frozen=True)
class WiringFault:
    """Something that is not as the rig file says.

    Attributes
    ----------
    kind : str
    names : tuple of str
        Coils or heads.
    text : str
        One line that names them.
    hint : str
        The fix.
    """

    kind: Kind
    names: tuple[str, ...]
    text: str
    hint: str
