"""Score an examination against the plant's truth. Only this module reads ``truth.json``."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nullfield.analysis.chain import analyze
from nullfield.analysis.result import Analysis, Landmark
from nullfield.errors import InputError
from nullfield.recording.load import load_field_recording
from nullfield.virtual.plant.heart import half_space_lead_field

FloatArray = npt.NDArray[np.float64]

SCHEMA = 1
_DELAY_SEARCH_MS = 12
"""The heads' delay (half a block, cell pole, photodiode) is below this."""

_BEFORE_S, _AFTER_S = 0.3, 0.5


def score_directory(directory: Path) -> dict[str, Any]:
    """Compare what an examination found with what was so; write ``score.json``.

    Parameters
    ----------
    directory : Path
        With ``exam.json``, ``truth.json`` and ``recording/``.

    Returns
    -------
    dict
        As written. Fields in pT over three axes and all heads over the chest.

    Raises
    ------
    InputError
        If a file is missing: a real instrument has no truth.
    """
    exam = _read(directory / "exam.json", "an examination is needed")
    if exam.get("state", "done") != "done":
        raise InputError(
            f"{directory / 'exam.json'}: the examination {_state_text(exam)}",
            "only a finished examination can be scored; run it again",
        )
    truth = _read(directory / "truth.json", "only examinations on a virtual rig can be scored")
    recording = load_field_recording(directory / "recording")
    analysis = analyze(recording)
    scores: dict[str, Any] = {"schema": SCHEMA}
    scores.update(_residuals(exam, truth))
    scores.update(_maps(analysis, truth, exam))
    summary = analysis.noise_summary_ft_rthz()
    scores["noise_density_ft_rthz"] = {
        "median": None if summary is None else round(summary[0], 2),
        "worst": None if summary is None else round(summary[1], 2),
    }
    record = exam.get("record", {})
    received = int(record.get("rows_received", 0))
    lost = {str(k): int(v) for k, v in record.get("rows_lost", {}).items()}
    scores["samples"] = {
        "expected": int(record.get("rows_expected", received + sum(lost.values()))),
        "received": received,
        "lost": lost,
    }
    scores["timings_s"] = exam.get("timings_s", {})
    (directory / "score.json").write_text(
        json.dumps(scores, indent=1, allow_nan=False) + "\n", encoding="utf-8"
    )
    return scores


def _read(path: Path, why: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", why) from error
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error})", "run the examination again") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: not what was expected", why)
    return content


def _state_text(exam: dict[str, Any]) -> str:
    if exam["state"] == "failed":
        return f"failed ({exam.get('error', 'no reason given')})"
    return f"did not end (it stands at: {exam.get('step', 'begin')})"


def _residuals(exam: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any]:
    chest = [i for i, kind in enumerate(truth["head_kind"]) if kind == "array"]
    ready = set(exam.get("null", {}).get("heads", [])) or set(truth["heads"])
    used = [i for i in chest if truth["heads"][i] in ready]
    marks = exam.get("marks_s", {})
    snapshots = truth["snapshots"]
    first = snapshots[0] if snapshots else None
    # While the path of the compensation is probed the coils move the field on purpose.
    start, end = marks.get("compensated", marks.get("nulled")), marks.get("recorded")
    during = [s for s in snapshots if start is not None and start <= s["time_s"] <= (end or start)]
    out: dict[str, Any] = {}
    for name, key in (
        ("residual_pt", "effective_field_pt"),
        ("true_residual_pt", "true_field_pt"),
        ("room_and_coils_pt", "room_and_coils_field_pt"),
    ):
        before = _rms([first], key, chest) if first is not None else None
        out[name] = {
            "before_rms": before,
            "after_rms": _rms(during, key, used) if during else None,
            "after_max": _largest(during, key, used) if during else None,
        }
    return out


def _stack(snapshots: list[Any], key: str, heads: list[int]) -> FloatArray:
    return np.array([s[key] for s in snapshots], dtype=np.float64)[:, heads]


def _rms(snapshots: list[Any], key: str, heads: list[int]) -> float:
    return round(float(np.sqrt(np.mean(_stack(snapshots, key, heads) ** 2))), 2)


def _largest(snapshots: list[Any], key: str, heads: list[int]) -> float:
    return round(float(np.max(np.abs(_stack(snapshots, key, heads)))), 2)


def _moment(truth: dict[str, Any]) -> FloatArray:
    packed = truth["heart_moment_a_m"]
    raw = np.frombuffer(base64.b64decode(packed["base64"]), dtype=packed["dtype"])
    return raw.reshape(packed["shape"]).astype(np.float64)


