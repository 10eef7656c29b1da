"""Passwords: what is refused, and how they are kept."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from nullfield.console.access.policy import Policy
from nullfield.console.access.refusal import PasswordRefusedError, TooManyAttemptsError

LEAST_LETTERS = 12
MOST_LETTERS = 200
"""More would be a way to keep the computer busy."""
_LEAST_DIFFERENT = 5
_LEAST_BESIDE_NAME = 8
_MOST_AT_ONCE = 2
"""Hashes at a time: each takes 64 MiB and a core, which the recording needs as well."""
_MOST_WAITING = 8
"""Logins at a time, waiting ones included: the rest of the server's threads is for the others."""


def check_password(password: str, name: str) -> None:
    """Refuse a password that is easy to guess.

    Raises
    ------
    PasswordRefusedError
        With the reason in plain words.
    """
    plain = _normal(password)
    hint = f"take {LEAST_LETTERS} letters or more, for instance four words"
    if len(plain) < LEAST_LETTERS:
        raise PasswordRefusedError(f"the password has fewer than {LEAST_LETTERS} letters", hint)
    if len(plain) > MOST_LETTERS:
        raise PasswordRefusedError(
            f"the password has more than {MOST_LETTERS} letters", "take a shorter one"
        )
    rest = plain.casefold().replace(name.casefold(), "") if name else plain
    if len(rest) < _LEAST_BESIDE_NAME:
        raise PasswordRefusedError("the password is little more than the name", hint)
    if len(set(plain.casefold())) < _LEAST_DIFFERENT:
        raise PasswordRefusedError("the password repeats a few letters", hint)


class Passwords:
    """Argon2id hashes of passwords.

    Parameters
    ----------
    policy : Policy
        Cost of a hash.
    """

    def __init__(self, policy: Policy) -> None:
        self._hasher = PasswordHasher(
            time_cost=policy.hash_passes,
            memory_cost=policy.hash_memory_kib,
            parallelism=policy.hash_lanes,
            type=Type.ID,
        )
        self._turns = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._places = threading.BoundedSemaphore(_MOST_WAITING)
        # Compared with where there is no account: an answer takes as long as for one that exists.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue of those who log in.

        Raises
        ------
        TooManyAttemptsError
            If the queue is full: a flood of logins must not hold up an emergency stop.
        """
        if not self._places.acquire(blocking=False):
            raise TooManyAttemptsError(
                "too many logins at a time: wait 1 s", "wait, then try again", wait_s=1
            )
        try:
            yield
        finally:
            self._places.release()

    def hash(self, password: str) -> str:
        """Hash of a new password, with salt and parameters in it."""
        with self._turns:
            return self._hasher.hash(_normal(password))

    def is_right(self, stored: str | None, password: str) -> bool:
        """Whether a password belongs to a stored hash; without one the same work is done, for no."""
        with self._turns:
            try:
                self._hasher.verify(stored or self._nobody, _normal(password)[: MOST_LETTERS + 1])
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(stored)


def _normal(password: str) -> str:
    # The same letters from another keyboard: "é" in one code or in two.
    # Half a surrogate pair has no UTF-8; it is no letter of a keyboard either.
    text = password.encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFKC", text)
