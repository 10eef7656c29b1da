"""Faults and errors in plain words: what happened, and what to do.

The procedures' own messages name the board and the numbers; an operator who is no physicist needs
one sentence each that can be acted on. Keys are the names of `FaultCode` and of error classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Explanation(NamedTuple):
    """What happened, and what to do; both in English, which is the key of the catalogue."""

    happened: str
    remedy: str


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for a text that is translated later
    """Mark a text for the catalogue."""
    return text


RESEARCH_USE = N_("Research use only: not a diagnosis.")
"""The sentence of `nullfield.analysis.RESEARCH_USE`, marked for translation."""

_ENGINEER = N_("Call the engineer; do not start an examination.")

FAULTS: Mapping[str, Explanation] = {
    "HOST_SILENT": Explanation(
        N_("A board heard nothing from the console and switched its outputs off."),
        N_("Start the instrument again. If it comes back, the computer is too busy or asleep."),
    ),
    "WATCHDOG": Explanation(
        N_("A board's program stood still and the board restarted itself."),
        N_("Start the instrument again. If it comes back, call the engineer."),
    ),
    "BLOCK_OVERRUN": Explanation(
        N_("A board fell behind its own measurement and switched its outputs off."),
        N_("Start the instrument again. If it comes back, call the engineer."),
    ),
    "INTERLOCK_OPEN": Explanation(
        N_("The safety loop is open: lasers and heaters are off."),
        N_("Close the door and the covers of the device, then start the instrument again."),
    ),
    "CELL_OVER_TEMPERATURE": Explanation(
        N_("A sensor became too hot; its board is switched off."),
        _ENGINEER,
    ),
    "CELL_SENSOR": Explanation(
        N_("The thermometer of a sensor gives impossible values; that sensor is off."),
        N_("The others go on. Tell the engineer which sensor it is."),
    ),
    "HEATER_INEFFECTIVE": Explanation(
        N_("A sensor does not become warm; that sensor is off."),
        N_("The others go on. Tell the engineer which sensor it is."),
    ),
    "HEATER_STUCK_ON": Explanation(
        N_("A sensor becomes warm though its heater is off; its board is switched off."),
        _ENGINEER,
    ),
    "LASER_SENSOR": Explanation(
        N_("The thermometer of a laser gives impossible values; that sensor is off."),
        N_("The others go on. Tell the engineer which sensor it is."),
    ),
    "LASER_OVER_CURRENT": Explanation(
        N_("A laser took too much current and is off."),
        N_("The others go on. Tell the engineer which sensor it is."),
    ),
    "LASER_LOCK_LOST": Explanation(
        N_("A laser does not find its line; that sensor is off."),
        N_("Start the instrument again. If it comes back, tell the engineer which sensor it is."),
    ),
    "FIELD_ZERO_FAILED": Explanation(
        N_("A sensor could not bring its field to zero; that sensor is off."),
        N_("Close the room's door, take metal away from the device, and start again."),
    ),
    "COIL_OPEN": Explanation(
        N_("A coil of the room carries no current; all room coils are off."),
        N_("Look whether the coil's plug is in; then start the instrument again."),
    ),
    "COIL_OVER_CURRENT": Explanation(
        N_("A coil of the room carried too much current; all room coils are off."),
        _ENGINEER,
    ),
    "COIL_READBACK": Explanation(
        N_("A coil's current is not what was asked for; all room coils are off."),
        N_("Start the instrument again. If it comes back, call the engineer."),
    ),
    "COIL_SHORT": Explanation(
        N_("A coil of the room is shorted; all room coils are off."),
        _ENGINEER,
    ),
    "COIL_COMPLIANCE": Explanation(
        N_("A coil of the room does not take its current; all room coils are off."),
        N_("Look whether the coil's plug sits well; then start the instrument again."),
    ),
    "COIL_OVER_TEMPERATURE": Explanation(
        N_("The current sources of the room coils are too warm; all room coils are off."),
        N_("Let them cool for ten minutes with their vents free. Then start the instrument again."),
    ),
    "TABLE_EMERGENCY_STOP": Explanation(
        N_("The red button at the table was pressed, or its wire is cut. The table stands still."),
        N_(
            "Look after the patient. Turn the button to release it, then start the instrument again."
        ),
    ),
    "TABLE_LIMIT": Explanation(
        N_("The table came to its end switch and stopped."),
        N_("See that nothing lies in its way, then start the instrument again: it finds its home."),
    ),
    "TABLE_HOME_NOT_FOUND": Explanation(
        N_("The table did not find its home position: it may be blocked."),
        N_(
            "Take away what blocks the table. Let nobody lie on it, then start the instrument again."
        ),
    ),
    "TABLE_STALL": Explanation(
        N_("The table was held back: its motor could not move it."),
        N_(
            "Look after the patient and take away what is in the way. Then start the instrument "
            "again: the table moves out until it finds its home, which also frees what it holds."
        ),
    ),
    "SETTINGS_CORRUPT": Explanation(
        N_("A board's stored settings are damaged; it uses its defaults."),
        _ENGINEER,
    ),
    "CHIP_NOT_FOUND": Explanation(
        N_("A part of a board does not answer; its outputs stay off."),
        _ENGINEER,
    ),
    "ADC_FRAME": Explanation(
        N_("A board reads damaged values from its converter."),
        N_("Start the instrument again. If it comes back, call the engineer."),
    ),
    "SUPPLY_LOW": Explanation(
        N_("A board's supply voltage is too low; its outputs are off."),
        N_("Check cable, hub and power supply of the board, then start the instrument again."),
    ),
}
"""By the name of the fault's code."""

