"""What the console answers to those who may not: status, name, plain words."""

from __future__ import annotations

from nullfield.errors import AccessError


class LoginRequiredError(AccessError):
    """Nobody is logged in, or the session has ended."""

    http_status = 401


class LoginFailedError(AccessError):
    """Name or password is wrong; which of them is not said."""

    http_status = 401


class TooManyAttemptsError(AccessError):
    """Too many failed logins.

    Parameters
    ----------
    message, hint : str
        As for `NullfieldError`.
    wait_s : int
        Seconds until the next attempt is looked at.
    """

    http_status = 429

    def __init__(self, message: str, hint: str = "", *, wait_s: int = 1) -> None:
        super().__init__(message, hint)
        self.headers = {"Retry-After": str(wait_s)}


class RoleTooLowError(AccessError):
    """The user is known, but may not do this."""

    http_status = 403


class PasswordChangeRequired(AccessError):  # noqa: N818 - the answer carries this very name
    """A password that was handed out must be changed before anything else."""

    http_status = 403


class CsrfError(AccessError):
    """A request that changes something does not show that it comes from the console's own page."""

    http_status = 403


class OriginError(AccessError):
    """A request comes from a page of another site."""

    http_status = 403


class PasswordRefusedError(AccessError):
    """A new password is too easy to guess."""

    http_status = 422


class AccountError(AccessError):
    """An account or a token cannot be made or changed in the way that was asked for."""

    http_status = 409


class NoSuchAccountError(AccessError):
    """There is no such account or token."""

    http_status = 404
