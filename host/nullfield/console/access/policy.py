"""Figures of the console's guard: how long, how often, how hard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """Limits of sessions, tokens, failed logins and the cost of a password's hash.

    Attributes
    ----------
    idle_s, absolute_s : float
        A session ends after this time without a request, and after this time in any case.
    tries_of_name, tries_of_address : int
        Failed logins before waiting starts. More people share an address than a name.
    most_wait_s : float
        Waiting doubles with each failure from one second up to this: nobody is shut out for good.
    forget_s : float
        Failures are forgotten after this time without another.
    token_days, most_token_days : int
        Life of an API token where none is asked for, and the longest.
    hash_passes, hash_memory_kib, hash_lanes : int
        Cost of argon2id. The second recommended choice of RFC 9106, section 4 (3 passes, 64 MiB,
        4 lanes), which is also the default of argon2-cffi.
    """

    idle_s: float = 30 * 60.0
    absolute_s: float = 12 * 3600.0
    tries_of_name: int = 5
    tries_of_address: int = 20
    most_wait_s: float = 300.0
    forget_s: float = 3600.0
    token_days: int = 90
    most_token_days: int = 366
    hash_passes: int = 3
    hash_memory_kib: int = 64 * 1024
    hash_lanes: int = 4
