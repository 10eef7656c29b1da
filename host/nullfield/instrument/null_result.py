"""What nulling came to, as the heads tell it: one form for procedures, exam.json and the console."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.instrument.excite_coils import CoilResponse
from nullfield.room.field_model import FieldModel, MeanGradient

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NullResult:
    """What nulling came to, as the heads tell it.

    Attributes
    ----------
    heads : tuple of str
        Heads over the array that were used.
    before_rms_pt, after_rms_pt : float
        Ambient field over heads and three axes: what the room coils alone leave. On-head coils take
        the rest; see ``cell_rms_pt``.
    current_ma : dict of str to float
        By coil.
    coil_response_pt_per_ma : numpy.ndarray, shape ``(n_heads, 3, n_coils)``
    limited : tuple of str
        Coils at their limit.
    duration_s : float
    before_pt, after_pt : numpy.ndarray, shape ``(n_heads, 3)``
        Ambient field along the local axes.
    gradient_before, gradient_after : MeanGradient or None
        None where the heads are too few for a model.
    cell_rms_pt : float
        Field left at the cells on the two transverse axes, loops and on-head coils at work.
    left_pt : float
        Rms that the last solution expected.
    wanted_ma : dict of str to float
        Currents had there been no limits.
    left_out : dict of str to str
        Heads over the array that were not used, and why.
    model : FieldModel or None
        Of the room's field before, over the heads of ``excitation``.
    excitation : CoilResponse or None
        Everything that was measured of the coils, reference heads included.
    """

    heads: tuple[str, ...]
    before_rms_pt: float
    after_rms_pt: float
    current_ma: dict[str, float]
    coil_response_pt_per_ma: FloatArray
    limited: tuple[str, ...]
    duration_s: float
    before_pt: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    after_pt: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))
    gradient_before: MeanGradient | None = None
    gradient_after: MeanGradient | None = None
    cell_rms_pt: float = float("nan")
    left_pt: float = float("nan")
    wanted_ma: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    model: FieldModel | None = None
    excitation: CoilResponse | None = None


def null_json(result: NullResult) -> dict[str, Any]:
    """The null as JSON: for ``nullfield null --json`` and for exam.json."""
    return {
        "heads": list(result.heads),
        "left_out": dict(result.left_out),
        "measured_before_rms_pt": round(result.before_rms_pt, 1),
        "measured_after_rms_pt": round(result.after_rms_pt, 1),
        "cell_rms_pt": _number(result.cell_rms_pt, 2),
        "expected_rms_pt": _number(result.left_pt, 1),
        "gradient_before": _gradient_json(result.gradient_before),
        "gradient_after": _gradient_json(result.gradient_after),
        "current_ma": {name: round(i, 5) for name, i in result.current_ma.items()},
        "wanted_ma": {name: round(i, 5) for name, i in result.wanted_ma.items()},
        "limited": list(result.limited),
        "model": _model_json(result),
        "duration_s": round(result.duration_s, 3),
    }


def _gradient_json(gradient: MeanGradient | None) -> dict[str, Any] | None:
    if gradient is None:
        return None
    return {
        "size_pt_per_m": round(gradient.size_pt_per_m, 1),
        "uncertainty_pt_per_m": round(gradient.size_uncertainty_pt_per_m, 1),
        "tensor_pt_per_m": [[round(float(v), 1) for v in row] for row in gradient.tensor_pt_per_m],
        "degree": gradient.degree,
    }


def _model_json(result: NullResult) -> dict[str, Any] | None:
    model, excitation = result.model, result.excitation
    if model is None or excitation is None:
        return None
    return {
        "degree": model.degree,
        "log_evidence": {str(d): round(value, 1) for d, value in model.log_evidence.items()},
        "extra_noise_pt": round(model.extra_noise_pt, 1),
        "references": [
            head.name
            for head, used in zip(excitation.heads, model.used, strict=True)
            if used and head.kind == "reference"
        ],
    }


def _number(value: float, digits: int) -> float | None:
    """JSON has no NaN."""
    return round(value, digits) if np.isfinite(value) else None
