"""Logins of a moment ago, for when the database does not answer."""

from __future__ import annotations

import threading

from nullfield.console.access.login import Login

_MOST = 1000


class Remembered:
    """Logins that were good when the database last answered.

    Parameters
    ----------
    good_for_s : float
        How long one is remembered.
    """

    def __init__(self, good_for_s: float) -> None:
        self._good_for_s = good_for_s
        self._logins: dict[str, tuple[Login, float]] = {}
        self._lock = threading.Lock()

    def put(self, digest: str, login: Login | None, now_unix_s: float) -> None:
        """Remember what the database said about a secret."""
        with self._lock:
            self._logins.pop(digest, None)
            if login is not None:
                self._logins[digest] = (login, now_unix_s)
                if len(self._logins) > _MOST:
                    del self._logins[next(iter(self._logins))]

    def get(self, digest: str, now_unix_s: float) -> Login | None:
        """What was remembered."""
        with self._lock:
            login, seen_unix_s = self._logins.get(digest, (None, 0.0))
        return login if 0 <= now_unix_s - seen_unix_s < self._good_for_s else None

    def forget_all(self) -> None:
        """Forget all: some of them has ended."""
        with self._lock:
            self._logins.clear()
