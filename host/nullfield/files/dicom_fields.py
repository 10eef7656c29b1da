"""Patient and study of a DICOM object, checked, and what all our objects have in common."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from dataclasses import dataclass, fields
from datetime import date, time
from pathlib import Path
from typing import Any

from nullfield import __version__
from nullfield.errors import InputError
from nullfield.extras import library

SEXES = {"male": "M", "m": "M", "female": "F", "f": "F", "other": "O", "o": "O", "": ""}
_GROUP_LENGTH = 64
"""Most characters of one component group of a name (PS3.5, PN)."""
_LENGTHS = {
    "patient_id": 64,
    "study_description": 64,
    "accession_number": 16,
    "study_id": 16,
    "device_serial_number": 64,
}
"""Most characters by PS3.5: 64 of LO, 16 of SH."""


@dataclass(frozen=True)
class ExamFields:
    """Who was examined, and when.

    Attributes
    ----------
    patient_name : str
        ``Family^Given``; a name without ``^`` is a family name.
    patient_id : str
    study_date : str
        ``YYYY-MM-DD`` or ``YYYYMMDD``.
    study_time : str
        ``HH:MM``, ``HH:MM:SS`` or ``HHMMSS``, fractions allowed.
    birth_date : str
        As `study_date`; empty if not known.
    sex : str
        ``M``, ``F``, ``O`` or the words; empty if not known.
    accession_number, study_id, study_description : str
    device_serial_number : str
        Of the instrument.
    study_uid : str
        Of the study that the objects belong to, where a worklist gave one; else one is made.
    """

    patient_name: str
    patient_id: str
    study_date: str
    study_time: str
    birth_date: str = ""
    sex: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_description: str = "Magnetocardiography"
    device_serial_number: str = "unknown"
    study_uid: str = ""


@dataclass(frozen=True)
class CheckedFields:
    """`ExamFields` as DICOM writes them."""

    patient_name: str
    patient_id: str
    study_date: str
    study_time: str
    birth_date: str
    sex: str
    accession_number: str
    study_id: str
    study_description: str
    device_serial_number: str
    study_uid: str


def checked(exam: ExamFields) -> CheckedFields:
    """Check every field.

    Raises
    ------
    InputError
        Naming the first field that DICOM cannot hold.
    """
    values = {one.name: getattr(exam, one.name) for one in fields(exam)}
    for name, value in values.items():
        if not isinstance(value, str):
            raise _wrong(name, value, "is no text", "give it as text")
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise _wrong(name, value, "has control characters", "leave line breaks and tabs out")
        if "\\" in value:
            raise _wrong(name, value, "has a backslash", "DICOM parts values by it: leave it out")
        values[name] = value.strip()
        most = _LENGTHS.get(name)
        if most is not None and len(values[name]) > most:
            raise _wrong(name, value, f"has {len(values[name])} characters", f"{most} are allowed")
    for name in ("patient_id", "patient_name"):
        if not values[name]:
            raise _wrong(name, "", "is empty", "give one; a pseudonym will do")
    _check_name(values["patient_name"])
    sex = SEXES.get(values["sex"].lower())
    if sex is None:
        raise _wrong("sex", exam.sex, "is not known to DICOM", "give M, F, O or nothing")
    studied = _date("study_date", values["study_date"])
    birth = values["birth_date"] and _date("birth_date", values["birth_date"])
    if birth and birth > studied:
        raise _wrong("birth_date", exam.birth_date, "is after the study", "correct one of the two")
    if values["study_uid"] and not _is_uid(values["study_uid"]):
        raise _wrong("study_uid", exam.study_uid, "is no UID", "give that of the worklist")
    told_time = _time(values["study_time"])
    values |= {
        "sex": sex,
        "study_date": studied,
        "birth_date": birth,
        "study_time": told_time,
        "device_serial_number": values["device_serial_number"] or "unknown",
    }
    return CheckedFields(**values)


def new_dataset(sop_class: str, exam: CheckedFields, kind: str, number: int, digest: bytes) -> Any:
    """A dataset with patient, study, series, equipment and UIDs.

    UIDs follow from the content, so that the same examination gives the same object: that of the
    study from patient, accession number, date and time; that of the series from the study and what
    is in it; that of the object from the series and `digest`.

    Parameters
    ----------
    sop_class : str
        UID.
    exam : CheckedFields
    kind : str
        What is in the series.
    number : int
        Of the series in the study.
    digest : bytes
        Of the content.
    """
    pydicom = pydicom_module()
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = sop_class
    # A study has one UID in all of its objects, so it follows from what they share.
    study = (exam.patient_id, exam.accession_number, exam.study_date, exam.study_time)
    dataset.StudyInstanceUID = exam.study_uid or content_uid("study", *study)
    dataset.SeriesInstanceUID = content_uid("series", dataset.StudyInstanceUID, kind)
    dataset.SOPInstanceUID = content_uid(
        "object", dataset.SeriesInstanceUID, digest.hex(), *_texts(exam)
    )
    dataset.PatientName = exam.patient_name
    dataset.PatientID = exam.patient_id
    dataset.PatientBirthDate = exam.birth_date
    dataset.PatientSex = exam.sex
    dataset.StudyDate = exam.study_date
    dataset.StudyTime = exam.study_time
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = exam.study_id
    dataset.AccessionNumber = exam.accession_number
    dataset.StudyDescription = exam.study_description
    dataset.SeriesNumber = number
    dataset.SeriesDescription = kind
    dataset.InstanceNumber = 1
    dataset.ContentDate = exam.study_date
    dataset.ContentTime = exam.study_time
    dataset.AcquisitionDateTime = exam.study_date + exam.study_time
    dataset.Manufacturer = "Nullfield"
    dataset.ManufacturerModelName = "Nullfield magnetocardiograph"
    dataset.DeviceSerialNumber = exam.device_serial_number
    dataset.SoftwareVersions = __version__
    return dataset


def content_uid(*parts: str) -> str:
    """A UID below 2.25 (PS3.5, B.2) from texts: a name-based UUID (RFC 9562, version 8)."""
    digest = hashlib.sha256("\0".join(("nullfield", *parts)).encode()).digest()[:16]
    number = int.from_bytes(digest, "big")
    number = number & ~(0xF << 76) | 8 << 76  # version
    number = number & ~(0x3 << 62) | 2 << 62  # variant
    return f"2.25.{uuid.UUID(int=number).int}"


def save(dataset: Any, path: Path) -> None:
    """Write a dataset as a DICOM file, explicit little endian; replaced when all is written."""
    pydicom = pydicom_module()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    part = path.with_name(f".{path.name}.part")
    try:
        dataset.save_as(part, enforce_file_format=True)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path, sop_class: str, what: str) -> Any:
    """Read a DICOM file of one class.

    Raises
    ------
    InputError
        If it is no DICOM file, or of another class.
    """
    pydicom = pydicom_module()
    try:
        dataset = pydicom.dcmread(path)
    except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as DICOM ({error})", "check the file") from error
    found = dataset.get("SOPClassUID", "")
    if found != sop_class:
        name = getattr(found, "name", "") or "unknown class"
        raise InputError(f"{path}: is no {what}, but {name}", f"give a file with a {what}")
    return dataset


def pydicom_module() -> Any:
    """pydicom, or the error that names what to install."""
    need = "DICOM needs pydicom"
    for part in ("pydicom.errors", "pydicom.uid"):
        library(part, need, "files")
    return library("pydicom", need, "files")


def _texts(exam: CheckedFields) -> list[str]:
    return [getattr(exam, one.name) for one in fields(exam)]


def _check_name(name: str) -> None:
    groups = name.split("=")
    if len(groups) > 3:
        raise _wrong("patient_name", name, "has more than three groups", "leave '=' out")
    for group in groups:
        if len(group) > _GROUP_LENGTH:
            raise _wrong(
                "patient_name", name, f"has {len(group)} characters", f"{_GROUP_LENGTH} are allowed"
            )
        if group.count("^") > 4:
            raise _wrong(
                "patient_name",
                name,
                "has more than five parts",
                "give Family^Given^Middle^Prefix^Suffix",
            )


def _is_uid(text: str) -> bool:
    """Numbers between dots, none with a zero in front, at most 64 characters (PS3.5, 9.1)."""
    form = r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+"
    return len(text) <= 64 and re.fullmatch(form, text, re.ASCII) is not None


def _date(name: str, text: str) -> str:
    match = re.fullmatch(r"(\d{4})-?(\d{2})-?(\d{2})", text, re.ASCII)
    try:
        if match is None:
            raise ValueError
        told = date(*(int(part) for part in match.groups()))
    except ValueError:
        raise _wrong(name, text, "is no date", "give it as YYYY-MM-DD") from None
    return f"{told:%Y%m%d}" if told.year >= 1000 else f"{told.year:04d}{told:%m%d}"


def _time(text: str) -> str:
    match = re.fullmatch(
        r"(\d{2}):?(\d{2})(?::?(\d{2})(\.\d{1,6})?)?", text.removesuffix("Z"), re.ASCII
    )
    try:
        if match is None:
            raise ValueError
        hour, minute, second = (int(part or 0) for part in match.groups()[:3])
        told = time(hour, minute, second)
    except ValueError:
        raise _wrong("study_time", text, "is no time of day", "give it as HH:MM:SS") from None
    return f"{told:%H%M%S}{match.group(4) or ''}"


def _wrong(name: str, value: object, why: str, hint: str) -> InputError:
    return InputError(f"{name.replace('_', ' ')} {value!r}: {why}", hint)
