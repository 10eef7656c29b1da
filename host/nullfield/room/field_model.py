"""The field between the heads: harmonic terms fitted to what the heads read.

The degree is chosen by the evidence: a further degree must explain more than its freedom costs.
Reference heads help where the harmonic series holds out to them, which the array's own heads tell:
they are used if they make the array's readings, each left out in turn, more likely. A head that the
others contradict is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from nullfield.room.evidence import Regression, left_out, regress
from nullfield.room.harmonics import field_basis, gradient_basis, term_degrees

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

HIGHEST_DEGREE = 4
OUTLIER_CHANCE = 1e-7
"""Of three readings of a head that the others contradict by so much."""
MOST_OUTLIERS_SHARE = 0.2


@dataclass(frozen=True)
class FieldModel:
    """A field with its uncertainty.

    Attributes
    ----------
    degree : int
        Of the potential: 1 uniform, 2 gradients, 3 and more.
    coefficient_pt : numpy.ndarray, shape ``(n_terms,)``
        Of `harmonics.field_basis`.
    covariance_pt2 : numpy.ndarray, shape ``(n_terms, n_terms)``
    extra_noise_pt : float
        What the readings scatter beyond their stated uncertainty: errors of angle and gain.
    log_evidence : dict of int to float
        By degree.
    used : numpy.ndarray of bool, shape ``(n_heads,)``
        Heads that the fit rests on.
    outliers : tuple of int
        Heads that the others contradict.
    """

    degree: int
    coefficient_pt: FloatArray
    covariance_pt2: FloatArray
    extra_noise_pt: float
    log_evidence: dict[int, float]
    used: BoolArray
    outliers: tuple[int, ...]

    def field_pt(self, points_m: FloatArray) -> FloatArray:
        """Field at points ``(n, 3)``, shape ``(n, 3)``, head frame."""
        return np.asarray(field_basis(points_m, self.degree) @ self.coefficient_pt)

    def field_uncertainty_pt(self, points_m: FloatArray) -> FloatArray:
        """Standard uncertainty of `field_pt`, shape ``(n, 3)``."""
        basis = field_basis(points_m, self.degree)
        variance = np.einsum("nkt,tu,nku->nk", basis, self.covariance_pt2, basis)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def gradient_pt_per_m(self, points_m: FloatArray) -> FloatArray:
        """Gradient tensor ``dB_k / dx_l`` at points, shape ``(n, 3, 3)``."""
        return np.asarray(gradient_basis(points_m, self.degree) @ self.coefficient_pt)


def fit_field(
    position_m: FloatArray,
    axes: FloatArray,
    field_pt: FloatArray,
    uncertainty_pt: FloatArray,
    is_reference: BoolArray | None = None,
    highest_degree: int = HIGHEST_DEGREE,
) -> FieldModel:
    """Fit the field of the room.

    Parameters
    ----------
    position_m : numpy.ndarray, shape ``(n_heads, 3)``
    axes : numpy.ndarray, shape ``(n_heads, 3, 3)``
        Local axes of each head in rows.
    field_pt, uncertainty_pt : numpy.ndarray, shape ``(n_heads, 3)``
        Along the local axes; heads with a NaN are left out.
    is_reference : numpy.ndarray of bool, shape ``(n_heads,)``, optional
    highest_degree : int
        That is tried.

    Returns
    -------
    FieldModel

    Raises
    ------
    ValueError
        If not one head over the array has a reading.
    """
    n_heads = len(position_m)
    far = np.zeros(n_heads, dtype=np.bool_) if is_reference is None else is_reference
    known = np.isfinite(field_pt).all(axis=1) & np.isfinite(uncertainty_pt).all(axis=1)
    near = np.flatnonzero(known & ~far)
    if not len(near):
        raise ValueError("no head over the array has a reading")
    data = _Data(position_m, axes, field_pt, uncertainty_pt, highest_degree)
    chosen = near
    outliers: list[int] = []
    best = data.fit(chosen)
    while len(outliers) < int(MOST_OUTLIERS_SHARE * len(near)):
        chi, _ = data.left_out(best, chosen)
        worst = int(chi.argmax())
        if chi2.sf(chi[worst], 3) * len(chosen) > OUTLIER_CHANCE:
            break
        outliers.append(int(chosen[worst]))
        chosen = np.delete(chosen, worst)
        best = data.fit(chosen)
    distant = np.flatnonzero(known & far)
    if len(distant):
        both = np.concatenate([chosen, distant])
        wide = data.fit(both)
        alone = data.left_out(best, chosen)[1].sum()
        helped = data.left_out(wide, both)[1][: len(chosen)].sum()
        if helped > alone:
            best, chosen = wide, both
    degree, regression, evidence = best
    used = np.zeros(n_heads, dtype=np.bool_)
    used[chosen] = True
    return FieldModel(
        degree=degree,
        coefficient_pt=regression.coefficient,
        covariance_pt2=regression.covariance,
        extra_noise_pt=regression.extra_noise,
        log_evidence=evidence,
        used=used,
        outliers=tuple(outliers),
    )


@dataclass(frozen=True)
class MeanGradient:
    """Gradient of the field averaged over the heads, by least squares without a prior.

    Attributes
    ----------
    tensor_pt_per_m, uncertainty_pt_per_m : numpy.ndarray, shape ``(3, 3)``
        dB_k / dx_l in the head frame.
    degree : int
        Of the potential that was fitted, at least 2.
    """

    tensor_pt_per_m: FloatArray
    uncertainty_pt_per_m: FloatArray
    degree: int

    @property
    def size_pt_per_m(self) -> float:
        """Root of the sum of squares of the nine elements: no single gradient is larger."""
        return float(np.sqrt(np.sum(self.tensor_pt_per_m**2)))

    @property
    def size_uncertainty_pt_per_m(self) -> float:
        """The same of the uncertainties."""
        return float(np.sqrt(np.sum(self.uncertainty_pt_per_m**2)))


def fit_gradient(
    position_m: FloatArray, axes: FloatArray, field_pt: FloatArray, degree: int = 2
) -> MeanGradient:
    """Mean gradient over heads.

    The evidence may well find no gradient at all in a field that has been nulled; a figure of merit
    must not be that kind, so nothing draws the terms to zero here.

    Parameters
    ----------
    position_m, axes, field_pt
        As for `fit_field`; heads with a NaN are left out.
    degree : int
        Of the potential; 2 is the linear fit that gradients are usually told by.

    Returns
    -------
    MeanGradient

    Raises
    ------
    ValueError
        If there are not more readings than terms.
    """
    known = np.isfinite(field_pt).all(axis=1)
    degree = max(degree, 2)
    design = np.einsum("nak,nkt->nat", axes[known], field_basis(position_m[known], degree))
    design = design.reshape(-1, design.shape[2])
    data = field_pt[known].reshape(-1)
    freedom = len(data) - design.shape[1]
    if freedom < 1:
        raise ValueError(f"{len(data)} readings do not tell {design.shape[1]} terms")
    inverse = np.linalg.pinv(design)
    coefficient = inverse @ data
    noise = float(np.sum((data - design @ coefficient) ** 2)) / freedom
    basis = gradient_basis(position_m[known], degree).mean(axis=0)
    variance = np.sum((basis @ inverse) ** 2, axis=2) * noise
    return MeanGradient(basis @ coefficient, np.sqrt(variance), degree)


_Fit = tuple[int, Regression, dict[int, float]]


class _Data:
    """Readings as rows of a linear model."""

    def __init__(
        self,
        position_m: FloatArray,
        axes: FloatArray,
        field_pt: FloatArray,
        uncertainty_pt: FloatArray,
        highest_degree: int,
    ) -> None:
        self._design = np.einsum("nak,nkt->nat", axes, field_basis(position_m, highest_degree))
        self._degree = term_degrees(highest_degree)
        self._field, self._uncertainty = field_pt, uncertainty_pt
        self._highest = highest_degree

    def fit(self, heads: npt.NDArray[np.int64]) -> _Fit:
        """The degree of most evidence among those that these heads can tell."""
        evidence: dict[int, float] = {}
        best: tuple[int, Regression] | None = None
        for degree in range(1, self._highest + 1):
            terms = self._degree <= degree
            design = self._design[heads][:, :, terms].reshape(-1, int(terms.sum()))
            if degree > 1 and len(design) < design.shape[1]:
                break
            regression = regress(
                design,
                self._field[heads].reshape(-1),
                self._uncertainty[heads].reshape(-1),
                self._degree[terms] - 1,
            )
            evidence[degree] = regression.log_evidence
            if best is None or regression.log_evidence > best[1].log_evidence:
                best = degree, regression
        assert best is not None
        return best[0], best[1], evidence

    def left_out(self, fit: _Fit, heads: npt.NDArray[np.int64]) -> tuple[FloatArray, ...]:
        """Chi square and log density of each head under the prediction by the others."""
        block = np.repeat(np.arange(len(heads)), 3)
        return left_out(self._field[heads].reshape(-1), fit[1].data_covariance, block)
