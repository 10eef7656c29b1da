"""Eight-level density matrix of the Rb-87 ground state: the reference for the Bloch model.

Mean-field optical pumping, spin destruction and spin exchange after Appelt et al., Phys. Rev.
A 58, 1412 (1998)::

    drho/dt = -i [H, rho] + R_se (phi (1 + 4 <S>.S) - rho) + R_op (phi (1 + 2 S_z) - rho)
              + R_sd (phi - rho),      phi = rho / 4 + S.rho S  (nuclear part)

with coherences between the hyperfine manifolds dropped, since they turn at 6.8 GHz.
"""

from __future__ import annotations

import numpy as np

GAMMA_E_RAD_PER_S_NT = 176.085962784


def _spin(j: float) -> list[np.ndarray]:
    m = np.arange(j, -j - 1, -1)
    raising = np.diag(np.sqrt(j * (j + 1) - m[1:] * (m[1:] + 1)), 1)
    return [
        (raising + raising.T) / 2,
        (raising - raising.T) / 2j,
        np.diag(m).astype(complex),
    ]


class EightLevelAtom:
    """Rb-87 ground state in a time-dependent field; electron polarisation is 2 <S>."""

    def __init__(self, pump_per_s: float, relaxation_per_s: float, exchange_per_s: float) -> None:
        nuclear, electron = _spin(1.5), _spin(0.5)
        self.s = [np.kron(np.eye(4), e) for e in electron]
        self.f = [np.kron(n, np.eye(2)) + s for n, s in zip(nuclear, self.s, strict=True)]
        f2 = sum(f @ f for f in self.f)
        self.upper = (f2 - 2 * np.eye(8)) / 4.0  # projector on F = 2: F(F+1) = 6 against 2
        self.lower = np.eye(8) - self.upper
        self.rates = (pump_per_s, relaxation_per_s, exchange_per_s)
        self.rho = np.eye(8, dtype=complex) / 8

    def polarisation(self) -> np.ndarray:
        return np.array([2 * np.trace(self.rho @ s).real for s in self.s])

    def _rate(self, rho: np.ndarray, hamiltonian: np.ndarray) -> np.ndarray:
        pump, relaxation, exchange = self.rates
        phi = rho / 4 + sum(s @ rho @ s for s in self.s)
        mean = [np.trace(rho @ s).real for s in self.s]
        turned = exchange * 4 * sum(m * s for m, s in zip(mean, self.s, strict=True))
        turned = turned + pump * 2 * self.s[2]
        total = pump + relaxation + exchange
        out = -1j * (hamiltonian @ rho - rho @ hamiltonian)
        out = out + total * (phi - rho) + phi @ turned
        return self.upper @ out @ self.upper + self.lower @ out @ self.lower

    def run(self, field_nt: np.ndarray, sample_s: float, substeps: int = 8) -> np.ndarray:
        """Polarisation (n, 3) at the start of each sample; field (n, 3) held over each sample."""
        out = np.empty((len(field_nt), 3))
        h = sample_s / substeps
        for k, b in enumerate(field_nt):
            out[k] = self.polarisation()
            larmor = GAMMA_E_RAD_PER_S_NT / 4.0 * sum(x * f for x, f in zip(b, self.f, strict=True))
            ham = (self.upper - self.lower) @ larmor
            for _ in range(substeps):
                a = self._rate(self.rho, ham)
                bb = self._rate(self.rho + h / 2 * a, ham)
                c = self._rate(self.rho + h / 2 * bb, ham)
                d = self._rate(self.rho + h * c, ham)
                self.rho = self.rho + h / 6 * (a + 2 * bb + 2 * c + d)
        return out
