"""Who a request comes from, and what a role may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["operator", "engineer", "admin"]
"""Roles from the least to the most: each may do what the one before may."""

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class User:
    """A person or a program that has shown who it is.

    Parameters
    ----------
    id : int
        Number of the account; never given again.
    name : str
        Name of the account; a program has the name of the account that made its token.
    role : Role
        What it may do now. A token's role may be lower than that of its account.
    """

    id: int
    name: str
    role: Role


def has_role(user: User, least: Role) -> bool:
    """Whether a user may do what asks for the role `least`."""
    return ROLES.index(user.role) >= ROLES.index(least)


def lower_role(one: Role, other: Role) -> Role:
    """The role of the two that may do less."""
    return one if ROLES.index(one) <= ROLES.index(other) else other
