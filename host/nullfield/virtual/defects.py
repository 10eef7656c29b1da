"""Faults of manufacture that a virtual board can be given: wrong parts, not wrong numbers.

A defect changes a part (a resistor, a chip, a wire, a crystal); what a test bench sees of it follows
from the chip models and the plant. Nothing on the host's side but a composition root knows this list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nullfield.errors import RigError
from nullfield.virtual.coil_wiring import CoilWiring
from nullfield.virtual.parts import ConverterInputs
from nullfield.virtual.wiring import SensorWiring, TableWiring

if TYPE_CHECKING:
    from nullfield.virtual.instrument import VirtualBoard, VirtualInstrument

_AXES = ("x", "y", "b")


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong with one board.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    board : str
        Uid.
    channel : int
        Coil channel, converter input or head, where the kind asks for one.
    axis : {'x', 'y', 'b'}
        On-head coil.
    amount : float, optional
        How much, in the kind's own measure; each kind has a value of its own.
    part : str
        Chip, by its name in the board definition.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kind: str
    board: str
    channel: int = 0
    axis: str = "x"
    amount: float | None = None
    part: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of defect: which boards can have it, what it is, and what it does to the parts."""

    role: str
    text: str
    amount: float
    do: Callable[[VirtualInstrument, VirtualBoard, Defect, float], None]


def apply_defects(instrument: VirtualInstrument, defects: Sequence[Defect]) -> None:
    """Put the defects into the boards' parts, before power-on.

    Raises
    ------
    RigError
        For an unknown kind, board, channel, axis or part.
    """
    for defect in defects:
        kind = KINDS.get(defect.kind)
        if kind is None:
            raise RigError(
                f"virtual.defects: unknown kind '{defect.kind}'", f"kinds: {', '.join(KINDS)}"
            )
        board = instrument.by_uid.get(defect.board)
        if board is None:
            raise RigError(f"virtual.defects: no board has the uid {defect.board}")
        if kind.role not in ("any", board.role):
            raise RigError(
                f"virtual.defects: {defect.kind} is of a {kind.role} board, "
                f"but {defect.board} is a {board.role} board"
            )
        limit = 4 if board.role == "sensor" and "converter" not in defect.kind else 8
        if not 0 <= defect.channel < limit or defect.axis not in _AXES:
            raise RigError(
                f"virtual.defects: {defect.kind}: no channel {defect.channel}, axis {defect.axis}"
            )
        kind.do(instrument, board, defect, kind.amount if defect.amount is None else defect.amount)


def _sensor(instrument: VirtualInstrument, board: VirtualBoard) -> tuple[SensorWiring, int]:
    wiring, row = instrument.parts_of(board)
    assert isinstance(wiring, SensorWiring)
    return wiring, row


def _coil(instrument: VirtualInstrument, board: VirtualBoard) -> CoilWiring:
    wiring, _ = instrument.parts_of(board)
    assert isinstance(wiring, CoilWiring)
    return wiring


def _table(instrument: VirtualInstrument, board: VirtualBoard) -> TableWiring:
    wiring, _ = instrument.parts_of(board)
    assert isinstance(wiring, TableWiring)
    return wiring


def _converter(instrument: VirtualInstrument, board: VirtualBoard) -> tuple[ConverterInputs, int]:
    wiring, row = instrument.parts_of(board)
    if isinstance(wiring, TableWiring):
        raise RigError(f"virtual.defects: board {board.uid} has no streaming converter")
    return wiring.inputs, row


def _devices(instrument: VirtualInstrument, board: VirtualBoard) -> dict[str, Any]:
    wiring, row = instrument.parts_of(board)
    if isinstance(wiring, CoilWiring):
        return {**wiring.devices, "coil_adc": wiring.coil_adc}
    return wiring.devices[row] if isinstance(wiring, SensorWiring) else dict(wiring.devices)


