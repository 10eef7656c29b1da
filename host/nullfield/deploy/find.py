"""From what a user calls a board (unit, uid, port, all) to the boards that are meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nullfield.deploy.board_port import BoardPort
from nullfield.deploy.look import Found, Kind, look
from nullfield.deploy.to_prompt import bring_to_prompt, restarted_at_the_end
from nullfield.devices.find import is_part_of_uid, names_board
from nullfield.errors import BoardNotFoundError, NullfieldError

ALL = "all"


def is_port(target: str) -> bool:
    """Whether a user's word is a port and no name of a board."""
    return "/" in target or "://" in target or target.upper().startswith("COM")


def find_boards(
    target: str,
    ports: Sequence[str],
    make_port: Callable[[str], BoardPort],
    tell: Callable[[NullfieldError], None] = lambda error: None,
) -> list[Found]:
    """Boards that a user means.

    Parameters
    ----------
    target : str
        Unit, uid, port, or ``all``.
    ports : sequence of str
        Where to look, if the target is no port itself.
    make_port : callable
        Makes the port of a device path or URL.
    tell : callable
        Takes what is wrong with a port that is not the one that was asked for.

    Raises
    ------
    BoardNotFoundError
        If no such board is there.
    NullfieldError
        If the port that was given cannot be used.
    """
    if is_port(target):
        # Only a port that was named may be interrupted: a program of somebody else could run there.
        return [_readable(look(make_port(target), may_interrupt=True))]
    seen: list[Found] = []
    troubles: list[NullfieldError] = []
    for name in ports:
        try:
            seen.append(look(make_port(name), may_interrupt=False))
        except NullfieldError as error:
            troubles.append(error)
    chosen = [one for one in seen if target == ALL or names_board(target, one.uid, one.unit)]
    if not chosen:
        chosen = [one for one in seen if is_part_of_uid(target, one.uid)]
    if target != ALL and len(chosen) > 1:
        names = ", ".join(one.label for one in chosen)
        raise BoardNotFoundError(
            f"{len(chosen)} boards are called {target}: {names}", "give the uid or the port"
        )
    if not chosen:
        there = ", ".join(one.label for one in seen) or "no board answers at any port"
        what = "there is no board" if target == ALL else f"there is no board {target}"
        if troubles and not seen:
            there = troubles[0].message
        raise BoardNotFoundError(
            f"{what}; {there}",
            "plug it in, or give its port: a board without firmware is found by its port only",
        )
    if target == ALL:
        for trouble in troubles:
            tell(trouble)
    readable: list[Found] = []
    try:
        for one in chosen:
            readable.append(_readable(one))
    except NullfieldError:
        # The others were only to be read: they must not stay at their prompt.
        with restarted_at_the_end(readable):
            raise
    return readable


def _readable(found: Found) -> Found:
    """A board whose firmware speaks another protocol tells what it is at its prompt only."""
    return bring_to_prompt(found) if found.kind is Kind.OTHER_PROTOCOL else found
