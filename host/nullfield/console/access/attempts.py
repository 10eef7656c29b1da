"""Failed logins: waiting that doubles, by name and by address."""

from __future__ import annotations

import ipaddress

from sqlalchemy import delete
from sqlalchemy.orm import Session

from nullfield.console.access.policy import Policy
from nullfield.console.access.secret import digest_of
from nullfield.console.access.tables import AttemptsRow, KnownAddressRow

_KNOWN_S = 90 * 86400.0
_MOST_DOUBLINGS = 30
_IPV6_SITE_BITS = 64


def site_of(address: str) -> str:
    """What counts as one address: an IPv6 customer has a whole /64 of them."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(one, ipaddress.IPv6Address):
        if one.ipv4_mapped is not None:
            return str(one.ipv4_mapped)
        if not one.is_loopback:
            return str(ipaddress.ip_network((one, _IPV6_SITE_BITS), strict=False))
    return str(one)


class Attempts:
    """Counts failed logins in the database, so that a restart forgets none.

    A name that does not exist is counted like one that does. From an address where the user has
    logged in before, failures are counted apart: those who try the name from elsewhere cannot keep
    the user out.

    Parameters
    ----------
    policy : Policy
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def reserve(
        self, session: Session, name: str, user_id: int | None, site: str, now_unix_s: float
    ) -> float:
        """Count an attempt as failed before it is looked at, so that many at once count as many.

        Returns
        -------
        float
            Seconds to wait; if not zero, the attempt must not be looked at, and did not count.
        """
        counters = self._counters(session, name, user_id, site)
        rows = [(self._row(session, key, now_unix_s), free) for key, free in counters]
        wait_s = max(self._left_s(row, free, now_unix_s) for row, free in rows)
        if wait_s > 0:
            return wait_s
        for row, free in rows:
            row.failures += 1
            row.failed_unix_s = now_unix_s
            row.blocked_until_unix_s = now_unix_s + self._wait_s(row.failures, free)
        session.flush()
        return 0.0

    def succeed(
        self, session: Session, name: str, user_id: int, site: str, now_unix_s: float
    ) -> None:
        """Take back the reservation: forget the name's failures, and remember the address."""
        (own, _), (of_address, _free) = self._counters(session, name, user_id, site)
        session.execute(delete(AttemptsRow).where(AttemptsRow.key == own))
        # Others' failures stay: an attacker with an account must not clear the address with it.
        row = session.get(AttemptsRow, of_address)
        if row is not None:
            row.failures = max(row.failures - 1, 0)
            row.blocked_until_unix_s = 0.0
        known = session.get(KnownAddressRow, (user_id, site))
        if known is None:
            session.add(KnownAddressRow(user_id=user_id, address=site, seen_unix_s=now_unix_s))
        else:
            known.seen_unix_s = now_unix_s
        session.execute(
            delete(KnownAddressRow).where(KnownAddressRow.seen_unix_s < now_unix_s - _KNOWN_S)
        )

    def is_blocked_now(
        self, session: Session, name: str, user_id: int | None, site: str, now_unix_s: float
    ) -> bool:
        """Whether the next attempt would have to wait."""
        return any(
            self._left_s(self._row(session, key, now_unix_s), free, now_unix_s) > 0
            for key, free in self._counters(session, name, user_id, site)
        )

    def forget_all(self, session: Session) -> None:
        """Forget every failure: whoever resets a password at the computer itself may log in."""
        session.execute(delete(AttemptsRow))

    def _counters(
        self, session: Session, name: str, user_id: int | None, site: str
    ) -> tuple[tuple[str, int], tuple[str, int]]:
        # Asked for a name that does not exist too: the same work for both.
        is_known = session.get(KnownAddressRow, (user_id or 0, site)) is not None
        # Digests: a password typed into the field of the name must not stand in the database.
        own = f"name {name} at {site}" if is_known else f"name {name}"
        return (
            (digest_of(own), self._policy.tries_of_name),
            (digest_of(f"address {site}"), self._policy.tries_of_address),
        )

    def _row(self, session: Session, key: str, now_unix_s: float) -> AttemptsRow:
        row = session.get(AttemptsRow, key)
        if row is None:
            # Made-up names must not fill the table.
            old = AttemptsRow.failed_unix_s < now_unix_s - self._policy.forget_s
            session.execute(delete(AttemptsRow).where(old))
            row = AttemptsRow(
                key=key, failures=0, failed_unix_s=now_unix_s, blocked_until_unix_s=0.0
            )
            session.add(row)
        elif row.failed_unix_s < now_unix_s - self._policy.forget_s:
            row.failures, row.blocked_until_unix_s = 0, 0.0
        return row

    def _left_s(self, row: AttemptsRow, free: int, now_unix_s: float) -> float:
        left_s = row.blocked_until_unix_s - now_unix_s
        if left_s > self._policy.most_wait_s:
            # The clock went back: wait as long as the failures ask for, not until that time.
            left_s = self._wait_s(row.failures, free)
            row.failed_unix_s = now_unix_s
            row.blocked_until_unix_s = now_unix_s + left_s
        return max(left_s, 0.0)

    def _wait_s(self, failures: int, free: int) -> float:
        beyond = failures - free
        if beyond < 0:
            return 0.0
        return float(min(2.0 ** min(beyond, _MOST_DOUBLINGS), self._policy.most_wait_s))
