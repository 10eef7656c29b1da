"""The form of `analysis.json`: one model from which its schema and its page are made.

``python -m nullfield.analysis.document`` writes ``docs/analysis-json.md`` and
``docs/analysis.schema.json``; with ``--check`` it only tells whether they are fresh.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nullfield.generated import write_or_check

SCHEMA = "nullfield-analysis/2"

Vector = list[float]
Maybe = float | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Input(_Part):
    """What was analysed."""

    source: str | None = Field(description="file or folder")
    format: str | None = Field(description="as the reader told it")
    sampling_rate_hz: float
    duration_s: float
    n_channels: int
    unit: str = Field(description="pT, or uV for an ECG lead")
    notes: list[str] = Field(description="what was assumed or left out on reading")


class Frame(_Part):
    """Between the file's device coordinates and the working frame of maps (z out of the chest)."""

    rotation: list[Vector] = Field(description="columns: the working axes in device coordinates")
    origin_m: Vector
    how: str = Field(description="what the frame was found from")


class BeatsPart(_Part):
    """Heartbeats."""

    times_s: list[float] = Field(description="R peaks of all heartbeats, s from the first sample")
    kinds: list[str] = Field(description="normal, disturbed or ectopic, one a heartbeat")
    is_averaged: list[bool] = Field(description="whether the beat may go into the average")
    rate_bpm: Maybe
    found: int = Field(description="heartbeats and artefacts")
    accepted: int = Field(description="beats that may go into the average")
    rejected: dict[str, int] = Field(description="beats left out of the average, by kind")


class VariabilityPart(_Part):
    """Heart-rate variability; null where the recording is too short."""

    values: dict[str, Maybe] = Field(description="by measure, unit in the name")
    n_intervals: int
    reasons: dict[str, str]


class AveragePart(_Part):
    """The averaged beat."""

    snr_db: Maybe = Field(description="RMS over the channels at the R peak over the noise")
    snr_db_by_channel: dict[str, Maybe]
    beats_used: int = Field(description="least over the chest channels in use")
    baseline_s: Vector = Field(description="PQ segment, relative to the R peak")


class MapPart(_Part):
    """Field normal to the chest, in the working frame."""

    angle_deg: Maybe = Field(description="negative to positive pole, counter-clockwise from +x")
    pole_distance_mm: Maybe
    pole_ratio: Maybe = Field(description="largest over the size of the least")
    poles_inside: bool | None = Field(description="false: a pole lies on the edge of the map")
    arrow_angle_deg: Maybe = Field(description="of the longest pseudo-current arrow")
    positive_pole_m: Vector | None = Field(description="x, y")
    negative_pole_m: Vector | None = Field(description="x, y")
    gof: float = Field(description="share of the channels' power that the map explains")
    n_channels: int
    x_m: Vector
    y_m: Vector
    z_m: float
    bz_pt: list[Vector] = Field(description="rows along y, columns along x")
    error_pt: list[Vector] | None = Field(description="standard error of the interpolation")


class DipolePart(_Part):
    """One current dipole, in the file's device coordinates."""

    position_m: Vector
    moment_nam: Vector = Field(
        alias="moment_nAm", description="nA m; a component that the model cannot see is given as 0"
    )
    gof: float
    confidence_mm: Maybe = Field(description="radius of the sphere as large as the 95 % region")
    confidence_axes_mm: Vector | None = Field(description="half axes of that region")
    confidence_volume_mm3: Maybe
    reduced_chi2: float
    at_bound: bool
    is_significant: bool = Field(description="more than noise would give")
    n_channels: int
    model: str


class LandmarkPart(_Part):
    """One moment of the averaged beat; map and dipole at peaks only."""

    time_s: float = Field(description="relative to the R mark of the beats")
    map: MapPart | None
    dipole: DipolePart | None


class NoisePart(_Part):
    """Noise density between beats, fT/√Hz."""

    density_ft_rthz: dict[str, Maybe]
    raw_density_ft_rthz: dict[str, Maybe] = Field(description="before cleaning")
    median: Maybe = Field(description="over the Bz channels in use")
    worst: Maybe
    reason: str | None


