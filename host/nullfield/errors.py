"""The one error tree of Nullfield.

Every error that a user can cause or meet derives from `NullfieldError`. It carries one line that
names the thing, a hint that names the fix, and the exit code of the command line::

    NullfieldError                  1
    +-- InputError                  3   a file the user gave cannot be used
    |   +-- RigError                4   a rig file is wrong
    |   +-- BundleError             3   a firmware bundle cannot be trusted or used
    |   +-- DefinitionError         3   a board definition is wrong or missing
    |   +-- CalibrationError        3   a calibration is damaged, or not of this array
    +-- ToolchainError              5   MicroPython is missing or refused
    +-- TransportError              6   a port cannot be opened, or was lost
    |   +-- PortBusyError           6
    |   +-- BoardLostError          6   a board stopped answering or its process died
    +-- BoardNotFoundError          7   a board of the rig does not answer
    +-- ProtocolError               8   bytes that break the protocol
    |   +-- ProtocolMismatchError   8   other protocol version or catalogue fingerprint
    |   +-- WrongRoleError          8
    +-- RequestError                9   a board refused a request, with its code and detail
    +-- RequestTimeoutError        10
    +-- ProcedureError             11   a procedure (start, null, record, ...) could not finish
    |   +-- BoardFaultError        12   a board latched a fault
    +-- AbortedError               11   somebody ended a procedure
    |   +-- EmergencyStopError     11   ... by the emergency stop
    +-- RecordingError             13   a recording cannot be written or read
    |   +-- DiskFullError          13
    +-- StoreError                 16   the console's database or an exam's folder cannot be used
    |   +-- UnknownExamError       16   there is no such exam, or no such file of it
    |   +-- ExamStateError         16   the exam's state does not allow it
    +-- AnalysisError              14   the data do not support the analysis asked for
    +-- FlashError                 15   a board did not get, or did not keep, its new firmware
    +-- ControlError               17   the console: another holds the control, or it is busy
    +-- AccessError                18   the console: not logged in, not allowed, or not safe to open

Exit code 2 is the command line's own (bad usage), 130 is an interrupt.
"""

from __future__ import annotations


class NullfieldError(Exception):
    """Base of all errors of Nullfield.

    Parameters
    ----------
    message : str
        One line that names the thing that is wrong.
    hint : str, optional
        One line that names the fix.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(NullfieldError):
    """A file that the user gave cannot be used."""

    exit_code = 3


class RigError(InputError):
    """A rig file is wrong."""

    exit_code = 4


class BundleError(InputError):
    """A firmware bundle is damaged, not signed by a trusted key, or of another format."""


class DefinitionError(InputError):
    """A board definition is wrong, or there is none of that name."""


class CalibrationError(InputError):
    """A calibration is damaged, or not of this array as it stands."""


class ToolchainError(NullfieldError):
    """MicroPython or its cross compiler is missing, cannot be built, or is refused."""

    exit_code = 5


class TransportError(NullfieldError):
    """A port cannot be opened, or was lost."""

    exit_code = 6


class PortBusyError(TransportError):
    """Another program holds the port."""


class BoardLostError(TransportError):
    """A board that had answered is gone."""


class BoardNotFoundError(NullfieldError):
    """A board that the rig names does not answer."""

    exit_code = 7


class ProtocolError(NullfieldError):
    """Bytes that break the protocol."""

    exit_code = 8


class ProtocolMismatchError(ProtocolError):
    """A board speaks another protocol version or catalogue.

    Parameters
    ----------
    message, hint : str
        As for `NullfieldError`.
    uid, firmware_version : str
        Of the board: the start of its identity, which every version can read.
    """

    def __init__(
        self, message: str, hint: str = "", *, uid: str = "", firmware_version: str = ""
    ) -> None:
        super().__init__(message, hint)
        self.uid = uid
        self.firmware_version = firmware_version


class WrongRoleError(ProtocolError):
    """A board has another role than the rig says."""


class RequestError(NullfieldError):
    """A board refused a request.

    Parameters
    ----------
    message, hint : str
        As for `NullfieldError`.
    code : int
        Error code of the board, a `nullfield_protocol.catalogue.ErrorCode`.
    detail : int
        The board's detail, for instance the limit that was exceeded.
    """

    exit_code = 9

    def __init__(self, message: str, hint: str = "", *, code: int = 0, detail: int = 0) -> None:
        super().__init__(message, hint)
        self.code = code
        self.detail = detail


class RequestTimeoutError(NullfieldError):
    """A board did not answer a request in time, retries included."""

    exit_code = 10


class ProcedureError(NullfieldError):
    """A procedure of the instrument could not finish."""

    exit_code = 11


class BoardFaultError(ProcedureError):
    """A board latched a fault and made its outputs safe."""

    exit_code = 12


class AbortedError(NullfieldError):
    """Somebody ended the procedure.

    No `ProcedureError`: what tries another way after a procedure that failed must not go on here.
    """

    exit_code = 11


class EmergencyStopError(AbortedError):
    """Somebody pressed the emergency stop."""


class RecordingError(NullfieldError):
    """A recording cannot be written or read."""

    exit_code = 13


class DiskFullError(RecordingError):
    """Too little room on the disk to go on recording."""


class StoreError(NullfieldError):
    """The console's database, or the folder of an exam, cannot be used.

    Attributes
    ----------
    http_status : int
        HTTP status of the answer.
    """

    exit_code = 16
    http_status = 503


class UnknownExamError(StoreError):
    """There is no such exam, or no such file of it."""

    http_status = 404


class ExamStateError(StoreError):
    """The exam's state does not allow what was asked for."""

    http_status = 409


class AnalysisError(NullfieldError):
    """The data do not support the analysis that was asked for."""

    exit_code = 14


class FlashError(NullfieldError):
    """A board did not get its new firmware, or did not keep it."""

    exit_code = 15


class ControlError(NullfieldError):
    """Another person has the control of the instrument, or it is busy with something else."""

    exit_code = 17


class AccessError(NullfieldError):
    """Somebody is not logged in or not allowed, or the console would be open to everybody.

    Attributes
    ----------
    http_status : int
        HTTP status of the answer.
    headers : dict of str
        Headers that go with the answer.
    """

    exit_code = 18
    http_status = 403

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.headers: dict[str, str] = {}
