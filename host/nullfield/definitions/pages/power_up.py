"""Power-up checklist of a board, with the values that its definition makes one expect."""

from __future__ import annotations

from collections.abc import Iterator

from nullfield.definitions.chips import CHIPS
from nullfield.definitions.mcus import (
    HEADER_PINS,
    MCUS,
    OUT_3V3_PIN,
    SUPPLY_PIN,
    VBUS_PIN,
    VSYS_PIN,
)
from nullfield.definitions.pin_use import chip_labels
from nullfield.definitions.roles import ROLES
from nullfield.definitions.schema import BoardDefinition


def power_up_steps(board: BoardDefinition) -> list[str]:
    """Steps in order, each with what to measure and what to see."""
    return [
        *_without_module(board),
        *_supply(board),
        *_identify(board),
        *_safe_levels(board),
        *_inputs(board),
        *_chips(board),
        *_role(board),
    ]


def _pin(gpio: int) -> str:
    return f"pin {HEADER_PINS[gpio]} (GPIO{gpio})"


def _volts(level: int) -> str:
    return "3.3 V" if level else "0 V"


def _without_module(board: BoardDefinition) -> Iterator[str]:
    enables = {n: o for n, o in board.outputs.items() if n.endswith("_enable")}
    if not board.chips and not enables:
        return
    yield (
        f"**Module out of its socket**, nothing connected outside. 3V3 (pin {OUT_3V3_PIN}), VSYS "
        f"(pin {VSYS_PIN}) and VBUS (pin {VBUS_PIN}) against ground: no short."
    )
    if enables:
        levels = "; ".join(
            f"{name} on {_pin(output.pin)} 10 kΩ to {'3V3' if output.safe_pin_level else 'ground'}"
            for name, output in enables.items()
        )
        yield f"Still without module, supplies off: {levels}."
    pulled = [line.pin for line in board.inputs.values() if line.pull is None]
    if pulled:
        yield f"4.7 kΩ to ground on {', '.join(_pin(gpio) for gpio in pulled)}, inputs open."


def _supply(board: BoardDefinition) -> Iterator[str]:
    text = (
        f"**Module in, USB only.** VBUS (pin {VBUS_PIN}) 4.75 .. 5.25 V; 3V3 (pin {OUT_3V3_PIN}) "
        f"3.2 .. 3.4 V"
    )
    supply = board.supply
    if supply is not None:
        minimum = supply.minimum_mv / 1000
        where = f"VSYS (pin {VSYS_PIN})" if supply.adc_pin == SUPPLY_PIN else "the supply"
        text += (
            f"; {where} above {minimum:.2f} V, that is {minimum / supply.divider:.2f} V at "
            f"GPIO{supply.adc_pin}: below it the board reports its supply as low"
        )
    yield text + "."


def _identify(board: BoardDefinition) -> Iterator[str]:
    yield (
        "**Firmware on**, then `nullfield boards`: role "
        f"`{board.role}`, board `{board.name}`, no fault but those of chips that are missing. "
        f"The module must be a {MCUS[board.mcu].module}."
    )
    if "led" in board.outputs:
        led = board.outputs["led"].pin
        yield f"The LED (GPIO{led}) blinks when the board is asked to show itself."


def _safe_levels(board: BoardDefinition) -> Iterator[str]:
    levels = [
        f"{name} {_volts(output.safe_pin_level)} on {_pin(output.pin)}"
        for name, output in board.outputs.items()
        if output.pin in HEADER_PINS
    ]
    levels += [f"{name} 0 V on {_pin(pwm.pin)}" for name, pwm in board.pwm.items()]
    if levels:
        yield (
            f"**Safe levels**, with the firmware running and nothing started: {'; '.join(levels)}. "
            "The enables must keep them through a press of RUN to ground (pin 30), watched on a "
            "scope."
        )


def _inputs(board: BoardDefinition) -> Iterator[str]:
    if not board.inputs:
        return
    lines = ROLES[board.role].inputs
    texts = []
    for name, line in board.inputs.items():
        pulled = _volts(int(line.pull == "up"))
        meaning = ""
        need = lines.get(name)
        if need is not None and need.level is not None and not need.optional:
            meaning = ", which stops the board"
        texts.append(f"{name} {pulled} on {_pin(line.pin)} with the wire off{meaning}")
    yield f"**Inputs**: {'; '.join(texts)}."


def _chips(board: BoardDefinition) -> Iterator[str]:
    if not board.chips:
        return
    units = []
    for purpose, unit in chip_labels(board).items():
        chip = board.chips[purpose]
        if chip.stream is not None:
            where = f"CS on {_pin(chip.stream.cs)}"
        elif chip.uart is not None:
            where = f"TX on {_pin(chip.uart.tx)}"
        else:
            assert chip.cs is not None
            where = f"CS on {_pin(chip.cs)}"
        units.append(f"{unit} {CHIPS[chip.chip].title} ({purpose}, {where})")
    yield (
        "**Chips**, analogue supplies on, current-limited. Restart the board: no CHIP_NOT_FOUND. "
        "Its detail "
        f"counts from 0 in the order of U1, U2, ...: {'; '.join(units)}."
    )
    adc = board.chips.get("adc")
    if adc is not None and adc.stream is not None and adc.stream.drdy is not None:
        yield (
            f"DRDY on {_pin(adc.stream.drdy)} 16 kHz with the distributed 8.192 MHz clock on U1; "
            f"CS on {_pin(adc.stream.cs)} low for less than 62.5 µs of each period. Without clock "
            "the board "
            "counts missed blocks."
        )


