"""What to do about a fault that a board has latched, where more is known than its name."""

from __future__ import annotations

from nullfield_protocol.catalogue import FaultCode

USUAL_ADVICE = "remove the cause, clear the faults, and start again"
_ADVICE = {
    FaultCode.TABLE_EMERGENCY_STOP: (
        "see to the patient, release the emergency stop, clear the faults, and home the table"
    ),
    FaultCode.TABLE_LIMIT: (
        "the table ran onto its end switch, so its place was not what was counted: look for what "
        "moved it, clear the faults, and home it"
    ),
    FaultCode.TABLE_HOME_NOT_FOUND: (
        "the table did not reach its home switch: look for what blocks it, check motor and switch, "
        "then clear the faults and home it"
    ),
    FaultCode.TABLE_STALL: (
        "the table does not follow its motor: look for what blocks it or pushed it, then clear the "
        "faults and home it"
    ),
    FaultCode.COIL_OPEN: (
        "no current flows: look for the coil's plug and leads at that output, then clear the faults"
    ),
    FaultCode.COIL_SHORT: (
        "current flows without voltage: the coil or its leads are shorted; for a coil of really so "
        "little resistance lower the setting coil_resistance_min"
    ),
    FaultCode.COIL_COMPLIANCE: (
        "the source has no more voltage: too much resistance in the coil or a bad joint; ask for "
        "less current, or mend it"
    ),
    FaultCode.COIL_READBACK: (
        "voltage and sensed current do not go together: look at the sense amplifier of that output"
    ),
    FaultCode.COIL_OVER_TEMPERATURE: (
        "let the board cool down and see to its air; source 8 is the heat sink, 9 its thermistor "
        "(lost), 10 the processor"
    ),
}


def fault_advice(code: int) -> str:
    """Advice for a fault code of the catalogue, or of a newer board."""
    return next((text for known, text in _ADVICE.items() if known == code), USUAL_ADVICE)