ERRORS: Mapping[str, Explanation] = {
    "BoardLostError": Explanation(
        N_("A board does not answer any more; it switches its outputs off by itself."),
        N_("Check its cable and power. The console connects again by itself."),
    ),
    "BoardNotFoundError": Explanation(
        N_("A board of this instrument was not found."),
        N_("Check its cable and power. The console connects again by itself."),
    ),
    "PortBusyError": Explanation(
        N_("Another program uses a board's port."),
        N_("End the other program; the console connects again by itself."),
    ),
    "TransportError": Explanation(
        N_("The connection to a board is disturbed."),
        N_("Check its cable and power. The console connects again by itself."),
    ),
    "ProtocolMismatchError": Explanation(
        N_("A board has software of another version."),
        _ENGINEER,
    ),
    "RequestTimeoutError": Explanation(
        N_("A board did not answer in time."),
        N_("Try again. If it comes back, check the board's cable and call the engineer."),
    ),
    "BoardFaultError": Explanation(
        N_("A board found a fault and made its outputs safe."),
        N_("Do what stands beside the fault, then start the instrument again."),
    ),
    "AbortedError": Explanation(
        N_("Somebody ended it; the instrument is safe."),
        N_("Start again when you are ready."),
    ),
    "EmergencyStopError": Explanation(
        N_("Somebody pressed the emergency stop: all outputs are off, the table stands still."),
        N_("Look after the patient. When all is well, start the instrument again."),
    ),
    "DiskFullError": Explanation(
        N_("The disk is full. The recording up to now is kept."),
        N_("Ask an administrator to make room, for instance to delete old studies."),
    ),
    "RecordingError": Explanation(
        N_("The recording could not be written or read. What was written is kept."),
        N_("Check the disk of the console's computer, then try again."),
    ),
    "AnalysisError": Explanation(
        N_("The data do not support a map: too few clean beats, or too few sensors."),
        N_("The subject should lie still, without metal. Then examine again."),
    ),
    "StoreError": Explanation(
        N_("The database of the studies cannot be used now. Recordings are kept in their folders."),
        N_("Wait a moment and try again. If it stays so, call an administrator."),
    ),
    "UnknownExamError": Explanation(
        N_("There is no such study, or it has no such file."),
        N_("Look for it in the list of studies."),
    ),
    "ExamStateError": Explanation(
        N_("The state of this study does not allow that."),
        N_("Wait until it has ended; a deleted study cannot be brought back."),
    ),
    "ControlError": Explanation(
        N_("Somebody else has control, or the instrument is busy with something else."),
        N_("Wait until it has ended, or ask for the control."),
    ),
    "LoginFailedError": Explanation(
        N_("User name or password is wrong."),
        N_("Try again; capital letters count. An administrator can give a new password."),
    ),
    "TooManyAttemptsError": Explanation(
        N_("There were too many failed attempts to log in."),
        N_("Wait a little, then try again."),
    ),
    "RoleTooLowError": Explanation(
        N_("Your role does not allow that."),
        N_("Ask an engineer or an administrator to do it."),
    ),
    "CsrfError": Explanation(
        N_("This page is older than your login."),
        N_("Load the page again."),
    ),
    "Unreachable": Explanation(
        N_("The console's server does not answer."),
        N_("Check the network cable and whether the console's computer runs. Then try again."),
    ),
}
"""By the name of the error's class, as the API's ``code`` gives it."""

EXPLANATIONS: Mapping[str, Explanation] = {**FAULTS, **ERRORS}


def explained(translate: Callable[[str], str]) -> dict[str, dict[str, str]]:
    """All explanations by code, translated, as the pages' scripts take them.

    Parameters
    ----------
    translate : callable
        From English into the page's language.
    """
    return {
        code: {"happened": translate(entry.happened), "remedy": translate(entry.remedy)}
        for code, entry in EXPLANATIONS.items()
    }
