"""Block diagram of a board in Mermaid."""

from __future__ import annotations

from nullfield.definitions.chips import CHIPS
from nullfield.definitions.mcus import MCUS
from nullfield.definitions.pin_use import PinUse, chip_labels, pin_uses
from nullfield.definitions.roles import ROLES
from nullfield.definitions.schema import BoardDefinition


def diagram(board: BoardDefinition) -> str:
    """Module in the middle, host and inputs on the left, chips and outputs on the right."""
    mcu = MCUS[board.mcu]
    lines = [
        "```mermaid",
        "flowchart LR",
        '  host["host"] <-->|USB| module["' + f"{mcu.module}<br/>{mcu.title}" + '"]',
        *_inputs(board),
        *_chips(board),
        *_outputs(board),
        "```",
    ]
    return "\n".join(lines)


def _gpios(uses: list[PinUse]) -> str:
    return "GPIO " + ", ".join(str(gpio) for gpio in sorted(use.gpio for use in uses))


def _chips(board: BoardDefinition) -> list[str]:
    uses = pin_uses(board)
    needs = ROLES[board.role].chips
    lines = []
    for purpose, unit in chip_labels(board).items():
        chip = board.chips[purpose]
        own = [use for use in uses if use.key.startswith(f"chips.{purpose}.")]
        how = own[0].served_by
        if chip.spi is not None:
            how = f"SPI{board.spi[chip.spi].id}, CS"
        text = f"{unit} {CHIPS[chip.chip].title}<br/>{needs[purpose].purpose}"
        lines.append(f'  module <-->|"{how}: {_gpios(own)}"| {unit.lower()}["{text}"]')
        if chip.interface == "uart" and board.stepper is not None:
            steps = [use for use in uses if use.key.startswith("stepper.")]
            lines.append(f'  module -->|"step, direction: {_gpios(steps)}"| {unit.lower()}')
    for name, bus in board.spi.items():
        pins = [use for use in uses if use.key.startswith(f"spi.{name}.")]
        lines.append(f'  module --- bus_{name}(["bus {name}, SPI{bus.id}: {_gpios(pins)}"])')
    return lines


def _inputs(board: BoardDefinition) -> list[str]:
    return [
        f'  in_{name}(["{name}"]) -->|"GPIO {line.pin}"| module'
        for name, line in board.inputs.items()
    ]


def _outputs(board: BoardDefinition) -> list[str]:
    lines = [
        f'  module -->|"PWM: GPIO {pwm.pin}"| pwm_{name}(["{name}"])'
        for name, pwm in board.pwm.items()
    ]
    return lines + [
        f'  module -->|"GPIO {output.pin}"| out_{name}(["{name}"])'
        for name, output in board.outputs.items()
    ]
