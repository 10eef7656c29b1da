"""A room in a few lines, written apart from the compensator: field, coils, path, references.

Everything is scalar recursion over samples, so that a mistake of sign, of index or of delay in the
compensator's matrices cannot be repeated here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from nullfield.room.compensator import Compensator, CompensatorSettings, currents_by_mode
from nullfield.room.first_order import channel_field
from nullfield.room.reference_model import ReferenceModel
from nullfield.room.shielding_filter import ShieldingFilter, design_filter

DT_S = 1e-3
X, Y, Z = np.eye(3)
BEAM_Y = np.array([Z, X])
BEAM_X = np.array([Y, Z])
BEAM_Z = np.array([X, Y])
REFERENCES_M = np.array(
    [[-0.75, 0.75, 0.5], [0.75, 0.75, 0.1], [-0.75, -0.75, 0.1], [0.75, -0.75, 0.5]]
)
REFERENCE_AXES = np.array([BEAM_Y, BEAM_X, BEAM_X, BEAM_Z])
ARRAY_M = np.array([[x, y, 0.03] for x in (-0.1, 0.1) for y in (-0.1, 0.1)])
ALL_AXES = np.broadcast_to(np.eye(3), (4, 3, 3))


def mixing(seed: int) -> np.ndarray:
    """Modes that 1 mA in each of eight coils makes, ``(8 modes, 8 coils)``: 10 nT/mA and 3 % off."""
    rng = np.random.default_rng(seed)
    return 1e4 * (np.eye(8) + 0.03 * rng.standard_normal((8, 8)))


@dataclass
class Room:
    """Field, coils and heads.

    The coils' field at the references has a part of its own, which no harmonic mode describes.
    """

    delay_steps: int = 6
    lag_s: float = 1.5e-3
    noise_ft: float = 0.0
    model_error: float = 0.0
    seed: int = 0
    latest: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.rng = rng
        self.reference_modes = channel_field(REFERENCES_M, REFERENCE_AXES)
        self.array_modes = channel_field(ARRAY_M, ALL_AXES)
        mixed = mixing(self.seed)
        self.array_response = self.array_modes @ mixed
        own = 3e3 * rng.standard_normal((8, 8))
        self.reference_response = self.reference_modes @ mixed + own
        self.queue = deque([np.zeros(8)] * self.delay_steps)
        self.current_ma = np.zeros(8)
        self.share = 1.0 - np.exp(-DT_S / self.lag_s)

    def path(self) -> np.ndarray:
        """Response of the references to a command, by step."""
        k = np.arange(40)
        tail = self.share * (1.0 - self.share) ** k
        return np.concatenate([np.zeros(self.delay_steps + 1), tail / tail.sum()])

    def sense(self, modes: np.ndarray) -> np.ndarray:
        """Readings of the references now."""
        clean = self.reference_modes @ modes + self.reference_response @ self.current_ma
        noise = self.noise_ft * 1e-3 * np.sqrt(0.5 / DT_S) * self.rng.standard_normal(8)
        return clean + noise

    def residual(self, modes: np.ndarray) -> np.ndarray:
        """Field at the array's channels now."""
        return self.array_modes @ modes + self.array_response @ self.current_ma

    def drive(self, command_ma: np.ndarray) -> None:
        """Let one step pass."""
        self.queue.append(command_ma.copy())
        self.current_ma = self.current_ma + self.share * (self.queue.popleft() - self.current_ma)

    def compensator(
        self,
        bandwidth_hz: float = 1.0,
        gradient_hz: float = 0.2,
        settings: CompensatorSettings | None = None,
    ) -> Compensator:
        """A compensator with what a host would have measured of this room."""
        uniform, gradient = filters(tuple(self.path()), bandwidth_hz, gradient_hz)
        wrong = 1.0 + self.model_error * np.random.default_rng(9).standard_normal((8, 8))
        return Compensator(
            ReferenceModel.of_heads(REFERENCES_M, REFERENCE_AXES),
            uniform,
            gradient,
            currents_by_mode(self.array_response, self.array_modes),
            self.reference_response * wrong,
            settings=settings or CompensatorSettings(),
        )


_FILTERS: dict[tuple[object, ...], tuple[ShieldingFilter, ShieldingFilter]] = {}


def filters(
    path: tuple[float, ...], bandwidth_hz: float, gradient_hz: float
) -> tuple[ShieldingFilter, ShieldingFilter]:
    """Both filters of a path, found once."""
    key = (path, bandwidth_hz, gradient_hz)
    if key not in _FILTERS:
        taps = np.array(path)
        _FILTERS[key] = (
            design_filter(taps, bandwidth_hz, DT_S),
            design_filter(taps, gradient_hz, DT_S),
        )
    return _FILTERS[key]


def run(
    room: Room,
    compensator: Compensator | None,
    modes: np.ndarray,
    valid: np.ndarray | None = None,
    spoil: object = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Residual at the array ``(n, 12)`` and commands ``(n, 8)`` for modes over time ``(n, 8)``."""
    residual = np.empty((len(modes), len(room.array_modes)))
    commands = np.zeros((len(modes), 8))
    every = np.ones(8, dtype=bool)
    for k, now in enumerate(modes):
        reading = room.sense(now)
        if callable(spoil):
            reading = spoil(k, reading)
        if compensator is not None:
            commands[k] = compensator.step(reading, every if valid is None else valid[k])
        residual[k] = room.residual(now)
        room.drive(commands[k])
    return residual, commands
