"""``noise``: amplitude spectral density of a sensor board's heads with its shares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.table import Table

from nullfield.analysis.plots.noise_shares import NoisePanel, noise_shares_figure
from nullfield.analysis.plots.write_figure import check_picture, write_figure
from nullfield.cli.board_access import (
    BoardAccess,
    BoardArgument,
    RigForBoardOption,
    board_access,
    leave_safe,
)
from nullfield.cli.exam import JsonOption
from nullfield.cli.terminal import output, print_json, progress_bars
from nullfield.definitions import load_definition
from nullfield.devices.board import Board
from nullfield.devices.sensor import SensorBoard
from nullfield.errors import InputError, WrongRoleError
from nullfield.instrument.measure_noise import BAND_HZ, HeadNoise, NoiseResult, measure_noise
from nullfield.instrument.read_head import HeadScales
from nullfield_protocol.messages import HEADS_PER_BOARD

FloatArray = npt.NDArray[np.float64]

NOBODY = {"heart_enabled": False}
"""A virtual rig while its boards are brought up: nobody lies in it."""
QUIET_WORLD = {
    **NOBODY,
    "noise_enabled": False,
    "drift_pp_nt": 0.0,
    "mains_pt": 0.0,
    "vibration_um_rms": 0.0,
    "vehicles": False,
}
"""Nothing that makes noise but the board's own numbers and converters."""
CHAIN_GOAL_FT = 3.0
PUBLISHED_FT = {"transverse, open loop": 18.0, "beam axis": 140.0}
"""Wang et al. 2022, Frontiers in Physics 10:1059487, abstract: a single-beam triaxial sensor with
rotating transverse and longitudinal modulation, from below 100 Hz open to 1.6 kHz closed loop."""
PUBLISHED_SOURCE = "Wang et al. 2022, doi 10.3389/fphy.2022.1059487"

HeadOption = Annotated[
    int | None, typer.Option("--head", min=0, max=3, help="This head only; by default all four.")
]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", help="Write a figure here (png, svg, pdf).")
]


@dataclass(frozen=True)
class OpenSensor:
    """A sensor board that is connected, and what its converters' steps are."""

    access: BoardAccess
    board: SensorBoard
    scales: HeadScales


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(
        epilog="Example: [bold]nullfield noise 8350b001 --rig bench4 --plot noise.png[/]    "
        "[bold]nullfield noise e66138528350b001 --head 2 --duration 60 --json[/]"
    )(noise)


@contextmanager
def open_sensor(
    wanted: str, rig: str | None, world: dict[str, Any] | None = None
) -> Iterator[OpenSensor]:
    """Connect to a sensor board; on every way out its outputs go off.

    Raises
    ------
    WrongRoleError
        If the board is of another role.
    """
    with board_access(wanted, rig, world=world or NOBODY) as access, ExitStack() as stack:
        board: Board[Any] = stack.enter_context(access.connect())
        if not isinstance(board, SensorBoard):
            raise WrongRoleError(
                f"{board} has no sensor heads", "give a sensor board; 'nullfield boards' lists all"
            )
        stack.callback(leave_safe, board)
        scales = HeadScales.of(load_definition(board.identity.board_name))
        yield OpenSensor(access, board, scales)


def slots_of(head: int | None) -> tuple[int, ...]:
    """Heads that the option means."""
    return tuple(range(HEADS_PER_BOARD)) if head is None else (head,)


def noise(
    board: BoardArgument,
    head: HeadOption = None,
    duration_s: Annotated[
        float, typer.Option("--duration", min=3, max=600, help="Seconds of data.")
    ] = 30.0,
    loop: Annotated[
        str, typer.Option("--loop", help="Field loops while measuring: as-found, open, closed.")
    ] = "as-found",
    is_digital: Annotated[
        bool,
        typer.Option(
            "--digital-chain",
            help="On a virtual rig: with all noise of the world off, what the digital chain adds.",
        ),
    ] = False,
    plot: PlotOption = None,
    rig: RigForBoardOption = None,
    is_json: JsonOption = False,
) -> None:
    """Measure the noise of a sensor board's heads, and of what it is made.

    Starts the heads that are off; all outputs go off at the end. Nobody may lie in the device (on a
    virtual rig the heart is left out). Electronics are measured with the light off, so only on heads
    that were off.
    """
    is_closed = _loop(loop)
    check_picture(plot)
    with (
        progress_bars(is_json) as progress,
        open_sensor(board, rig, QUIET_WORLD if is_digital else NOBODY) as opened,
    ):
        if is_digital and not opened.access.is_virtual:
            raise InputError(
                "--digital-chain: a real cell's noise cannot be switched off",
                "use a virtual rig, or compare the shares that are printed without it",
            )
        label = str(opened.board)
        result = measure_noise(
            opened.board, opened.scales, slots_of(head), duration_s, progress, is_closed
        )
    if plot is not None:
        write_figure(
            noise_shares_figure(
                [_panel(one, is_digital) for one in result.heads],
                BAND_HZ,
                {} if is_digital else {f"{k} (Wang 2022)": v for k, v in PUBLISHED_FT.items()},
            ),
            plot,
        )
    if is_json:
        print_json(_json(label, result, is_digital))
        return
    _show(label, result, is_digital)
    if plot is not None:
        output.print(f"figure  {plot}")


