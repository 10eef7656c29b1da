"""The report as a DICOM object: its PDF, encapsulated, with patient and study."""

from __future__ import annotations

import hashlib
from pathlib import Path

from nullfield.errors import InputError
from nullfield.files.dicom_fields import ExamFields, checked, load, new_dataset, save

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
TITLE = "Magnetocardiography report, research use only"
_SERIES_NUMBER = 902


def write_report_dicom(pdf: Path | bytes, path: Path, exam: ExamFields, title: str = TITLE) -> None:
    """Write a PDF as Encapsulated PDF; the same report and fields give the same bytes.

    Parameters
    ----------
    pdf : Path or bytes
        The report, or its file.
    path : Path
    exam : ExamFields
    title : str

    Raises
    ------
    InputError
        If a field or the PDF cannot be used.
    AnalysisError
        If pydicom is missing.
    """
    fields = checked(exam)
    data = _pdf(pdf)
    dataset = new_dataset(
        ENCAPSULATED_PDF, fields, "Report", _SERIES_NUMBER, hashlib.sha256(data).digest()
    )
    dataset.Modality = "DOC"
    dataset.ConversionType = "WSD"
    dataset.DocumentTitle = title
    # No code of a terminology says "report of a magnetocardiogram"; type 2 allows none.
    dataset.ConceptNameCodeSequence = []
    # The report names the patient and cannot be stripped of that by its DICOM fields alone.
    dataset.BurnedInAnnotation = "YES"
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    # DICOM's values are of even length; the true one stands beside.
    dataset.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    dataset.EncapsulatedDocumentLength = len(data)
    save(dataset, path)


def read_report_pdf(path: Path) -> bytes:
    """The PDF of an Encapsulated PDF object, byte by byte.

    Raises
    ------
    InputError
        If the file is no Encapsulated PDF.
    """
    dataset = load(path, ENCAPSULATED_PDF, "Encapsulated PDF")
    data = bytes(dataset.EncapsulatedDocument)
    return data[: int(dataset.get("EncapsulatedDocumentLength", len(data)))]


def _pdf(pdf: Path | bytes) -> bytes:
    name = "the report" if isinstance(pdf, bytes) else str(pdf)
    try:
        data = pdf if isinstance(pdf, bytes) else pdf.read_bytes()
    except OSError as error:
        raise InputError(
            f"{name}: cannot be read ({error.strerror or error})", "give the report's PDF"
        ) from error
    if not data.startswith(b"%PDF-") or b"%%EOF" not in data[-1024:]:
        raise InputError(f"{name}: is no whole PDF", "give the report's PDF")
    return data
