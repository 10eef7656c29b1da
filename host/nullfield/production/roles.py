"""The plan of each role."""

from __future__ import annotations

from nullfield.errors import InputError
from nullfield.production.bringup_checks import bringup_plan
from nullfield.production.coil_checks import coil_plan
from nullfield.production.fixture import Fixture
from nullfield.production.plan import Check
from nullfield.production.sensor_checks import sensor_plan
from nullfield.production.table_checks import table_plan
from nullfield_protocol.catalogue import Role


def plan_of(role: Role, fixture: Fixture) -> list[Check]:
    """Acceptance plan of a board.

    Raises
    ------
    InputError
        If the fixture is for another role.
    """
    name = role.name.lower()
    if fixture.role != name:
        raise InputError(
            f"fixture '{fixture.name}' is for a {fixture.role} board, and this is a {name} board",
            "give the fixture of this role with --fixture",
        )
    plans = {
        "sensor": sensor_plan,
        "coil": coil_plan,
        "table": table_plan,
        "bringup": bringup_plan,
    }
    return plans[name]()
