"""From a port to a board of the right type."""

from __future__ import annotations

from typing import Any

from nullfield.devices.board import Board
from nullfield.devices.bringup import BringupBoard
from nullfield.devices.coil import CoilBoard
from nullfield.devices.sensor import SensorBoard
from nullfield.devices.table import TableBoard
from nullfield.errors import BoardNotFoundError, RequestTimeoutError, WrongRoleError
from nullfield.link import Link
from nullfield.transport.base import Transport
from nullfield.transport.timing import Clock
from nullfield_protocol.catalogue import Role

_TYPES: dict[Role, type[Board[Any]]] = {
    Role.SENSOR: SensorBoard,
    Role.COIL: CoilBoard,
    Role.TABLE: TableBoard,
    Role.BRINGUP: BringupBoard,
}


def connect(
    transport: Transport,
    clock: Clock,
    expected_role: Role | None = None,
    expected_uid: str | None = None,
    name: str = "",
    session: int | None = None,
) -> Board[Any]:
    """Open the port, shake hands, read all settings, and return the board.

    Parameters
    ----------
    transport : Transport
        Not open yet; it is closed again when this fails.
    clock : Clock
    expected_role : Role, optional
    expected_uid : str, optional
        16 hex digits.
    name : str
        The rig's entry for the board, for errors.
    session : int, optional
        See `Link`.

    Returns
    -------
    SensorBoard, CoilBoard, TableBoard or BringupBoard

    Raises
    ------
    BoardNotFoundError
        If nobody answers, or another board than expected.
    WrongRoleError
        If the board has another role.
    ProtocolMismatchError, TransportError
        As `Link.open`.
    """
    entry = f"board {name!r} of the rig" if name else "board"
    link = Link(transport, clock, session)
    try:
        link.open()
    except RequestTimeoutError as error:
        wanted = f" (uid {expected_uid})" if expected_uid else ""
        raise BoardNotFoundError(
            f"{entry}{wanted} does not answer at {transport.port}: {error.message}",
            "check its power and the rig's port; nullfield boards lists who is there",
        ) from error
    try:
        who = link.identity
        if expected_uid is not None and who.uid != expected_uid.lower():
            raise BoardNotFoundError(
                f"{entry} should be {expected_uid}, but {who.uid} "
                f"({who.role.name.lower()}) answers at {transport.port}",
                "correct uid or port in the rig file, or swap the cables",
            )
        if expected_role is not None and who.role != expected_role:
            raise WrongRoleError(
                f"{entry} should be a {expected_role.name.lower()} board, but {who.uid} at "
                f"{transport.port} is a {who.role.name.lower()} board",
                "correct the role in the rig file, or flash the firmware of that role",
            )
        return _TYPES[who.role](link, name)
    except BaseException:
        link.close()
        raise
