"""What ``exam.json`` and the report tell of each procedure."""

from __future__ import annotations

from typing import Any

from nullfield.instrument.adjust_position import AdjustResult, Proposal
from nullfield.instrument.instrument import Instrument
from nullfield.instrument.record import RecordResult
from nullfield.instrument.start_up import StartUpResult


def settings_in_force(instrument: Instrument) -> dict[str, Any]:
    """Settings in force, one board a role: the boards of a role share them."""
    shown: dict[str, Any] = {"rig": instrument.rig.name}
    for board in instrument.boards.values():
        role = board.identity.role.name.lower()
        if role not in shown:
            shown[role] = {
                name: f"{value.value:g} {value.unit}".strip()
                for name, value in board.settings.all().items()
            }
    return shown


def start_up_json(result: StartUpResult) -> dict[str, Any]:
    """Heads that came up, and why others did not."""
    return {
        "ready": list(result.ready),
        "failed": result.failed,
        "duration_s": round(result.duration_s, 3),
    }


def adjust_json(result: AdjustResult) -> dict[str, Any]:
    """Where the heart lay, and how far the table went."""
    return {
        "before": _proposal_json(result.before),
        "moved_m": round(result.moved_m, 6),
        "after": None if result.after is None else _proposal_json(result.after),
    }


def _proposal_json(proposal: Proposal) -> dict[str, Any]:
    return {
        "offset_m": [round(float(v), 6) for v in proposal.offset_m],
        "uncertainty_m": round(proposal.uncertainty_m, 6),
        "beats": proposal.beats,
        "reason": proposal.reason,
    }


def record_json(result: RecordResult) -> dict[str, Any]:
    """Beats and rows of the recording."""
    return {
        "beats": result.beats,
        "duration_s": round(result.duration_s, 3),
        "rows_expected": result.expected,
        "rows_received": result.received,
        "rows_lost": result.lost,
    }