def _loop(word: str) -> bool | None:
    choices: dict[str, bool | None] = {"as-found": None, "open": False, "closed": True}
    if word not in choices:
        raise InputError(f"--loop {word}", f"give one of {', '.join(choices)}")
    return choices[word]


def _shares(one: HeadNoise) -> dict[str, FloatArray | None]:
    """Band figures of the transverse axes, shape ``(2,)`` each."""
    quantisation = float(one.in_band(one.quantisation_ft_rthz))
    return {
        "shot": one.shot_ft_rthz,
        "electronics": one.electronics_ft_rthz,
        "quantisation": np.full(2, quantisation),
        "sum": one.in_band(one.sum_ft_rthz()),
        "rest": one.rest_ft_rthz(),
        "light_beside_modulation": one.readout_ft_rthz,
    }


def _panel(one: HeadNoise, is_digital: bool) -> NoisePanel:
    flat = np.ones(len(one.frequency_hz))
    quantisation = one.quantisation_ft_rthz
    shares = {"coil converter": quantisation}
    if not is_digital:
        shares = {"photon shot noise": _rms(one.shot_ft_rthz) * flat}
        if one.electronics_ft_rthz is not None:
            shares["electronics (light off)"] = _rms(one.electronics_ft_rthz) * flat
        shares["coil converter"] = quantisation
        shares["sum of these"] = np.sqrt((one.sum_ft_rthz() ** 2).mean(axis=0))
        shares["light as it is, beside the modulation"] = _rms(one.readout_ft_rthz) * flat
    x, y = one.band_ft_rthz[:2]
    loop = "closed" if one.is_loop_closed else "open"
    title = f"head {one.slot}, loop {loop}: {x:.1f} / {y:.1f} fT/√Hz at 10-100 Hz"
    return NoisePanel(title, one.frequency_hz, one.spectrum_ft_rthz, shares)


def _rms(pair: FloatArray) -> float:
    return float(np.sqrt((pair**2).mean()))


def _number(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def _json(label: str, result: NoiseResult, is_digital: bool) -> dict[str, Any]:
    heads = []
    for one in result.heads:
        shares = {
            name: None if pair is None else [_number(v) for v in pair]
            for name, pair in _shares(one).items()
        }
        heads.append(
            {
                "head": one.slot,
                "loop": "closed" if one.is_loop_closed else "open",
                "light_ua": _number(one.photocurrent_a * 1e6),
                "slope_na_per_nt": [_number(v) for v in one.slope_a_per_t],
                "noise_ft_rthz": dict(
                    zip("xyb", [_number(v) for v in one.band_ft_rthz], strict=True)
                ),
                "shares_ft_rthz": {} if is_digital else shares,
                "frequency_hz": [float(v) for v in one.frequency_hz],
                "spectrum_ft_rthz": [[_number(v) for v in row] for row in one.spectrum_ft_rthz],
            }
        )
    return {
        "board": label,
        "band_hz": list(BAND_HZ),
        "is_digital_chain": is_digital,
        "duration_s": result.duration_s,
        "lost_rows": result.lost_rows,
        "heads_not_ready": list(result.left_out),
        "heads": heads,
        "published_ft_rthz": {"source": PUBLISHED_SOURCE, **PUBLISHED_FT},
    }


def _show(label: str, result: NoiseResult, is_digital: bool) -> None:
    output.print(f"{label}: {result.duration_s:.0f} s, fT/√Hz in 10-100 Hz")
    table = Table(box=None, pad_edge=False)
    names = [] if is_digital else ["shot", "electronics", "converter", "sum", "rest", "(light)"]
    for name in ("head", "axis", "loop", "measured", *names):
        table.add_column(name, justify="right" if name not in ("head", "axis", "loop") else "left")
    for one in result.heads:
        shares = _shares(one)
        for axis, word in enumerate("xy"):
            cells = [] if is_digital else [
                "-" if pair is None else f"{pair[axis]:.1f}" for pair in shares.values()
            ]  # fmt: skip
            loop = "closed" if one.is_loop_closed else "open"
            table.add_row(str(one.slot), word, loop, f"{one.band_ft_rthz[axis]:.2f}", *cells)
        beam = one.band_ft_rthz[2]
        if np.isfinite(beam):
            table.add_row(str(one.slot), "beam", "", f"{beam:.1f}")
    output.print(table)
    transverse = np.array([one.band_ft_rthz[:2] for one in result.heads])
    median, worst = float(np.nanmedian(transverse)), float(np.nanmax(transverse))
    output.print(f"transverse: median {median:.2f}, worst {worst:.2f}")
    if not any(np.isfinite(one.band_ft_rthz[2]) for one in result.heads):
        output.print("beam axis: not measured; it stands still between zeroings")
    if is_digital:
        word = "within" if worst <= CHAIN_GOAL_FT else "[red]above[/]"
        output.print(f"added by the digital chain: {word} {CHAIN_GOAL_FT:g} fT/√Hz")
    else:
        output.print(
            f"published: {PUBLISHED_FT['transverse, open loop']:g} transverse, open loop, and "
            f"{PUBLISHED_FT['beam axis']:g} on the beam axis ({PUBLISHED_SOURCE})"
        )
    if result.lost_rows:
        output.print(f"[yellow]{result.lost_rows} rows were lost and are left out[/]")
    for slot in result.left_out:
        output.print(f"[red]head {slot}[/] did not become ready and is left out")
