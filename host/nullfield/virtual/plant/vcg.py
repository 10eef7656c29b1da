"""The heart's dipole moment in time: from a Frank vectorcardiogram file, or a dynamic model.

Frank axes are x to the patient's left, y to the feet, z to the back; the head frame has x right
to left, y toward the head, z out of the chest, so the moment is ``(vx, -vy, -vz)``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import interpolate, ndimage, signal

from nullfield.errors import InputError
from nullfield.virtual.plant.noise import Stream, generator

FloatArray = npt.NDArray[np.float64]

RATE_HZ = 1000
COLUMNS = ("time_s", "vx_mV", "vy_mV", "vz_mV")
SHORTEST_S = 5.0
_HINT = "give a CSV with the columns time_s,vx_mV,vy_mV,vz_mV, one uniform sample a row, >= 200 Hz"
_FEW_BEATS_HINT = "give a recording of a heart with four beats or more"
_FRANK_TO_HEAD = np.array([1.0, -1.0, -1.0])


def read_frank_csv(path: Path) -> tuple[FloatArray, float]:
    """Read a Frank vectorcardiogram.

    Parameters
    ----------
    path : Path
        CSV file with the columns ``time_s,vx_mV,vy_mV,vz_mV``.

    Returns
    -------
    (n, 3) array
        Leads vx, vy, vz, mV.
    float
        Sampling rate, Hz.

    Raises
    ------
    InputError
        A column is missing, a value is no finite number, the time is not uniform or too short.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise InputError(f"{path}: column {', '.join(missing)} is missing", _HINT)
            order = [header.index(name) for name in COLUMNS]
            rows: list[list[float]] = []
            for number, row in enumerate(reader, start=2):
                if not row:
                    continue
                rows.append(_numbers(path, number, row, order))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error})", _HINT) from error
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    if len(table) < 2 or table[-1, 0] - table[0, 0] < SHORTEST_S:
        raise InputError(f"{path}: {len(table)} rows are less than {SHORTEST_S:g} s", _HINT)
    steps = np.diff(table[:, 0])
    step = float(np.median(steps))
    wrong = np.flatnonzero(np.abs(steps - step) > 0.1 * abs(step))
    if step <= 0.0 or wrong.size:
        bad_row = int(wrong[0]) + 3 if wrong.size else 3
        raise InputError(f"{path}: row {bad_row}: time_s is not uniform", _HINT)
    rate = (len(table) - 1) / (table[-1, 0] - table[0, 0])
    if rate < 200.0:
        raise InputError(f"{path}: {rate:.0f} samples a second are too few", _HINT)
    return table[:, 1:], float(rate)


def _numbers(path: Path, number: int, row: list[str], order: list[int]) -> list[float]:
    values = []
    for column, index in zip(COLUMNS, order, strict=True):
        text = row[index] if index < len(row) else ""
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            raise InputError(f"{path}: row {number}: {column} is {text!r}, not a number", _HINT)
        values.append(value)
    return values


def clean(leads_mv: FloatArray, rate_hz: float, mains_hz: float = 50.0) -> FloatArray:
    """Remove baseline wander, mains and muscle noise without shifting anything in time.

    All filters run forwards and backwards. The isoelectric level (the median of the quietest
    third of the recording) is set to zero, because a high-pass moves it.

    Returns
    -------
    (n, 3) array
        Leads at `RATE_HZ`, mV.
    """
    data = leads_mv - np.median(leads_mv, axis=0)
    baseline = signal.butter(2, 0.5, "lowpass", fs=rate_hz, output="sos")
    data = data - signal.sosfiltfilt(baseline, data, axis=0, padlen=min(len(data) - 1, 3000))
    for harmonic in (1, 2, 3):
        if mains_hz * harmonic < 0.45 * rate_hz:
            b, a = signal.iirnotch(mains_hz * harmonic, 30.0, fs=rate_hz)
            data = signal.filtfilt(b, a, data, axis=0)
    band = signal.butter(4, min(120.0, 0.4 * rate_hz), "lowpass", fs=rate_hz, output="sos")
    data = signal.sosfiltfilt(band, data, axis=0)
    if abs(rate_hz - RATE_HZ) > 0.5:
        old = np.arange(len(data)) / rate_hz
        new = np.arange(0.0, old[-1], 1.0 / RATE_HZ)
        data = interpolate.CubicSpline(old, data, axis=0)(new)
    speed = ndimage.uniform_filter1d(_speed(data), 60)
    quiet = speed <= np.quantile(speed, 0.33)
    return np.asarray(data - np.median(data[quiet], axis=0))


def _speed(leads_mv: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(np.gradient(leads_mv, axis=0), axis=1))


def find_r_peaks(leads_mv: FloatArray) -> npt.NDArray[np.int64]:
    """Samples of the steepest part of each QRS, at `RATE_HZ`."""
    energy = ndimage.uniform_filter1d(_speed(leads_mv) ** 2, 80)
    level = 0.3 * float(np.quantile(energy, 0.985))
    peaks, _ = signal.find_peaks(energy, height=level, distance=300)
    return np.asarray(peaks, dtype=np.int64)


