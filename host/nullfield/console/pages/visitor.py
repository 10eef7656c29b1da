"""Who looks at a page, as far as the pages need to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fastapi import Request

_ORDER = ("operator", "engineer", "admin")


class Person(Protocol):
    """A user; `nullfield.console.access.user.User` is one."""

    @property
    def name(self) -> str:
        """Login name."""

    @property
    def role(self) -> str:
        """``operator``, ``engineer`` or ``admin``."""


class Visitor(Protocol):
    """A login; `nullfield.console.access.login.Login` is one."""

    @property
    def user(self) -> Person:
        """Who it is."""

    @property
    def must_change_password(self) -> bool:
        """Whether nothing but a new password is allowed."""


FindVisitor = Callable[[Request], Visitor | None]
"""Finds who sent a request, None if nobody is logged in."""


def may(person: Person, role: str) -> bool:
    """Whether a person's role is at least this one."""
    return _ORDER.index(person.role) >= _ORDER.index(role)
