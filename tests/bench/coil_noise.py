"""Noise that the coil channels make, and what all of them add at the heads.

Currents are the plant's true ones, so the readback's own noise is not in them; the boards run as they
are, loops closed. ``python -m tests.bench.coil_noise`` (some minutes).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal
from tests.bench.figures import Figure, show
from tests.bench.virtual_rig import open_rig

from nullfield.rig import Rig, load_rig
from nullfield.virtual.plant import Plant, PlantCoil, PlantHead, Scenario

FloatArray = npt.NDArray[np.float64]

_SETTLE_S = 4.0
_SEGMENT = 8192
_CURRENTS_A = (1.234567e-3, -2.1e-3, 0.777e-3, 3.3e-3, -0.4e-3, 0.05e-3, -1.9e-3, 2.718e-3)
_FULL_SPAN_A = 20e-3


def coil_only() -> Rig:
    """The demo rig's coil board by itself."""
    rig, _ = load_rig("demo36")
    content = rig.model_dump()
    content["boards"] = [b for b in content["boards"] if b["role"] == "coil"]
    content["heads"] = []
    content["table"] = None
    return Rig.model_validate(content)


def field_per_ma(seed: int) -> tuple[FloatArray, list[str]]:
    """Field of each coil at the demo rig's heads, (n_heads, 3, n_coils) nT/mA, and their kinds."""
    rig, _ = load_rig("demo36")
    plant = Plant(
        [PlantHead(h.name, h.position_m, h.axes, h.kind) for h in rig.heads],
        [PlantCoil(c.name, c.kind, c.nominal_nt_per_ma) for c in rig.coils],
        Scenario(heart_enabled=False),
        seed,
        False,
    )
    return plant.coil_field_nt_per_ma, [h.kind for h in rig.heads]


def currents_ma(seconds: float, seed: int, source_noise_na: float, loop: bool = True) -> FloatArray:
    """True currents, shape (n_coils, n), of a coil board at rest at odd setpoints."""
    scenario = Scenario(heart_enabled=False, coil_source_noise_na=source_noise_na)
    trace: list[FloatArray] = []
    with open_rig(coil_only(), scenario, seed) as (world, instrument):
        board: Any = next(iter(instrument.coils.values()))
        if not loop:
            for channel in range(8):
                board.settings.set(f"loop_gain_{channel}", 0.0)
        board.enable()
        for channel, current_a in enumerate(_CURRENTS_A):
            board.set_current_a(channel, current_a)
        instrument.wait_s(_SETTLE_S)
        world.watchers.append(lambda: trace.append(world.plant.outputs.room_coil_current_ma.copy()))
        instrument.wait_s(seconds)
    return np.array(trace).T


def spectra(current_ma: FloatArray) -> tuple[FloatArray, npt.NDArray[np.complex128]]:
    """Frequencies, and cross spectral density between channels, nA^2/Hz."""
    frequency, power = signal.csd(
        current_ma[:, None] * 1e6, current_ma[None] * 1e6, 1000.0, nperseg=_SEGMENT,
        detrend="linear",
    )  # fmt: skip
    return frequency, power


def figures(seconds: float = 120.0, seed: int = 1) -> list[Figure]:
    """All noise figures of the coil board."""
    field, kinds = field_per_ma(seed)
    array = np.array([kind == "array" for kind in kinds])
    out = []
    for name, level in (("digital chain and readback", 0.0), ("with the sources' own", 0.15)):
        frequency, power = spectra(currents_ma(seconds, seed, level))
        band = (frequency >= 1.0) & (frequency <= 100.0)
        per_channel = np.sqrt(np.abs(np.einsum("cck->ck", power)))
        at_heads = np.sqrt(np.abs(np.einsum("nac,cdk,nad->nak", field, power, field)))
        worst = at_heads[array][..., band].max(axis=(0, 1))
        goal = 0.3 if level == 0.0 else None
        out += [
            Figure(
                "coil", f"{name}: worst channel, mean 1-100 Hz",
                float(np.sqrt((per_channel[:, band] ** 2).mean(axis=1)).max()),
                "nA/rtHz", maximum=goal,
            ),
            Figure(
                "coil", f"{name}: worst channel, 1-1.5 Hz",
                float(np.sqrt((per_channel[:, band & (frequency < 1.5)] ** 2).mean(axis=1)).max()),
                "nA/rtHz", maximum=goal,
            ),
            Figure(
                "coil", f"{name}: all channels, worst head and axis, mean 1-100 Hz",
                float(np.sqrt((at_heads[array][..., band] ** 2).mean(axis=-1)).max()),
                "fT/rtHz", maximum=3.0,
            ),
            Figure(
                "coil", f"{name}: all channels, worst head and axis, 1-1.5 Hz",
                float(np.sqrt(
                    (at_heads[array][..., band & (frequency < 1.5)] ** 2).mean(axis=-1)
                ).max()),
                "fT/rtHz", maximum=3.0,
            ),
            Figure(
                "coil", f"{name}: the same at 10-100 Hz", float(worst[frequency[band] >= 10].mean()),
                "fT/rtHz", maximum=3.0,
            ),
        ]  # fmt: skip
    alone = currents_ma(20.0, seed, 0.0, loop=False)
    rms_a = float(alone.std(axis=1).max()) * 1e-3
    out.append(
        Figure(
            "coil", "effective bits, 0-500 Hz, worst channel",
            float(np.log2(_FULL_SPAN_A / (rms_a * np.sqrt(12.0)))), "bit", minimum=21.0,
            note="20 mA by the rounding's deviation, loop open, sources free of noise",
        )
    )  # fmt: skip
    return out


if __name__ == "__main__":
    show(figures())
