"""A login that a request carries."""

from __future__ import annotations

from dataclasses import dataclass

from nullfield.console.access.user import User


@dataclass(frozen=True)
class Login:
    """A user, and how the request showed who it is.

    Parameters
    ----------
    user : User
        Who it is.
    must_change_password : bool
        The password was handed out: nothing but changing it is allowed.
    session_digest : str or None
        SHA-256 of the session's token; None for a request with an API token.
    """

    user: User
    must_change_password: bool
    session_digest: str | None

    @property
    def is_token(self) -> bool:
        """Whether an API token was shown in place of a session."""
        return self.session_digest is None
