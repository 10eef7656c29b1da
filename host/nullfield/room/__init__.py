"""The room's field: harmonic models, coils, calibration, compensation. Arrays and geometry only."""
