"""Two stored exams side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nullfield.console.store.exam import Exam
from nullfield.console.store.exam_folder import ExamFolders
from nullfield.console.store.stored_analysis import StoredAnalyses, facts_of

if TYPE_CHECKING:
    from nullfield.analysis.report.compare import Comparison
    from nullfield.analysis.report.document import Document


def compare_exams(first: Exam, second: Exam, analyses: StoredAnalyses) -> Comparison:
    """Compare two exams; differences are second minus first.

    Raises
    ------
    RecordingError, AnalysisError
        If one cannot be read or analysed.
    """
    from nullfield.analysis.report.compare import compare

    result = compare(analyses.of(first), analyses.of(second), (first.exam_id, second.exam_id))
    if first.subject_id == second.subject_id:
        return result
    warning = f"two subjects: {first.subject_id} and {second.subject_id}"
    return replace(result, warnings=(warning, *result.warnings))


def comparison_report(
    comparison: Comparison, exams: tuple[Exam, Exam], folders: ExamFolders
) -> Document:
    """The comparison to be read, as HTML or PDF."""
    from nullfield.analysis.report.compare_pages import comparison_document

    def facts(exam: Exam) -> dict[str, Any]:
        return facts_of(exam, folders.record(exam.exam_id) or {})

    return comparison_document(
        comparison, (facts(exams[0]), facts(exams[1])), "Comparison of two examinations"
    )
