"""What the application of the role takes from a definition: all there, within bounds, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nullfield.definitions.chips import CHIPS
from nullfield.definitions.problem import Problem
from nullfield.definitions.roles import ROLES, Quantity, RoleNeeds
from nullfield.definitions.schema import BoardDefinition


def check_role(board: BoardDefinition) -> Iterator[Problem]:
    """Chips, lines, scales and limits against the role."""
    needs = ROLES[board.role]
    yield from _count(board, needs)
    yield from _chips(board, needs)
    yield from _lines(board, needs)
    for group, quantities in (("scales", needs.scales), ("limits", needs.limits)):
        yield from _quantities(board.role, group, getattr(board, group), quantities)
    yield from _cross(board)


def _missing(
    role: str, group: str, there: Iterable[str], wanted: Iterable[str]
) -> Iterator[Problem]:
    given = set(there)
    for name in wanted:
        if name not in given:
            yield Problem(
                f"{group}.{name}",
                f"missing; the {role} application needs it",
                f"add it; see the {role} boards that ship",
            )


def _unknown(
    role: str, group: str, there: Iterable[str], known: Iterable[str]
) -> Iterator[Problem]:
    allowed = list(known)
    for name in there:
        if name not in allowed:
            yield Problem(
                f"{group}.{name}",
                f"the {role} application does not know it",
                f"remove it; {group} of this role: {', '.join(allowed) or 'none'}",
            )


def _count(board: BoardDefinition, needs: RoleNeeds) -> Iterator[Problem]:
    for key in ("heads", "coils"):
        wanted = needs.count if key == needs.count_key else None
        if getattr(board, key) != wanted:
            yield Problem(
                key,
                f"{getattr(board, key)}, but a {board.role} board has {wanted or 'none'}",
                f"write {wanted}" if wanted else "remove it",
            )


def _chips(board: BoardDefinition, needs: RoleNeeds) -> Iterator[Problem]:
    yield from _missing(board.role, "chips", board.chips, needs.chips)
    yield from _unknown(board.role, "chips", board.chips, needs.chips)
    for purpose, chip in board.chips.items():
        key = f"chips.{purpose}"
        if chip.chip not in CHIPS:
            yield Problem(
                f"{key}.chip",
                f"no driver for '{chip.chip}'",
                f"chips with a driver: {', '.join(CHIPS)}; docs: write a driver",
            )
            continue
        need = needs.chips.get(purpose)
        if need is None:
            continue
        if chip.chip != need.chip:
            yield Problem(
                f"{key}.chip",
                f"'{chip.chip}', but the {board.role} application drives a {need.chip} there",
                f"write '{need.chip}'",
            )
        if chip.interface != need.interface:
            yield Problem(
                key,
                f"reached by '{chip.interface}', but the {board.role} application wants "
                f"'{need.interface}'",
                f"give '{need.interface}'",
            )
            continue
        for name, value in need.stream.items():
            # None has been told by the check of the streams.
            if getattr(chip, name) not in (None, value):
                yield Problem(
                    f"{key}.{name}",
                    f"{getattr(chip, name)}, but the {board.role} application computes with {value}",
                    f"write {value}",
                )


def _lines(board: BoardDefinition, needs: RoleNeeds) -> Iterator[Problem]:
    yield from _missing(board.role, "outputs", board.outputs, needs.outputs)
    required = [name for name, line in needs.inputs.items() if not line.optional]
    yield from _missing(board.role, "inputs", board.inputs, required)
    yield from _missing(board.role, "pwm", board.pwm, needs.pwm)
    low, high = needs.pwm_hz
    for name in needs.pwm:
        pwm = board.pwm.get(name)
        if pwm is not None and not low <= pwm.frequency <= high:
            yield Problem(
                f"pwm.{name}.frequency",
                f"GPIO{pwm.pin}: {pwm.frequency} Hz is outside of {low} .. {high} Hz, where a "
                "heater's field averages out",
                f"write {low} .. {high}",
            )
    if needs.has_stepper and board.stepper is None:
        yield from _missing(board.role, "stepper", (), ("step", "direction"))
    if not needs.has_stepper and board.stepper is not None:
        yield Problem("stepper", f"the {board.role} application drives none", "remove it")
    if needs.has_supply and board.supply is None:
        yield Problem(
            "supply",
            f"missing; the {board.role} application measures it",
            "add 'supply': {'adc_pin': 29, 'divider': 3, 'minimum_mv': 4300}",
        )


def _quantities(
    role: str, group: str, values: Mapping[str, int], quantities: Mapping[str, Quantity]
) -> Iterator[Problem]:
    yield from _missing(role, group, values, quantities)
    yield from _unknown(role, group, values, quantities)
    for name, value in values.items():
        quantity = quantities.get(name)
        if quantity is None or quantity.minimum <= value <= quantity.maximum:
            continue
        if quantity.is_fixed:
            yield Problem(
                f"{group}.{name}",
                f"{value}, but the firmware computes with {quantity.minimum} whatever stands here",
                f"write {quantity.minimum}, and build the circuit so",
            )
        else:
            yield Problem(
                f"{group}.{name}",
                f"{value} ({quantity.text(value)}) is outside of {quantity.minimum} .. "
                f"{quantity.maximum} ({quantity.meaning})",
                f"write {quantity.minimum} .. {quantity.maximum}",
            )


# What must not be above what.
_ORDERED = (
    ("limits.cell_setpoint_max_mc", "limits.cell_temperature_max_mc"),
    ("limits.heater_power_max_uw", "scales.heater_full_scale_uw"),
    ("limits.laser_current_max_na", "scales.laser_full_scale_na"),
    ("limits.tec_current_max_ua", "scales.tec_full_scale_ua"),
    ("limits.coil_current_max_na", "scales.coarse_full_scale_na"),
    ("limits.table_home_um", "limits.table_travel_um"),
    ("limits.table_patient_um", "limits.table_travel_um"),
)


def _cross(board: BoardDefinition) -> Iterator[Problem]:
    values = {f"scales.{name}": value for name, value in board.scales.items()}
    values |= {f"limits.{name}": value for name, value in board.limits.items()}
    for lower, upper in _ORDERED:
        if lower in values and upper in values and values[lower] > values[upper]:
            yield Problem(
                lower,
                f"{values[lower]} is above {upper} ({values[upper]})",
                f"write at most {values[upper]}",
            )
    speed = board.limits.get("table_speed_max_um_s")
    steps_per_mm = board.scales.get("microsteps_per_mm")
    stepper = board.stepper
    if stepper is None:
        return
    if stepper.start_stop_rate >= stepper.maximum_rate:
        yield Problem(
            "stepper.start_stop_rate",
            f"{stepper.start_stop_rate} is not below maximum_rate ({stepper.maximum_rate})",
            f"write less than {stepper.maximum_rate}",
        )
    if speed is not None and steps_per_mm is not None:
        rate = speed * steps_per_mm // 1000
        if rate > stepper.maximum_rate:
            yield Problem(
                "limits.table_speed_max_um_s",
                f"{speed} needs {rate} microsteps/s, stepper.maximum_rate is {stepper.maximum_rate}",
                f"write at most {stepper.maximum_rate * 1000 // steps_per_mm}",
            )
