"""The averaged beat and the heart's map of the newest stretch, while the instrument measures.

The beats, the average and the map are those of `nullfield.analysis`; here they are only kept for
those who look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nullfield.analysis.average import AveragedBeat, average_beats, beat_window, remove_baseline
from nullfield.analysis.beats import Beats
from nullfield.analysis.data import FieldRecording, SensorArray
from nullfield.analysis.landmarks import BeatLandmarks, find_landmarks
from nullfield.analysis.map_operator import MapOperator
from nullfield.console.live.beat_picture import beat_picture, quality_lights
from nullfield.console.live.map_picture import map_picture
from nullfield.dsp.filters import low_pass
from nullfield.errors import AnalysisError

WINDOW_S = 24.0
_LOW_PASS_HZ = 100.0
_FEWEST_BEATS = 3
_USUAL_INTERVAL_S = 0.8


@dataclass(frozen=True)
class LiveBeat:
    """The averaged beat of the newest stretch, and what maps it.

    Attributes
    ----------
    array : SensorArray
    average : AveragedBeat
    landmarks : BeatLandmarks
    operator : MapOperator or None
        None where the channels give no map; `reason` then says why.
    count : int
        Beats in the average.
    found : int
        Beats found, refused ones counted.
    lights : dict of str to str
        ``good``, ``fair`` or ``poor`` by what is judged.
    reason : str
    """

    array: SensorArray
    average: AveragedBeat
    landmarks: BeatLandmarks
    operator: MapOperator | None
    count: int
    found: int
    lights: dict[str, str]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Traces thinned to what a screen shows, landmarks and quality."""
        return beat_picture(
            self.average, self.array, self.landmarks, self.count, self.lights, self.reason
        )

    def map_json(self, time_ms: float | None) -> dict[str, Any] | None:
        """Map at a time after the R mark; the R mark itself by default."""
        if self.operator is None:
            return None
        time_s = 0.0 if time_ms is None else time_ms * 1e-3
        index = self.average.index(time_s)
        field = np.where(self.operator.used, self.average.field_pt[:, index], 0.0)
        return {
            **map_picture(self.operator, field, self.array),
            "time_ms": round(float(self.average.time_s[index]) * 1e3, 1),
            "beats": self.count,
            "times_ms": [
                round(float(self.average.time_s[0]) * 1e3, 1),
                round(float(self.average.time_s[-1]) * 1e3, 1),
            ],
        }


def live_beat(recording: FieldRecording, beats: Beats) -> LiveBeat | None:
    """Average the beats of a stretch.

    Parameters
    ----------
    recording : FieldRecording
        Newest stretch of the chest's channels.
    beats : Beats
        Found in it.

    Returns
    -------
    LiveBeat or None
        None below three beats.
    """
    if beats.n_accepted < _FEWEST_BEATS:
        return None
    rate_hz = recording.sampling_rate_hz
    cut_hz = min(_LOW_PASS_HZ, 0.45 * rate_hz)
    smooth = recording.with_field(
        low_pass(recording.field_pt, rate_hz, cut_hz, valid=recording.usable)
    )
    level, segment_s = remove_baseline(smooth, beats)
    before, after = beat_window(beats, rate_hz)
    try:
        average = average_beats(level, beats, segment_s, before=before, after=after)
    except AnalysisError:
        return None
    operator, reason = None, ""
    try:
        field = np.where(average.has_beats[:, None], average.field_pt, np.nan)
        operator = MapOperator.build(recording.array, average.noise_pt, data_pt=field)
    except AnalysisError as error:
        reason = error.message
    usable_share = float(recording.usable.any(axis=1).mean())
    accepted_share = beats.n_accepted / max(len(beats.samples), 1)
    lights = quality_lights(average.snr_db, accepted_share, usable_share)
    chest = recording.array.is_chest & average.has_beats
    return LiveBeat(
        recording.array,
        average,
        find_landmarks(average, beats.interval_s or _USUAL_INTERVAL_S, chest),
        operator,
        beats.n_accepted,
        len(beats.samples),
        lights,
        reason,
    )
