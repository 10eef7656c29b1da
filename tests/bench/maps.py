"""Maps against the field of dipoles in MNE's sphere: likeness, and whether the error covers it."""

from __future__ import annotations

import time

import numpy as np
from tests.bench.drawn_arrays import draw, square_array
from tests.bench.figures import Figure
from tests.bench.map_arrays import random_dipoles, shaped_arrays, sphere_pt

from nullfield.analysis.data import UNCALIBRATED, SensorArray, SensorUncertainty
from nullfield.analysis.field_map import MODEL_ERROR, model_error_share
from nullfield.analysis.map_operator import MapOperator

DIPOLES = 60
NOISE_PT = 0.1
LEAST_R = 0.99
EXACT = SensorUncertainty(gain=0.0, position_m=0.0, angle_rad=0.0, crosstalk=0.0)
_COVER = 1.96


def map_scores(
    array: SensorArray, uncertainty: SensorUncertainty, dipoles: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Likeness and coverage of the maps of random dipoles, each of shape ``(dipoles, 3)``.

    The likeness is the correlation over the grid with the true field of the component; the
    coverage is the share of the grid where the true error is within 1.96 stated ones.
    """
    random = np.random.default_rng(seed)
    likeness, coverage = [], []
    for place, moment in random_dipoles(dipoles, random):
        real = draw(array, uncertainty, random)
        reading = real.reading_pt(lambda p, o, at=place, q=moment: sphere_pt(p, o, at, q))
        reading = reading + NOISE_PT * random.normal(size=array.n_channels)
        operator = MapOperator.build(
            array,
            np.full(array.n_channels, NOISE_PT),
            data_pt=reading,
            model_error=model_error_share(uncertainty) or MODEL_ERROR,
        )
        ours = operator.field_pt(reading).reshape(3, -1)
        stated = operator.error_pt(reading).reshape(3, -1)
        points = operator.grid.points_m
        true = np.stack(
            [
                sphere_pt(points, np.tile(axis, (len(points), 1)), place, moment)
                for axis in np.eye(3)
            ]
        )
        likeness.append([np.corrcoef(ours[c], true[c])[0, 1] for c in range(3)])
        coverage.append((np.abs(ours - true) <= _COVER * stated).mean(axis=1))
    return np.array(likeness), np.array(coverage)


def figures() -> list[Figure]:
    """Likeness and coverage by array, and the time of large arrays."""
    out = []
    for name, array in shaped_arrays().items():
        out += _figures(name, array, EXACT, "heads as they are said to be")
    out += _figures(
        "36 heads, Bz, uncalibrated", shaped_arrays()["36 heads, Bz"], UNCALIBRATED,
        "gain 3 %, place 1 mm, angle 1°, cross-talk 1 %",
    )  # fmt: skip
    return out + _speed()


def _figures(
    name: str, array: SensorArray, uncertainty: SensorUncertainty, note: str
) -> list[Figure]:
    likeness, coverage = map_scores(array, uncertainty, DIPOLES, seed=6)
    group = f"map, {name}"
    note = f"{DIPOLES} dipoles in MNE's sphere, 5 to 12 cm deep, noise {NOISE_PT} pT; {note}"
    # Goals are for whole arrays that are calibrated. Where heads are dead next to a pole, or gains
    # are off by 3 %, what is missing is not in the data: those rows say how far the error covers it.
    is_goal = "dead" not in name and "uncalibrated" not in name
    least = LEAST_R if is_goal else None
    rows = [
        Figure(group, "r of Bz, median", float(np.median(likeness[:, 2])), "", note=note),
        Figure(group, "r of Bz, worst", float(likeness[:, 2].min()), "", minimum=least),
        Figure(group, "error within 1.96 stated, all points", 100.0 * coverage[:, 2].mean(), "%",
               minimum=95.0 if is_goal else None, is_own_goal=is_goal),
        Figure(group, "the same, worst map", 100.0 * coverage[:, 2].min(), "%"),
    ]  # fmt: skip
    is_measured = len(set(map(tuple, np.abs(np.round(array.orientations, 3))))) in (2, 3)
    if is_measured:
        rows.append(
            Figure(
                group, "r of Bx and By, worst", float(likeness[:, :2].min()), "", minimum=LEAST_R
            )
        )
    rows.append(
        Figure(group, "Bx and By: error within 1.96 stated", 100.0 * coverage[:, :2].mean(), "%",
               minimum=95.0, is_own_goal=True, note="" if is_measured else "not measured, computed")
    )  # fmt: skip
    return rows


def _speed() -> list[Figure]:
    random = np.random.default_rng(7)
    rows = []
    for side, axes, beats in ((8, (0, 1, 2), 1000), (32, (2,), 1000)):
        array = square_array(side, axes)
        shrunk = array.positions_m * np.array(
            [0.3 / (0.04 * (side - 1)), 0.3 / (0.04 * (side - 1)), 1]
        )
        array = SensorArray(
            array.names, shrunk, array.orientations, array.head_names, array.axis_index,
            array.is_reference,
        )  # fmt: skip
        place, moment = random_dipoles(1, random)[0]
        data = sphere_pt(array.positions_m, array.orientations, place, moment)
        data = data + NOISE_PT * random.normal(size=array.n_channels)
        noise = np.full(array.n_channels, NOISE_PT)
        MapOperator.build(array, noise, data_pt=data)
        start = time.process_time()
        operator = MapOperator.build(array, noise, data_pt=data)
        operator.error_pt(data)
        built_s = time.process_time() - start
        many = data[:, None] * random.normal(1.0, 0.1, size=(1, beats))
        start = time.process_time()
        operator.bz_pt(many)
        group = f"map, time, {array.n_channels} channels"
        note = f"{operator.grid.n_points} grid points"
        rows += [
            Figure(group, "operator, map and error", built_s, "CPU s", maximum=3.0, is_own_goal=True,
                   note=note),
            Figure(group, f"{beats} more maps of Bz", time.process_time() - start, "CPU s"),
        ]  # fmt: skip
    return rows
