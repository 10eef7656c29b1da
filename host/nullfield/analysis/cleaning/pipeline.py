"""All steps of cleaning, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nullfield.analysis.beats import find_beats
from nullfield.analysis.cleaning.bad_channels import bad_channel_step
from nullfield.analysis.cleaning.components import component_step
from nullfield.analysis.cleaning.drift import remove_drift
from nullfield.analysis.cleaning.gradiometers import gradiometer_step
from nullfield.analysis.cleaning.homogeneous import homogeneous_step
from nullfield.analysis.cleaning.jumps import mark_movements, remove_steps
from nullfield.analysis.cleaning.mains import remove_mains
from nullfield.analysis.cleaning.meter import HeartBandMeter, removed_db
from nullfield.analysis.cleaning.reference import reference_step
from nullfield.analysis.cleaning.separation import separation_step
from nullfield.analysis.cleaning.settings import CleaningSettings
from nullfield.analysis.cleaning.step import CleaningStep
from nullfield.analysis.cleaning.work import Work
from nullfield.analysis.data import FieldRecording
from nullfield.analysis.quality import quiet_samples
from nullfield.dsp.gaps import BoolArray, FloatArray

Progress = Callable[[str, float], None]
_BEAT_CHANNELS = 32


@dataclass(frozen=True)
class Cleaned:
    """A recording after cleaning.

    Attributes
    ----------
    recording : FieldRecording
        NaN where a sample was missing, not usable, or marked by a step.
    steps : tuple of CleaningStep
        In the order they ran, those that were left out with the reason.
    bad_channels : numpy.ndarray of bool, shape ``(n_channels,)``
        Left out of everything that mixes channels; their own samples are kept.
    mains_hz : float or None
        Nominal frequency, None where there are no mains.
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``
        Samples between the beats, given or found; all of them where there is no heart.
    operator : numpy.ndarray, shape ``(n_channels, n_channels)``, or None
        What the spatial steps did to a topography: cleaned = operator @ raw. A forward model has
        to be multiplied with it after ``"orthogonal"`` homogeneous field correction, gradiometers,
        separation or components; with the default steps it is the identity for a heart to within
        the shares that the steps report. None: no spatial step.
    """

    recording: FieldRecording
    steps: tuple[CleaningStep, ...]
    bad_channels: BoolArray
    mains_hz: float | None
    quiet: BoolArray
    operator: FloatArray | None = None


def clean(
    recording: FieldRecording,
    settings: CleaningSettings | None = None,
    quiet: BoolArray | None = None,
    progress: Progress | None = None,
) -> Cleaned:
    """Clean a recording; the input stays as it is.

    Parameters
    ----------
    recording : FieldRecording
    settings : CleaningSettings, optional
    quiet : numpy.ndarray of bool, shape ``(n_samples,)``, optional
        Samples without the heart's field; None: found with `find_beats` after the steps that work
        on each channel by itself.
    progress : callable, optional
        Called with what is being done and the share that is done.

    Returns
    -------
    Cleaned
        Always; a step that cannot be done is left out and says why.
    """
    if recording.n_samples == 0:
        nothing = np.zeros(0, dtype=bool)
        return Cleaned(recording, (), np.zeros(recording.array.n_channels, bool), None, nothing)
    chosen = settings or CleaningSettings()
    tell: Progress = progress or (lambda what, share: None)
    field_pt = np.array(recording.field_pt, dtype=np.float64)
    if recording.valid is not None:
        field_pt[~recording.valid] = np.nan
    field_pt[np.isinf(field_pt)] = np.nan
    work = Work(
        field_pt,
        recording.sampling_rate_hz,
        recording.array,
        np.zeros(recording.array.n_channels, dtype=bool),
        quiet,
    )
    steps: list[CleaningStep] = []
    tell("bad channels", 0.0)
    if chosen.bad_channels:
        steps.append(bad_channel_step(work))
    tell("mains", 0.1)
    mains_hz = None
    if chosen.mains:
        step, mains_hz = remove_mains(work, chosen)
        steps.append(step)
    tell("steps", 0.3)
    if chosen.jumps:
        steps.append(remove_steps(work))
    if chosen.bad_channels:
        steps[0] = bad_channel_step(work, steps[0])
    tell("beats", 0.4)
    if work.quiet is None:
        work.quiet = _find_quiet(recording, work)
    tell("external field", 0.6)
    measured = _Measured(work)
    if recording.unit == "pT":
        steps += [measured(step) for step in _external(work, chosen)]
        if chosen.gradiometers != "none":
            steps.append(measured(gradiometer_step(work, chosen)))
        if chosen.separation:
            steps.append(measured(separation_step(work, chosen)))
        if chosen.components:
            steps.append(measured(component_step(work)))
    tell("movements", 0.8)
    if chosen.jumps:
        steps.append(measured(mark_movements(work)))
    if chosen.drift:
        steps.append(measured(remove_drift(work)))
    tell("done", 1.0)
    return Cleaned(
        replace(recording, field_pt=work.field_pt, valid=None),
        tuple(steps),
        work.bad,
        mains_hz,
        work.quiet,
        work.operator,
    )


def _find_quiet(recording: FieldRecording, work: Work) -> BoolArray:
    """Pauses between the beats, from some channels spread over the array."""
    some = np.flatnonzero(work.chest if work.chest.any() else np.ones(work.n_channels, dtype=bool))
    some = some[:: -(-len(some) // _BEAT_CHANNELS)]
    seen = replace(
        recording, field_pt=work.field_pt[some], valid=None, array=work.array.subset(some)
    )
    return quiet_samples(seen, find_beats(seen))


def _external(work: Work, settings: CleaningSettings) -> Iterator[CleaningStep]:
    has_references = False
    if settings.external in ("auto", "references"):
        step, has_references = reference_step(work, settings)
        yield step
    if settings.external == "homogeneous" or (settings.external == "auto" and not has_references):
        yield homogeneous_step(work, settings)


class _Measured:
    """Adds to each step what it removed in the heart's band; each measurement serves twice."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._meter = HeartBandMeter(work.chest, work.n_samples, work.rate_hz, work.quiet)
        self._before = self._meter.rms_pt(work.field_pt)

    def __call__(self, step: CleaningStep) -> CleaningStep:
        if not step.is_applied:
            return step
        after = self._meter.rms_pt(self._work.field_pt)
        measured = replace(step, removed_db=removed_db(self._before, after))
        self._before = after
        return measured
