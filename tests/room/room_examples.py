"""Arrays and fields for the tests of the room's models, from the plant's drawings of errors."""

import numpy as np

from nullfield.rig import load_rig
from nullfield.virtual.plant import Plant, PlantCoil, PlantHead, Scenario


class Example:
    """One hidden truth of a shipped rig: readings as heads with errors would give them."""

    def __init__(self, rig_name="demo36", seed=1, noise_pt=20.0, **scenario):
        self.rig, _ = load_rig(rig_name)
        heads = [PlantHead(h.name, h.position_m, h.axes, h.kind) for h in self.rig.heads]
        coils = [PlantCoil(c.name, c.kind, c.nominal_nt_per_ma) for c in self.rig.coils]
        self.plant = Plant(heads, coils, Scenario(**scenario), seed, False)
        self.position_m = self.rig.positions_m()
        self.axes = np.array([h.axes for h in self.rig.heads])
        self.is_reference = np.array([h.kind == "reference" for h in self.rig.heads])
        self.near = np.flatnonzero(~self.is_reference)
        truth = self.plant.true_heads
        self.room_pt = self.plant.room_field_now_nt() * 1e3
        rng = np.random.default_rng(seed)
        local = np.einsum("nak,nk->na", truth.axes, self.room_pt)
        self.noise_pt = noise_pt
        self.field_pt = local + noise_pt * rng.standard_normal(local.shape)
        self.uncertainty_pt = np.full(local.shape, noise_pt)
        self.response_pt_per_ma = 1e3 * np.einsum(
            "nak,nkc->nac", truth.axes, self.plant.coil_field_nt_per_ma
        )
