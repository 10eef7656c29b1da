"""Physical constants and published material laws used by the plant (SI)."""

from __future__ import annotations

import math

MU0_T_M_PER_A = 1.25663706127e-6
"""Vacuum permeability, CODATA 2022."""
ELEMENTARY_CHARGE_C = 1.602176634e-19
"""Exact, SI 2019."""
BOLTZMANN_J_PER_K = 1.380649e-23
"""Exact, SI 2019."""
PLANCK_J_S = 6.62607015e-34
"""Exact, SI 2019."""
LIGHT_SPEED_M_PER_S = 299_792_458.0
"""Exact."""
ELECTRON_RADIUS_M = 2.8179403205e-15
"""Classical electron radius, CODATA 2022."""
GAMMA_E_RAD_PER_S_NT = 176.085962784
"""Electron gyromagnetic ratio, CODATA 2022 (28.0250 Hz/nT)."""
RB87_MASS_KG = 1.443160648e-25
"""Steck, Rubidium 87 D Line Data (2021), table 2."""
RB87_D1_OSCILLATOR_STRENGTH = 0.34231
"""Steck, Rubidium 87 D Line Data (2021), table 4."""
RB87_D1_FREQUENCY_HZ = 377.107463380e12
"""Steck, Rubidium 87 D Line Data (2021), table 4 (795 nm)."""
SPIN_EXCHANGE_CROSS_SECTION_M2 = 1.9e-18
"""Rb-Rb spin exchange, Happer and Van Wijngaarden 1987; Seltzer thesis (Princeton 2008)."""

SAMPLE_RATE_HZ = 16_000
SAMPLES_PER_BLOCK = 16
BLOCK_S = 1e-3


def rubidium_density_per_m3(temperature_c: float) -> float:
    """Number density of saturated Rb vapour.

    Steck (2021) eq. 1 after Alcock et al. 1984: ``log10 p/torr = 2.881 + A - B/T`` with
    A, B = 4.312, 4040 K over the liquid and 4.857, 4215 K over the solid (below 39.30 C).

    Parameters
    ----------
    temperature_c : float
        Temperature of the coldest spot, degrees Celsius.

    Returns
    -------
    float
        Atoms per cubic metre.
    """
    kelvin = temperature_c + 273.15
    offset, slope = (4.312, 4040.0) if kelvin > 312.45 else (4.857, 4215.0)
    pressure_pa = 133.322368 * math.exp(math.log(10.0) * (2.881 + offset - slope / kelvin))
    return pressure_pa / (BOLTZMANN_J_PER_K * kelvin)


def spin_exchange_rate_per_s(density_per_m3: float, temperature_c: float) -> float:
    """Rb-Rb spin-exchange rate ``n sigma v`` with the mean relative thermal speed, 1/s."""
    kelvin = temperature_c + 273.15
    speed = math.sqrt(8.0 * BOLTZMANN_J_PER_K * kelvin / (math.pi * RB87_MASS_KG / 2.0))
    return density_per_m3 * SPIN_EXCHANGE_CROSS_SECTION_M2 * speed
