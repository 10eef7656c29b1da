"""Truth for the dipole figures from MNE-Python: its sphere and its boundary elements."""

from __future__ import annotations

import numpy as np

from nullfield.analysis.sources.surface import Surface

_PT_PER_NAM = 1e12 * 1e-9


def _info(positions_m: np.ndarray, orientations: np.ndarray):
    import mne

    fiff = mne.io.constants.FIFF
    names = [f"C{i}" for i in range(len(positions_m))]
    info = mne.create_info(names, 1000.0, "mag")
    for channel, place, normal in zip(info["chs"], positions_m, orientations, strict=True):
        channel["coil_type"] = fiff.FIFFV_COIL_POINT_MAGNETOMETER
        channel["coord_frame"] = fiff.FIFFV_COORD_DEVICE
        channel["loc"] = np.zeros(12)
        channel["loc"][:3] = place
        across = np.linalg.svd(normal[None])[2][1:]
        if np.linalg.det([*across, normal]) < 0.0:
            across = across[::-1]
        channel["loc"][3:] = np.concatenate([*across, normal])
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    return info


def lead_field(conductor, positions_m, orientations, sources_m) -> np.ndarray:
    """Lead field in pT/(nA m), shape ``(n_sources, n_channels, 3)``, by MNE's public calls."""
    import mne

    normals = np.tile([0.0, 0.0, 1.0], (len(sources_m), 1))
    head = mne.transforms.Transform("head", "mri", np.eye(4))
    space = mne.setup_volume_source_space(
        pos={"rr": np.asarray(sources_m), "nn": normals}, verbose="error"
    )
    forward = mne.make_forward_solution(
        _info(positions_m, orientations),
        trans=head,
        src=space,
        bem=conductor,
        meg=True,
        eeg=False,
        mindist=0.0,
        verbose="error",
    )
    gain = forward["sol"]["data"]
    if gain.shape[1] != 3 * len(sources_m):
        raise RuntimeError("MNE left sources out: they are not inside its conductor")
    return gain.reshape(len(positions_m), len(sources_m), 3).transpose(1, 0, 2) * _PT_PER_NAM


def sphere(centre_m):
    """MNE's sphere; its radius does not matter for magnetic fields."""
    import mne

    return mne.make_sphere_model(np.asarray(centre_m), head_radius=None, verbose="error")


def torso(surface: Surface):
    """MNE's boundary elements (linear collocation) of one closed surface."""
    import mne

    fiff = mne.io.constants.FIFF
    shell = {
        "rr": surface.vertices_m.copy(),
        "tris": surface.triangles.astype(np.int32),
        "np": len(surface.vertices_m),
        "ntri": len(surface.triangles),
        "id": fiff.FIFFV_BEM_SURF_ID_BRAIN,
        "sigma": 0.2,
        "coord_frame": fiff.FIFFV_COORD_MRI,
    }
    shell = mne.surface.complete_surface_info(shell, copy=False, verbose="error")
    return mne.make_bem_solution([shell], verbose="error")
