"""What the engine's thread is asked to do, and what it does it on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from nullfield.console.job import Job
from nullfield.instrument.instrument import Instrument
from nullfield.transport.timing import Clock

if TYPE_CHECKING:
    from nullfield.console.engine import Engine


class OpenInstrument(Protocol):
    """What opening a rig gives: a connected instrument."""

    @property
    def instrument(self) -> Instrument:
        """Connected."""
        ...

    @property
    def is_virtual(self) -> bool:
        """Whether the boards are processes of this machine."""
        ...


Opener = Callable[[Callable[[Clock], Clock]], AbstractContextManager[OpenInstrument]]
"""Opens the rig with a clock wrapped by what is given; the composition root knows how."""


@dataclass
class Task:
    """Something for the engine's thread.

    Attributes
    ----------
    run : callable
        Gets the engine and the instrument.
    job : Job or None
        Shown to those who look; None for something short.
    done : threading.Event
    is_given_up : bool
        Nobody waits for it any more: it must not be done later.
    result, error : object
    """

    run: Callable[[Engine, Instrument], Any]
    job: Job | None
    done: threading.Event
    is_given_up: bool = False
    result: Any = None
    error: BaseException | None = None
