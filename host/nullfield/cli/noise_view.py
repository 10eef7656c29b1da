"""Noise of a board as a table, as JSON and as the panels of its figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from nullfield.analysis.plots.noise_shares import NoisePanel
from nullfield.cli.terminal import output
from nullfield.instrument.measure_noise import BAND_HZ, HeadNoise, NoiseResult

FloatArray = npt.NDArray[np.float64]

CHAIN_GOAL_FT = 3.0
PUBLISHED_FT = {"transverse, open loop": 18.0, "beam axis": 140.0}
"""Wang et al. 2022, Frontiers in Physics 10:1059487, abstract: a single-beam triaxial sensor with
rotating transverse and longitudinal modulation, from below 100 Hz open to 1.6 kHz closed loop."""
PUBLISHED_SOURCE = "Wang et al. 2022, doi 10.3389/fphy.2022.1059487"


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


def panel(one: HeadNoise, is_digital: bool) -> NoisePanel:
    """One head's panel of the figure."""
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


def noise_json(label: str, result: NoiseResult, is_digital: bool) -> dict[str, Any]:
    """Everything measured, rounded; numbers that are not there are null."""
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


def show_noise(label: str, result: NoiseResult, is_digital: bool) -> None:
    """A table by head and axis, the summary, and what to compare it with."""
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
