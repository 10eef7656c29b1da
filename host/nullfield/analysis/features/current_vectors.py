"""Classes of the current-density-vector maps over the ST-T interval.

Published (Chaikovsky, Katz and Katz, Int. J. Bioelectromagnetism 5, 2003, 100-101; the computerised
classification with Hailer et al., International Congress Series 1300, 2007): some 20 maps evenly
spaced over ST-T, each put into a class from 0 (normal) to 4 (grossly abnormal) by the number of
large vectors directed to the left and down and by additional clusters of large vectors; the mean
class is reported, with 1.75 as a threshold. The limits between classes are not given there.

Ours, therefore only akin to it: an arrow is *large* from 70 % of the map's longest; *left and down*
is within 60 degrees of the diagonal between the patient's left and the feet; a *cluster* is a set
of neighbouring large arrows that holds at least a tenth of them. With s the share of large arrows
directed left and down: class 0 for one cluster and s >= 0.8, 1 for one cluster and s >= 0.5, 2 for
one cluster otherwise, 3 for more clusters and s >= 0.5, 4 for more clusters otherwise.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from nullfield.analysis.features.feature import Definition
from nullfield.analysis.features.field_angle import difference_deg, direction_deg
from nullfield.dsp.gaps import FloatArray

N_MAPS = 20
LARGE = 0.7
LEFT_DOWN_DEG = -45.0
TOLERANCE_DEG = 60.0
CLUSTER_SHARE = 0.1
_MOSTLY, _HALF = 0.8, 0.5
_SOURCE = (
    "after Chaikovsky et al., Int. J. Bioelectromagnetism 5, 2003, 100-101;"
    " class limits are our own"
)
_NOT_COMPARABLE = (
    "the published threshold of 1.75 belongs to the authors' own class limits and is not used"
)

MEAN_CLASS = Definition(
    "ST_T_map_class", "", f"Mean class (0 to 4) of {N_MAPS} arrow maps over ST-T.",
    _SOURCE, None, _NOT_COMPARABLE,
)  # fmt: skip
LEFT_DOWN_SHARE = Definition(
    "ST_T_left_down_share", "",
    "Share of large arrows directed to the left and down, mean over the ST-T maps.",
    _SOURCE, None, None,
)  # fmt: skip
SEVERAL_CLUSTERS = Definition(
    "ST_T_several_clusters", "", "Share of ST-T maps with more than one cluster of large arrows.",
    _SOURCE, None, None,
)  # fmt: skip


def classify(
    bz_pt: FloatArray, x_m: FloatArray, y_m: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Class of each map.

    Parameters
    ----------
    bz_pt : numpy.ndarray, shape ``(n, n_y, n_x)``
    x_m, y_m : numpy.ndarray

    Returns
    -------
    map_class, left_down_share, n_clusters : numpy.ndarray, shape ``(n,)``
    """
    along_y, along_x = np.gradient(bz_pt, y_m, x_m, axis=(1, 2))
    arrow_x, arrow_y = along_y, -along_x
    length = np.hypot(arrow_x, arrow_y)
    large = length >= LARGE * length.max(axis=(1, 2), keepdims=True)
    down = np.abs(difference_deg(direction_deg(arrow_x, arrow_y), LEFT_DOWN_DEG)) <= TOLERANCE_DEG
    count = large.sum(axis=(1, 2))
    share = (large & down).sum(axis=(1, 2)) / count
    clusters = np.array(
        [_n_clusters(one, int(total)) for one, total in zip(large, count, strict=True)]
    )
    classes = np.select(
        [
            (clusters == 1) & (share >= _MOSTLY),
            (clusters == 1) & (share >= _HALF),
            clusters == 1,
            share >= _HALF,
        ],
        [0.0, 1.0, 2.0, 3.0],
        4.0,
    )
    return classes, np.asarray(share), clusters.astype(np.float64)


def _n_clusters(large: FloatArray, count: int) -> int:
    labels, n = ndimage.label(large, structure=np.ones((3, 3)))
    if n == 1:
        return 1
    sizes = np.bincount(labels.ravel())[1:]
    return int((sizes >= CLUSTER_SHARE * count).sum())
