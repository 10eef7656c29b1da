"""DICOM objects: exact values and units after another library has read them, and honest fields."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from fpdf import FPDF
from simulated_heart import make_array, simulate

from nullfield.analysis.chain import analyze
from nullfield.analysis.result import Analysis
from nullfield.errors import AnalysisError, InputError
from nullfield.files.dicom import exam_of, write_dicom
from nullfield.files.dicom_fields import ExamFields, checked, content_uid
from nullfield.files.dicom_report import read_report_pdf, write_report_dicom
from nullfield.files.dicom_waveform import read_average_dicom, write_average_dicom

EXAM = ExamFields(
    patient_name="Müller^Ånna",
    patient_id="P-17",
    study_date="2026-03-01",
    study_time="09:30:05",
    birth_date="1980-02-29",
    sex="female",
    accession_number="A1",
)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """36 heads with three axes: more channels than one object takes."""
    return analyze(simulate(make_array(6, axes=(0, 1, 2)), duration_s=8.0).recording)


def make_pdf(text: str = "report") -> bytes:
    document = FPDF()
    document.set_creation_date(datetime(2026, 3, 1, tzinfo=UTC))
    document.add_page()
    document.set_font("helvetica", size=12)
    document.cell(text=text)
    return bytes(document.output())


@pytest.fixture(autouse=True)
def _every_warning_of_pydicom_is_an_error() -> Iterator[None]:
    # pydicom only warns of values that the standard does not allow.
    settings = pydicom.config.settings
    before = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = pydicom.config.RAISE
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="pydicom")
        yield
    settings.reading_validation_mode, settings.writing_validation_mode = before


def test_the_average_comes_back_in_pt_within_half_a_step(
    analysis: Analysis, tmp_path: Path
) -> None:
    average = analysis.average
    assert average is not None
    paths = write_average_dicom(analysis, tmp_path, EXAM)
    assert [path.name for path in paths] == ["average.dcm", "average-2.dcm"]
    first = 0
    for path in paths:
        # As pydicom reads it, without our reader.
        dataset = pydicom.dcmread(path)
        assert dataset.SOPClassUID.name == "General 32-bit ECG Waveform Storage"
        assert dataset.Modality == "ECG"
        for index, group in enumerate(dataset.WaveformSequence):
            count = int(group.NumberOfWaveformChannels)
            assert count <= 24
            values = dataset.waveform_array(index).T
            truth = average.field_pt[first : first + count]
            items = group.ChannelDefinitionSequence
            step = np.array([float(item.ChannelSensitivity) for item in items])
            assert (np.abs(values - truth) <= 0.5001 * step[:, None]).all()
            assert (step <= 5e-9 * np.abs(truth).max(axis=1)).all()
            units = {item.ChannelSensitivityUnitsSequence[0].CodeValue for item in items}
            schemes = {
                item.ChannelSensitivityUnitsSequence[0].CodingSchemeDesignator for item in items
            }
            assert (units, schemes) == ({"pT"}, {"UCUM"})
            names = [item.ChannelLabel for item in items]
            assert names == list(analysis.array.names[first : first + count])
            assert float(group.SamplingFrequency) == 1000.0
            first += count
    assert first == 108


def test_our_reader_gives_places_times_and_landmarks(analysis: Analysis, tmp_path: Path) -> None:
    average, array = analysis.average, analysis.array
    assert average is not None
    parts = [read_average_dicom(path) for path in write_average_dicom(analysis, tmp_path, EXAM)]
    assert sum((part.names for part in parts), ()) == array.names
    device_m = analysis.frame.points_to_device_m(array.positions_m)
    np.testing.assert_array_equal(np.concatenate([p.positions_m for p in parts]), device_m)
    axes = analysis.frame.directions_to_device(array.orientations)
    np.testing.assert_array_equal(np.concatenate([p.orientations for p in parts]), axes)
    used = np.concatenate([p.beats_used for p in parts])
    np.testing.assert_array_equal(used, average.beats_used)
    for part in parts:
        assert part.unit == "pT"
        np.testing.assert_allclose(part.time_s, average.time_s, atol=1e-12)
        for name in ("R", "T"):
            landmark = analysis.landmarks[name]
            assert landmark is not None
            assert part.landmarks_s[name] == pytest.approx(landmark.time_s, abs=0.5e-3 + 1e-9)


def test_odd_channels(analysis: Analysis, tmp_path: Path) -> None:
    average = analysis.average
    assert average is not None
    field_pt = average.field_pt[:4].copy()
    field_pt[0] = 0.0
    field_pt[1] *= 1e9
    field_pt[2, 5] = np.nan
    names = ("flat", "huge\\name", "no beats", "a name of more than sixteen letters – µ")
    array = replace(analysis.array.subset(np.arange(4)), names=names)
    odd = replace(
        analysis,
        array=array,
        average=replace(
            average,
            field_pt=field_pt,
            standard_error_pt=average.standard_error_pt[:4],
            noise_pt=average.noise_pt[:4],
            beats_used=average.beats_used[:4],
        ),
    )
    (path,) = write_average_dicom(odd, tmp_path, EXAM)
    back = read_average_dicom(path)
    assert back.names == (names[0], names[1], names[3])
    np.testing.assert_array_equal(back.field[0], 0.0)
    np.testing.assert_allclose(back.field[1], field_pt[1], atol=0.5001 * back.step[1])


def test_patient_and_study_are_those_of_the_exam(analysis: Analysis, tmp_path: Path) -> None:
    paths = write_dicom(analysis, tmp_path, EXAM, make_pdf())
    assert [path.name for path in paths] == ["report.dcm", "average.dcm", "average-2.dcm"]
    datasets = [pydicom.dcmread(path) for path in paths]
    for dataset in datasets:
        assert dataset.PatientName.family_name == "Müller"
        assert dataset.PatientName.given_name == "Ånna"
        assert dataset.PatientID == "P-17"
        assert dataset.PatientBirthDate == "19800229"
        assert dataset.PatientSex == "F"
        assert dataset.StudyDate == "20260301"
        assert dataset.StudyTime == "093005"
        assert dataset.AccessionNumber == "A1"
    assert len({dataset.StudyInstanceUID for dataset in datasets}) == 1
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 2
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == 3


def test_same_content_same_bytes_other_content_other_uid(
    analysis: Analysis, tmp_path: Path
) -> None:
    def uid(folder: str, exam: ExamFields, pdf: bytes) -> tuple[str, ...]:
        paths = write_dicom(analysis, tmp_path / folder, exam, pdf)
        return tuple(str(pydicom.dcmread(path).SOPInstanceUID) for path in paths)

    one = uid("a", EXAM, make_pdf())
    assert uid("b", EXAM, make_pdf()) == one
    for name in ("report.dcm", "average.dcm", "average-2.dcm"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    other = uid("c", EXAM, make_pdf("another"))
    assert other[0] != one[0]
    assert other[1:] == one[1:]
    assert not set(uid("d", replace(EXAM, patient_id="P-18"), make_pdf())) & set(one)
    assert all(pydicom.uid.UID(value).is_valid for value in one)
    # Version 8 and the variant of RFC 9562.
    bits = int(content_uid("x").removeprefix("2.25."))
    assert (bits >> 76) & 0xF == 8
    assert (bits >> 62) & 0x3 == 2


@pytest.mark.parametrize("extra", [b"", b"\n"])
def test_the_report_is_whole_byte_by_byte(tmp_path: Path, extra: bytes) -> None:
    pdf = make_pdf() + extra
    (tmp_path / "r.pdf").write_bytes(pdf)
    write_report_dicom(tmp_path / "r.pdf", tmp_path / "r.dcm", EXAM)
    assert read_report_pdf(tmp_path / "r.dcm") == pdf
    dataset = pydicom.dcmread(tmp_path / "r.dcm")
    assert dataset.SOPClassUID.name == "Encapsulated PDF Storage"
    assert dataset.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert len(dataset.EncapsulatedDocument) % 2 == 0


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("patient_name", "Doe\n^Jane", "control characters"),
        ("patient_name", "", "patient name '': is empty"),
        ("patient_name", "a^b^c^d^e^f", "more than five parts"),
        ("patient_name", "x" * 65, "65 characters"),
        ("patient_id", "a\\b", "backslash"),
        ("patient_id", " ", "is empty"),
        ("study_date", "2026-02-30", "study date '2026-02-30': is no date"),
        ("study_date", "01.03.2026", "is no date"),
        ("study_date", "", "is no date"),
        ("study_time", "25:00", "is no time of day"),
        ("study_time", "noon", "is no time of day"),
        ("birth_date", "yesterday", "is no date"),
        ("birth_date", "2026-03-02", "is after the study"),
        ("sex", "X", "is not known to DICOM"),
        ("accession_number", "x" * 17, "17 characters"),
        ("study_uid", "1.02.3", "is no UID"),
    ],
)
def test_wrong_fields_are_named(tmp_path: Path, name: str, value: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        write_report_dicom(make_pdf(), tmp_path / "r.dcm", replace(EXAM, **{name: value}))
    assert list(tmp_path.iterdir()) == []


def test_fields_in_other_forms() -> None:
    fields = checked(
        replace(EXAM, study_date="20260301", study_time="0930", sex="o", study_uid="1.2.3")
    )
    assert (fields.study_date, fields.study_time, fields.sex) == ("20260301", "093000", "O")
    assert fields.study_uid == "1.2.3"
    assert checked(replace(EXAM, study_time="09:30:05.25")).study_time == "093005.25"


def test_fields_from_a_recording() -> None:
    told = {"subject": "sub-01", "date": "2026-03-01T09:30:05.123+00:00"}
    exam = exam_of(told, sex="M")
    assert (exam.patient_id, exam.study_date, exam.study_time, exam.sex) == (
        "sub-01",
        "2026-03-01",
        "09:30:05.123",
        "M",
    )
    assert exam_of(told, patient_id="P1").patient_id == "P1"
    with pytest.raises(InputError, match="date of the study"):
        exam_of({"subject": "sub-01"})
    with pytest.raises(InputError, match="DICOM needs the patient"):
        exam_of({"date": told["date"]})


@pytest.mark.parametrize("data", [b"", b"<html>", make_pdf()[:-200]])
def test_a_report_that_is_no_pdf(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match="no whole PDF"):
        write_report_dicom(data, tmp_path / "r.dcm", EXAM)


def test_no_beats_no_average(tmp_path: Path) -> None:
    nothing = analyze(simulate(make_array(2), duration_s=8.0, heart=False).recording)
    with pytest.raises(AnalysisError, match="no averaged beat"):
        write_average_dicom(nothing, tmp_path, EXAM)
    assert [p.name for p in write_dicom(nothing, tmp_path, EXAM, make_pdf())] == ["report.dcm"]


def test_files_of_others_are_refused(analysis: Analysis, tmp_path: Path) -> None:
    write_report_dicom(make_pdf(), tmp_path / "r.dcm", EXAM)
    with pytest.raises(InputError, match="is no General 32-bit ECG Waveform, but Encapsulated PDF"):
        read_average_dicom(tmp_path / "r.dcm")
    (tmp_path / "x.dcm").write_bytes(b"x" * 300)
    with pytest.raises(InputError, match="cannot be read as DICOM"):
        read_report_pdf(tmp_path / "x.dcm")
    path = write_average_dicom(analysis, tmp_path, EXAM)[0]
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x5401, "NULLFIELD AVERAGE")[0x01].value = "other/1"
    dataset.save_as(path)
    with pytest.raises(InputError, match="not an averaged beat of Nullfield"):
        read_average_dicom(path)
