"""Where a dipole may lie below an array, and the search for the place that explains a field best."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import optimize, stats

from nullfield.analysis.data import SensorArray
from nullfield.analysis.sources.forward import ForwardModel
from nullfield.analysis.sources.uncertainty import head_index, whitener
from nullfield.dsp.gaps import FloatArray
from nullfield.errors import AnalysisError

SHALLOWEST_M = 0.005
DEEPEST_M = 0.30
"""Below the lowest channel."""
MARGIN_M = 0.06
"""Beyond the outermost channels, to each side."""
_GRID = (9, 9, 9)
_STARTS = 3
_ROUGH, _FINE = 1e-4, 1e-8
"""Relative change of the place at which a descent ends, to choose a minimum and to give it."""
_STEP_M = 1e-5
_BOUND_M = 1e-5
_WALL_M = 1e-3
_SILENT = 1e-6
"""Directions of the moment that are seen by less than this share of the best one are silent."""
_OPEN = 1e-5
"""Share of the best direction below which a direction of the place is open."""


class DipoleSearch:
    """The searched volume of an array in a model.

    Parameters
    ----------
    array : SensorArray
        Channels to be used, all with a place; working frame.
    model : ForwardModel

    Raises
    ------
    AnalysisError
        If the channels cannot locate a dipole, whatever they read.
    """

    def __init__(self, array: SensorArray, model: ForwardModel) -> None:
        self.array = array
        self.model = model
        self.basis = np.eye(3)[:, :2] if model.is_normal_silent else np.eye(3)
        _refuse_degenerate(array, 4 + self.basis.shape[1])
        places = array.positions_m
        lowest = float(places[:, 2].min())
        self.low = np.append(places[:, :2].min(axis=0) - MARGIN_M, lowest - DEEPEST_M)
        self.high = np.append(places[:, :2].max(axis=0) + MARGIN_M, lowest - SHALLOWEST_M)
        if not len(self.grid):
            raise AnalysisError(
                f"no part of the {model.name} lies below the array",
                "move the conductor into the array's frame, and check its unit",
            )
        # Also refuses channels inside the conductor, once instead of at each step.
        model.lead_field(places, array.orientations, self.grid[:1])

    @cached_property
    def grid(self) -> FloatArray:
        """Places to start from, shape ``(n_places, 3)``."""
        x, y = (np.linspace(self.low[i], self.high[i], _GRID[i] + 2)[1:-1] for i in (0, 1))
        top = float(self.high[2]) + SHALLOWEST_M
        z = top - np.geomspace(0.015, 0.75 * DEEPEST_M, _GRID[2])
        places = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
        return np.asarray(places[self.model.clearance_m(places) > 0.0])

    @cached_property
    def grid_lead(self) -> FloatArray:
        """Lead field of the grid, shape ``(n_places, n_channels, n_moments)``."""
        return self.leads(self.grid)

    def leads(self, places_m: FloatArray) -> FloatArray:
        """Lead field along the directions that are searched, not checked."""
        lead = self.model.lead_field(
            self.array.positions_m, self.array.orientations, places_m, is_checked=False
        )
        return np.asarray(lead @ self.basis)

    def n_moments(self, place_m: FloatArray) -> int:
        """Directions of the moment that are seen from a place."""
        singular = np.linalg.svd(self.leads(place_m), compute_uv=False)
        return int((singular > _SILENT * singular[0]).sum())

    def is_at_bound(self, place_m: FloatArray) -> bool:
        """Whether a place is at the edge of the volume or of the conductor."""
        edge = (place_m - self.low < _BOUND_M) | (self.high - place_m < _BOUND_M)
        return bool(edge.any() or self.model.clearance_m(place_m)[0] < _BOUND_M)


class Whitened:
    """One field, weighted by one covariance.

    Parameters
    ----------
    search : DipoleSearch
    data_pt : numpy.ndarray, shape ``(n_channels,)``
    covariance_pt2 : numpy.ndarray, shape ``(n_channels, n_channels)``
    """

    def __init__(
        self, search: DipoleSearch, data_pt: FloatArray, covariance_pt2: FloatArray
    ) -> None:
        self.search = search
        self.weight = whitener(covariance_pt2, head_index(search.array))
        self.seen = np.asarray(self.weight @ data_pt)

    def leads(self, place_m: FloatArray) -> FloatArray:
        """Weighted lead field of one place, shape ``(n_channels, n_moments)``."""
        return np.asarray(self.weight @ self.search.leads(place_m))

    def slope(self, place_m: FloatArray, reduced: FloatArray) -> FloatArray:
        """Change of the weighted field of one dipole with its place, ``(n_channels, 3)``."""
        steps = _STEP_M * np.concatenate([np.eye(3), -np.eye(3)])
        fields = self.search.leads(place_m + steps) @ reduced
        return np.asarray(self.weight @ ((fields[:3] - fields[3:]).T / (2.0 * _STEP_M)))

    def moment_at(self, place_m: FloatArray) -> FloatArray:
        """Best moment for a place, shape ``(3,)``, nA m."""
        found = np.linalg.lstsq(self.leads(place_m), self.seen, rcond=_SILENT)[0]
        return np.asarray(self.search.basis @ found)

    def residual(self, place_m: FloatArray) -> FloatArray:
        """What the best dipole at a place leaves, in standard deviations."""
        left, singular, _ = np.linalg.svd(self.leads(place_m), full_matrices=False)
        seen_by = left[:, singular > _SILENT * singular[0]]
        return np.asarray(self.seen - seen_by @ (seen_by.T @ self.seen))

    def best_place(self, start_m: FloatArray | None = None) -> FloatArray:
        """The best place of the whole volume, shape ``(3,)``."""
        starts = self._starts()
        if start_m is not None:
            starts = [start_m, *starts[:1]]
        trials = [self._descend(start, _ROUGH) for start in starts]
        return self.refined(min(trials, key=lambda trial: trial[1])[0])

    def refined(self, place_m: FloatArray) -> FloatArray:
        """The best place near another."""
        return self._descend(place_m, _FINE)[0]

    def covariances(
        self, place_m: FloatArray, moment_nam: FloatArray
    ) -> tuple[FloatArray | None, FloatArray | None]:
        """Covariance of the place (m^2) and standard deviations of the moment (nA m).

        None if the channels leave a direction of the place open.
        """
        reduced = moment_nam @ self.search.basis
        slope = self.slope(place_m, reduced)
        left, singular, right = np.linalg.svd(self.leads(place_m), full_matrices=False)
        kept = singular > _SILENT * singular[0]
        slope_left = slope - left[:, kept] @ (left[:, kept].T @ slope)
        values = np.linalg.svd(slope_left, compute_uv=False)
        if values[-1] <= _OPEN * max(float(np.linalg.norm(slope, 2)), 1e-300):
            return None, None
        covariance = np.linalg.inv(slope_left.T @ slope_left)
        # Moment: its own variance, and what the place's error makes it do.
        back = (right[kept].T / singular[kept]) @ left[:, kept].T
        follow = back @ slope
        moment = back @ back.T + follow @ covariance @ follow.T
        spread = np.sqrt(np.diag(self.search.basis @ moment @ self.search.basis.T))
        return np.asarray((covariance + covariance.T) / 2.0), np.asarray(spread)

    def chance_of(self, place_m: FloatArray, is_noise_known: bool) -> float:
        """Chance that a field without a source is explained as well anywhere in the volume.

        The covariance must be that of the noise. One place is tested by chi-squared (or by Fisher's
        F where the size of the noise comes from the misfit); the volume holds no more independent
        places than the channels can tell apart, a chance for each of which is added (Bonferroni).
        """
        miss = self.residual(place_m)
        rest, n = float(miss @ miss), len(self.seen)
        explained = float(self.seen @ self.seen) - rest
        parameters = 3 + self.search.n_moments(place_m)
        freedom = n - parameters
        scale = rest / max(freedom, 1)
        if is_noise_known:
            one = float(stats.chi2.sf(explained / max(scale, 1.0), parameters))
        elif freedom < 1:
            one = 1.0
        else:
            one = float(
                stats.f.sf(explained / parameters / max(scale, 1e-300), parameters, freedom)
            )
        return min(1.0, n * one)

    def _starts(self) -> list[FloatArray]:
        """The best places of the grid, no two next to one another."""
        grid = self.search.grid
        lead = self.search.grid_lead
        n_places, n_channels, n_moments = lead.shape
        flat = self.weight @ np.moveaxis(lead, 1, 0).reshape(n_channels, -1)
        weighted = np.asarray(flat).reshape(n_channels, n_places, n_moments)
        # Normal equations of two or three unknowns; they only choose where to start.
        power, axes = np.linalg.eigh(np.einsum("nki,nkj->kij", weighted, weighted))
        along = np.einsum("kij,ki->kj", axes, np.einsum("nki,n->ki", weighted, self.seen))
        known = power > _SILENT * power[:, -1:]
        explained = np.where(known, along**2 / np.where(known, power, 1.0), 0.0).sum(axis=1)
        apart = 1.5 * float((self.search.high - self.search.low)[:2].max()) / (_GRID[0] + 1)
        chosen: list[FloatArray] = []
        for index in np.argsort(explained)[::-1]:
            if all(np.linalg.norm(grid[index] - other) > apart for other in chosen):
                chosen.append(grid[index])
            if len(chosen) == _STARTS:
                break
        return chosen

    def _descend(self, start_m: FloatArray, tolerance: float) -> tuple[FloatArray, float]:
        search = self.search
        size = float(np.sqrt(self.seen @ self.seen))

        known: list[tuple[FloatArray, float]] = []

        def beyond_m(place_m: FloatArray) -> float:
            # A clearance changes by no more than the way gone, so most places need none of their own.
            if known and known[-1][1] > float(np.linalg.norm(place_m - known[-1][0])):
                return 0.0
            clearance = float(search.model.clearance_m(place_m)[0])
            known.append((np.array(place_m), clearance))
            return min(max(0.0, -clearance), 1.0)

        def miss(place_m: FloatArray) -> FloatArray:
            # A wall at the conductor's edge: a millimetre beyond it costs as much as all the data.
            return np.append(self.residual(place_m), size / _WALL_M * beyond_m(place_m))

        def change(place_m: FloatArray) -> FloatArray:
            # Variable projection in Kaufman's form (BIT 15, 1975): the moment's own change with
            # the place is left out, which matters to second order in the misfit only.
            left, singular, right = np.linalg.svd(self.leads(place_m), full_matrices=False)
            kept = singular > _SILENT * singular[0]
            left = left[:, kept]
            reduced = (right[kept].T / singular[kept]) @ (left.T @ self.seen)
            slope = self.slope(place_m, reduced)
            wall = np.zeros(3)
            if beyond_m(place_m) > 0.0:
                here = beyond_m(place_m)
                wall = np.array([beyond_m(place_m + 1e-6 * e) - here for e in np.eye(3)]) / 1e-6
            return np.vstack([left @ (left.T @ slope) - slope, size / _WALL_M * wall])

        # x_scale: places are centimetres, the residual counts in noise units.
        found = optimize.least_squares(
            miss,
            np.clip(start_m, search.low + 1e-6, search.high - 1e-6),
            jac=change,
            bounds=(search.low, search.high),
            x_scale=0.01,
            xtol=tolerance,
            ftol=tolerance**1.25,
        )
        return np.asarray(found.x, dtype=np.float64), float(found.cost)


def _refuse_degenerate(array: SensorArray, fewest: int) -> None:
    if array.n_channels < fewest:
        raise AnalysisError(
            f"{array.n_channels} channels are too few for a dipole, {fewest} are needed",
            "check which heads are locked",
        )
    places = np.unique(np.round(array.positions_m, 3), axis=0)
    if len(places) < 3:
        raise AnalysisError(
            f"channels at {len(places)} places cannot locate a dipole, 3 are needed",
            "check which heads are locked",
        )
    _, spread, directions = np.linalg.svd(places - places.mean(axis=0), full_matrices=False)
    if spread[1] > 0.05 * spread[0]:
        return
    # A line: the mirror image of the source reads the same, unless some axes look across the line
    # within the plane of the mirror's normal and others do not.
    sideways = np.cross(directions[0], [0.0, 0.0, 1.0])
    length = float(np.linalg.norm(sideways))
    across = np.abs(array.orientations @ (sideways / length)) if length > 0.1 else np.zeros(1)
    if across.max() < 0.1 or across.min() > 0.99:
        raise AnalysisError(
            "channels on one line cannot tell on which side of it a dipole lies",
            "use heads in two rows, or a second sensitive axis of each head",
        )