def _role(board: BoardDefinition) -> Iterator[str]:
    if board.role == "sensor":
        yield from _sensor(board)
    elif board.role == "coil":
        yield from _coil(board)
    elif board.role == "table":
        yield from _table(board)
    elif board.role == "bringup":
        yield (
            "Warm the chip with a finger: the internal temperature in the telemetry follows by "
            "some "
            "kelvin. Nothing but USB is connected, so a fault now is the module's or the host's."
        )


def _sensor(board: BoardDefinition) -> Iterator[str]:
    limits, scales = board.limits, board.scales
    cell = scales["cell_nominal_ohm"]
    ratio = cell / scales["cell_reference_ohm"]
    laser = scales["laser_nominal_ohm"]
    half = laser / (laser + scales["laser_divider_ohm"])
    yield (
        f"**Thermometers**: {cell / 1000:g} kΩ 0.1 % in place of a Pt1000 is {ratio:.4f} of full "
        "scale and reads "
        "0 °C; the converter's two current sources differ by 0.3 % typically, that is 0.8 K. "
        f"{laser / 1000:g} kΩ in place of an NTC is {half:.4f} of full scale and reads 25 °C."
    )
    yield (
        "**Interlock** closed, SENSOR_START refused while it is open. Open it while started: "
        "both enables fall "
        "within 10 ms."
    )
    heater = board.pwm["heater0"]
    yield (
        "**Heaters** on a dummy load: PWM of "
        f"{heater.frequency / 1000:g} kHz on {_pin(heater.pin)}; full duty is "
        f"{scales['heater_full_scale_uw'] / 1e6:g} W, limit "
        f"{limits['heater_power_max_uw'] / 1e6:g} W. The board "
        f"goes off above {limits['cell_temperature_max_mc'] / 1000:g} °C."
    )
    full = scales["laser_full_scale_na"] / 1e6
    tec = limits["tec_current_max_ua"] / 1e6
    yield (
        f"**Lasers** on a dummy diode: 1.5 mA at {1.5 / full * 5:.2f} V of U3, never above "
        f"{limits['laser_current_max_na'] / 1e6:g} mA; TEC within ±{tec:g} A."
    )
    yield (
        "**On-head coils** on a dummy: ±10 V of U2 are "
        f"±{scales['coil_full_scale_na'] / 1e6:g} mA. Only then connect a head."
    )


def _coil(board: BoardDefinition) -> Iterator[str]:
    scales, limit = board.scales, board.limits["coil_current_max_na"] / 1e6
    sense = scales["adc_full_scale_uv"] / scales["sense_full_scale_na"] * 1000
    yield (
        "**Outputs** each on 100 Ω, coil_enable off: no current, relays open. Enable, set +1 mA: "
        "100 mV across "
        f"the load, {sense:g} mV at the converter, readback +1 mA within the tolerance; the same "
        "with -1 mA. Telemetry: voltage +0.1 V and -0.1 V within 5 mV, heat sink at room temperature."
    )
    yield (
        "**Slow converter**: AIN0 of U3 is at half of its supply without voltage across the coil that "
        "mux2..mux0 select. Take the thermistor off: COIL_OVER_TEMPERATURE of source 9, and no "
        "output goes on."
    )
    yield (
        f"Set {limit:g} mA; more is refused. Open the load: COIL_OPEN within 0.2 s and all relays "
        "open."
    )
    yield "Only then connect the room's coils."


def _table(board: BoardDefinition) -> Iterator[str]:
    limits, stepper = board.limits, board.stepper
    assert stepper is not None
    steps = board.scales["microsteps_per_mm"]
    yield (
        "**Emergency stop** pressed or its wire off: TABLE_EMERGENCY_STOP, and the motor supply "
        "is dead by "
        "hardware. Try it with the motor supply at 0 V first, then at its value, before anything "
        "moves."
    )
    speed = limits["table_speed_max_um_s"] / 1000
    yield (
        f"**Motor** uncoupled, motor supply limited to 0.5 A. Move 10 mm: {10 * steps} pulses on "
        f"{_pin(stepper.step)}, at most {speed * steps:g} a second ({speed:g} mm/s). Direction on "
        f"{_pin(stepper.direction)} high is away from home."
    )
    yield (
        "**Switches** by hand while it moves: the home switch ends homing, the end switch stops "
        "with TABLE_LIMIT. "
        f"Only then couple the table: travel {limits['table_travel_um'] / 1000:g} mm, nobody on it."
    )
