"""The physics of the virtual instrument: cells, light, heat, room, coils, heart and table."""

from nullfield.virtual.plant.interface import (
    PlantCoil,
    PlantHead,
    PlantInputs,
    PlantOutputs,
    Scenario,
    TruthSnapshot,
)
from nullfield.virtual.plant.plant import Plant

__all__ = [
    "Plant",
    "PlantCoil",
    "PlantHead",
    "PlantInputs",
    "PlantOutputs",
    "Scenario",
    "TruthSnapshot",
]