class QualityPart(_Part):
    """What is missing or left out."""

    missing_share: dict[str, float]
    bad_channels: list[str]
    dead_heads: list[str]
    mains_hz: Maybe
    reference_reduction_db: Maybe


class CleaningPart(_Part):
    """One step of cleaning."""

    name: str
    is_applied: bool
    reason: str = Field(description="why it was not applied, or what it found")
    removed_db: Maybe = Field(description="less power between beats, 1 to 40 Hz")
    heart_kept_share: Maybe = Field(description="least share of a heart's topography that is left")
    parameters: dict[str, Any]


class FeaturePart(_Part):
    """One research feature with its 95 % interval."""

    name: str
    value: Maybe
    unit: str
    low: Maybe
    high: Maybe
    definition: str
    source: str
    reference: Vector | None = Field(description="published range, if there is one")
    reference_source: str | None
    reason: str = Field(description="why there is no value or no interval, or what limits it")


class MovingPart(_Part):
    """The moving dipole through the QRS complex, in device coordinates; null without a fit."""

    times_s: Vector
    position_m: list[list[Maybe]]
    moment_nam: list[list[Maybe]] = Field(alias="moment_nAm", description="nA m")
    gof: list[Maybe]
    confidence_mm: list[Maybe]
    is_trusted: list[bool] = Field(description="significant, and with a confidence region")
    path_mm: Maybe = Field(description="length of the way through the trusted positions")


class ImagePart(_Part):
    """Current on the heart's surface at R; the image itself is in the HDF5 results."""

    method: str
    unit: str
    peak_m: Vector = Field(description="device coordinates")
    peak: float = Field(description="density there, or sLORETA's statistic")
    total_moment_nam: Vector = Field(alias="total_moment_nAm")
    gof: float
    reduced_chi2: float
    n_vertices: int
    n_active: int
    model: str


class AnalysisDocument(_Part):
    """Everything of an analysis; what the data do not support is null, the reason beside it."""

    schema_: str = Field(SCHEMA, alias="schema", description="name and version of this form")
    software: str = Field(description="version of Nullfield")
    input: Input
    frame: Frame
    beats: BeatsPart
    variability: VariabilityPart | None
    average: AveragePart | None
    landmarks: dict[str, LandmarkPart | None]
    noise: NoisePart
    quality: QualityPart
    cleaning: list[CleaningPart]
    features: list[FeaturePart]
    moving_dipole: MovingPart | None
    image: ImagePart | None
    settings: dict[str, Any]
    reasons: dict[str, str] = Field(description="why a part is missing, by part")
    research_use: str = Field(description="what the features are not")


def schema_json() -> str:
    """JSON Schema of `analysis.json` as text."""
    schema = AnalysisDocument.model_json_schema(by_alias=True)
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def page() -> str:
    """The reference page as Markdown."""
    lines = [
        "# analysis.json",
        "",
        f"Schema `{SCHEMA}`, generated from `host/nullfield/analysis/document.py`; as JSON Schema:",
        "[analysis.schema.json](analysis.schema.json). Units stand in the names. Null means that the",
        "data did not support the part; `reasons` says why. Positions of dipoles are in the file's",
        "device coordinates, maps in the working frame that `frame` describes.",
        "",
    ]
    definitions = AnalysisDocument.model_json_schema(by_alias=True)
    parts = {"AnalysisDocument": definitions, **definitions["$defs"]}
    for name, part in parts.items():
        title = "The document" if name == "AnalysisDocument" else name.removesuffix("Part")
        lines += [f"## {title}", "", part.get("description", ""), ""]
        lines += ["| field | type | meaning |", "|---|---|---|"]
        lines += [
            f"| `{key}` | {_type(one)} | {one.get('description', '')} |"
            for key, one in part["properties"].items()
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        kinds = [_type(one) for one in schema["anyOf"]]
        return " or ".join(kinds)
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1].removesuffix("Part"))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"map to {_type(inner)}" if isinstance(inner, dict) else "map"
    return str(schema.get("type", "any"))


def main(arguments: list[str], root: Path = Path("docs")) -> int:
    """Write or check the two files."""
    files = {root / "analysis-json.md": page(), root / "analysis.schema.json": schema_json()}
    return write_or_check(files, arguments, "nullfield.analysis.document")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