def _maps(analysis: Analysis, truth: dict[str, Any], exam: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "map_correlation": {"R": None, "T": None},
        "dipole_error_mm": None,
        "delay_ms": None,
    }
    average = analysis.average
    if average is None or not truth["snapshots"]:
        return out
    recorded = exam.get("marks_s", {}).get("recorded", truth["snapshots"][-1]["time_s"])
    heart_m = np.array(
        [s for s in truth["snapshots"] if s["time_s"] <= recorded][-1]["heart_position_m"]
    )
    beats_s = analysis.beats.times_s[analysis.beats.accepted]
    moment = _moment(truth)
    delay_ms = _delay_ms(analysis, moment, beats_s, heart_m, truth)
    out["delay_ms"] = delay_ms
    offsets, mean = _mean_beat(moment, beats_s, delay_ms)
    baseline = (offsets >= average.baseline_s[0]) & (offsets <= average.baseline_s[1])
    mean = mean - mean[baseline].mean(axis=0)
    for name, landmark in analysis.landmarks.items():
        if landmark is None or landmark.field_map is None:
            continue
        at = int(np.argmin(np.abs(offsets - landmark.time_s)))
        out["map_correlation"][name] = _correlation(analysis, landmark, mean[at], heart_m)
    r = analysis.landmarks.get("R")
    if r is not None and r.dipole is not None:
        out["dipole_error_mm"] = round(
            float(np.linalg.norm(r.dipole.position_m - heart_m)) * 1e3, 2
        )
    return out


def _mean_beat(
    moment: FloatArray, beats_s: FloatArray, delay_ms: float
) -> tuple[FloatArray, FloatArray]:
    """Offsets from the R mark and the mean moment there, the instrument's delay taken out."""
    offsets = np.arange(round(-_BEFORE_S * 1e3), round(_AFTER_S * 1e3) + 1)
    centre = np.round(beats_s * 1e3 - delay_ms).astype(np.int64)
    index = centre[:, None] + offsets[None, :]
    whole = (index[:, 0] >= 0) & (index[:, -1] < len(moment))
    mean: FloatArray = moment[index[whole]].mean(axis=0)
    return np.asarray(offsets * 1e-3, dtype=np.float64), mean


def _delay_ms(
    analysis: Analysis,
    moment: FloatArray,
    beats_s: FloatArray,
    heart_m: FloatArray,
    truth: dict[str, Any],
) -> float:
    """Delay of the averaged beat behind the truth, by the best correlation over all channels."""
    average = analysis.average
    assert average is not None
    names = list(truth["heads"])
    channels = np.flatnonzero(analysis.used & analysis.array.is_normal)
    heads = [names.index(analysis.array.head_names[c]) for c in channels]
    lead = np.zeros((len(heads), 3, 3))
    half_space_lead_field(np.array(truth["head_position_m"])[heads], heart_m, lead)
    normal = analysis.array.orientations[channels]
    lead_normal = np.einsum("nk,nkm->nm", normal, lead)
    measured = average.field_pt[channels]
    time_s = average.time_s
    best, best_delay = -np.inf, 0.0
    for delay in range(-2, _DELAY_SEARCH_MS + 1):
        offsets, mean = _mean_beat(moment, beats_s, float(delay))
        model = lead_normal @ mean.T
        shown = np.array([np.interp(time_s, offsets, row) for row in model])
        value = _corrcoef(measured, shown)
        if value > best:
            best, best_delay = value, float(delay)
    return best_delay


def _corrcoef(a: FloatArray, b: FloatArray) -> float:
    good = np.isfinite(a) & np.isfinite(b)
    x, y = a[good] - a[good].mean(), b[good] - b[good].mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0 else 0.0


def _correlation(
    analysis: Analysis, landmark: Landmark, moment: FloatArray, heart_m: FloatArray
) -> float:
    """Correlation of the Bz map with the true field on the grid within the array's outline."""
    grid = landmark.field_map
    assert grid is not None
    chest = analysis.array.positions_m[analysis.used]
    x, y = np.meshgrid(grid.x_m, grid.y_m)
    inside = (
        (x >= chest[:, 0].min() - 1e-9)
        & (x <= chest[:, 0].max() + 1e-9)
        & (y >= chest[:, 1].min() - 1e-9)
        & (y <= chest[:, 1].max() + 1e-9)
    )
    points = np.column_stack([x[inside], y[inside], np.full(int(inside.sum()), grid.z_m)])
    lead = np.zeros((len(points), 3, 3))
    half_space_lead_field(points, heart_m, lead)
    true_bz = lead[:, 2, :] @ moment
    return round(_corrcoef(grid.bz_pt[inside], true_bz), 5)