def loop(leads_mv: FloatArray, crossfade: int = 80, source: str = "vectorcardiogram") -> FloatArray:
    """Cut to whole beats, so that the end runs into the start without a jump.

    Both cuts lie at the quietest point between two beats, and the last samples fade into those
    before the first cut.
    """
    peaks = find_r_peaks(leads_mv)
    if len(peaks) < 4:
        raise InputError(f"{source}: only {len(peaks)} heart beats found", _FEW_BEATS_HINT)
    speed = ndimage.uniform_filter1d(_speed(leads_mv), 61)
    cuts = []
    for left, right in ((peaks[0], peaks[1]), (peaks[-2], peaks[-1])):
        low = left + int(0.55 * (right - left))
        high = left + int(0.80 * (right - left))
        cuts.append(low + int(np.argmin(speed[low:high])))
    first, last = cuts
    out = leads_mv[first:last].copy()
    fade = 0.5 - 0.5 * np.cos(np.pi * (np.arange(crossfade) + 0.5) / crossfade)
    before = leads_mv[first - crossfade : first]
    out[-crossfade:] += fade[:, None] * (before - out[-crossfade:])
    return out


# Gaussians of the dipole model: amplitude (mV), width (rad), phase (rad) on x, y, z.
# Sameni et al., EURASIP J. Adv. Signal Process. 2007, 43407, table 1, after McSharry et al.,
# IEEE Trans. Biomed. Eng. 50, 289 (2003).
_MODEL = (
    (
        (0.03, 0.08, -0.13, 0.85, 1.11, 0.75, 0.06, 0.10, 0.17, 0.39, 0.03),
        (0.09, 0.11, 0.05, 0.04, 0.03, 0.03, 0.04, 0.60, 0.30, 0.18, 0.50),
        (-1.09, -0.83, -0.19, -0.07, 0.00, 0.06, 0.22, 1.20, 1.42, 1.68, 2.90),
    ),
    (
        (0.04, 0.02, -0.02, 0.32, 0.51, -0.32, 0.04, 0.08, 0.014),
        (0.07, 0.07, 0.04, 0.055, 0.037, 0.0604, 0.450, 0.30, 0.50),
        (-1.10, -0.90, -0.76, -0.11, -0.01, 0.065, 0.80, 1.58, 2.90),
    ),
    (
        (-0.03, -0.14, -0.035, 0.045, -0.40, 0.46, -0.12, -0.20, -0.35, -0.04),
        (0.03, 0.12, 0.04, 0.40, 0.045, 0.05, 0.80, 0.42, 0.20, 0.40),
        (-1.10, -0.93, -0.70, -0.40, -0.15, 0.095, 1.05, 1.25, 1.55, 2.80),
    ),
)


def model_leads(seed: int, rate_per_min: float, beats: int = 240) -> FloatArray:
    """Leads of the dynamic model with heart-rate variability drawn from the seed, mV.

    Beat intervals vary by 3 % at 0.1 Hz and 0.25 Hz (McSharry 2003) and by 1 % at random; the
    phase runs from diastole to diastole, so the series closes on itself.
    """
    rng = generator(seed, Stream.HEART)
    phases = rng.uniform(0.0, 2.0 * np.pi, 2)
    interval = 60.0 / rate_per_min
    t = interval * np.arange(beats)
    wave = 0.02 * np.sin(2 * np.pi * 0.1 * t + phases[0])
    wave += 0.02 * np.sin(2 * np.pi * 0.25 * t + phases[1])
    intervals = interval * (1.0 + wave + 0.01 * rng.standard_normal(beats))
    knots = np.concatenate([[0.0], np.cumsum(intervals)])
    time = np.arange(int(knots[-1] * RATE_HZ)) / RATE_HZ
    phase = 2.0 * np.pi * (np.interp(time, knots, np.arange(beats + 1.0)) % 1.0) - np.pi
    leads = np.zeros((len(time), 3))
    for axis, (amplitudes, widths, centres) in enumerate(_MODEL):
        for amplitude, width, centre in zip(amplitudes, widths, centres, strict=True):
            delta = (phase - centre + np.pi) % (2.0 * np.pi) - np.pi
            leads[:, axis] += amplitude * np.exp(-0.5 * (delta / width) ** 2)
    return leads


def moment_direction_mv(
    path: Path | None, seed: int, rate_per_min: float, mains_hz: float = 50.0
) -> FloatArray:
    """Closed series of the dipole in head axes at `RATE_HZ`, in mV of the vectorcardiogram.

    Returns
    -------
    (n, 3) array
        To be repeated end to end.
    """
    if path is None:
        leads = model_leads(seed, rate_per_min)
    else:
        raw, rate_hz = read_frank_csv(path)
        leads = loop(clean(raw, rate_hz, mains_hz), source=str(path))
    return np.asarray(leads * _FRANK_TO_HEAD)