def _chip_missing(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    devices = _devices(instrument, board)
    if defect.part not in devices:
        raise RigError(
            f"virtual.defects: there is no part '{defect.part}'", f"parts: {', '.join(devices)}"
        )
    devices[defect.part].is_present = False


def _slow_crystal(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    board.slow_ppm = amount


def _converter_noise(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    inputs, row = _converter(instrument, board)
    inputs.noise_gain[row, defect.channel] = amount


def _converter_swapped(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    inputs, row = _converter(instrument, board)
    inputs.swap(row, defect.channel, defect.channel + 1 if defect.channel < 7 else 6)


def _sense_resistor(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).sense_v_per_ma[defect.channel] *= 1.0 + amount


def _dac_stuck(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).stuck_code[defect.channel] = round(amount)


def _fine_dac_stuck(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).stuck_code[defect.channel + 8] = round(amount)


def _output_open(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).is_open[defect.channel] = True


def _output_shorted(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).is_shorted[defect.channel] = True


def _output_resistance(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    coil = int(_coil(instrument, board).coil_of[defect.channel])
    if coil < 0:
        raise RigError(f"virtual.defects: no coil hangs at channel {defect.channel}")
    circuits = instrument.plant.circuits
    circuits.set_resistance(coil, circuits.resistance_ohm[coil] + amount)


def _coil_reversed(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).polarity[defect.channel] *= -1.0


def _coil_swapped(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    coils = _coil(instrument, board).coil_of
    other = defect.channel + 1 if defect.channel < 7 else 6
    coils[[defect.channel, other]] = coils[[other, defect.channel]]


def _heat_sink_loose(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).sink_k_per_w *= amount


def _source_offset(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _coil(instrument, board).source_offset_ma[defect.channel] = amount * 1e3


def _reference_resistor(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    wiring, row = _sensor(instrument, board)
    wiring.cell_reference_ohm[row] *= 1.0 + amount


def _of_head(name: str) -> Callable[[VirtualInstrument, VirtualBoard, Defect, float], None]:
    """Multiply a part of one head, by the name of its array in the wiring."""

    def do(
        instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
    ) -> None:
        wiring, row = _sensor(instrument, board)
        getattr(wiring, name)[row, defect.channel] *= amount

    return do


def _head_flag(name: str) -> Callable[[VirtualInstrument, VirtualBoard, Defect, float], None]:
    def do(
        instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
    ) -> None:
        wiring, row = _sensor(instrument, board)
        getattr(wiring, name)[row, defect.channel] = True

    return do


def _photodiode_amplifier(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _of_head("light_v_per_ua")(instrument, board, defect, amount)
    _of_head("modulation_v_per_ua")(instrument, board, defect, amount)


def _head_coil(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    wiring, row = _sensor(instrument, board)
    wiring.coil_ma_per_v[row, defect.channel, _AXES.index(defect.axis)] *= amount


def _steps_lost(
    instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
) -> None:
    _table(instrument, board).lost_share_inwards = amount


def _stuck_input(name: str) -> Callable[[VirtualInstrument, VirtualBoard, Defect, float], None]:
    def do(
        instrument: VirtualInstrument, board: VirtualBoard, defect: Defect, amount: float
    ) -> None:
        _table(instrument, board).stuck_level[name] = round(amount)
        board.inputs[name] = round(amount)

    return do


KINDS: dict[str, Kind] = {
    "chip_missing": Kind("any", "a chip does not answer", 0.0, _chip_missing),
    "slow_crystal": Kind("any", "crystal slow, by amount in ppm", 200.0, _slow_crystal),
    "converter_noise": Kind("any", "converter input noisy, by a factor", 5.0, _converter_noise),
    "converter_swapped": Kind(
        "any", "converter input swapped with its neighbour", 0.0, _converter_swapped
    ),
    "sense_resistor": Kind("coil", "sense resistor off, relative", 0.02, _sense_resistor),
    "dac_stuck": Kind("coil", "coarse DAC channel stuck at a code", 32768.0, _dac_stuck),
    "fine_dac_stuck": Kind("coil", "fine DAC channel stuck at a code", 32768.0, _fine_dac_stuck),
    "output_open": Kind("coil", "output leads nowhere", 0.0, _output_open),
    "output_shorted": Kind("coil", "output shorted past the coil", 0.0, _output_shorted),
    "output_resistance": Kind(
        "coil", "ohms in the lead of an output, of a bad joint", 1500.0, _output_resistance
    ),
    "coil_reversed": Kind("coil", "leads of a coil exchanged", 0.0, _coil_reversed),
    "coil_swapped": Kind(
        "coil", "coil at the next output and the next one at its own", 0.0, _coil_swapped
    ),
    "heat_sink_loose": Kind(
        "coil", "heat sink of the output stages warmer, by a factor", 10.0, _heat_sink_loose
    ),
    "source_offset": Kind("coil", "offset current of an output, A", 50e-6, _source_offset),
    "reference_resistor": Kind(
        "sensor", "reference resistor of the Pt1000 converter off, relative", 0.01,
        _reference_resistor,
    ),
    "heater_dead": Kind("sensor", "heater bridge dead", 0.0, _of_head("heater_gain")),
    "heater_stuck": Kind("sensor", "heater bridge stuck on", 0.0, _head_flag("is_heater_stuck")),
    "tec_reversed": Kind("sensor", "TEC wired backwards", -1.0, _of_head("tec_a_per_v")),
    "thermistor_open": Kind(
        "sensor", "laser thermistor open", 0.0, _head_flag("is_thermistor_open")
    ),
    "laser_dead": Kind("sensor", "laser gives no light", 0.0, _of_head("laser_ma_per_v")),
    "photodiode_amplifier": Kind(
        "sensor", "photodiode amplifier's gain wrong, by a factor", 0.5, _photodiode_amplifier
    ),
    "modulation_amplifier": Kind(
        "sensor", "gain behind the cancel current wrong, by a factor", 0.5,
        _of_head("modulation_v_per_ua"),
    ),
    "head_coil_open": Kind("sensor", "on-head coil open", 0.0, _head_coil),
    "head_coil_reversed": Kind("sensor", "on-head coil's polarity reversed", -1.0, _head_coil),
    "steps_lost": Kind("table", "motor loses a share of the steps inwards", 0.01, _steps_lost),
    "home_switch_stuck": Kind("table", "home switch stuck at a level", 1.0, _stuck_input("home")),
    "end_switch_dead": Kind("table", "end switch never closes", 0.0, _stuck_input("end")),
    "emergency_stop_cut": Kind(
        "table", "wire of the emergency stop cut", 1.0, _stuck_input("estop")
    ),
}  # fmt: skip
"""Every kind of defect; the amount is the one that a defect has without one of its own."""

NOT_ON_BENCH = frozenset({"coil_reversed", "coil_swapped", "heat_sink_loose"})
"""Faults that a board on a bench with loads does not show: of the room, or of hours of work."""
