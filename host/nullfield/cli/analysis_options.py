"""Options that every command with an analysis in it takes, and the settings made of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from nullfield.analysis.cleaning.settings import CleaningSettings, External
from nullfield.analysis.data import CALIBRATED, UNCALIBRATED
from nullfield.analysis.settings import AnalysisSettings, ImageMethod
from nullfield.analysis.sources.model_choice import DEFAULT_RADIUS_M, ModelChoice
from nullfield.errors import InputError

PositionsOption = Annotated[
    Path | None,
    typer.Option("--positions", help="Places of the sensors: CSV or TSV name,x,y,z,nx,ny,nz."),
]
RateOption = Annotated[
    float | None, typer.Option("--rate", help="Samples a second, for tables without time.")
]
UnitOption = Annotated[
    str | None,
    typer.Option("--unit", help="Unit of the numbers, for files that tell none, or a wrong one."),
]
OutwardOption = Annotated[
    str | None,
    typer.Option(
        "--outward", help="Direction away from the body in the file's coordinates, like 0,0,1."
    ),
]
LowPassOption = Annotated[
    float, typer.Option("--low-pass", min=10.0, help="Of the averaged beat, Hz.")
]
MainsOption = Annotated[
    float | None, typer.Option("--mains", help="Hz; found from the data if left out.")
]
ExternalOption = Annotated[
    str,
    typer.Option(
        "--external", help="Outer field: auto, references, homogeneous or none take it out."
    ),
]
AlsoOption = Annotated[
    str,
    typer.Option(
        "--also", help="Further cleaning, like drift,separation,components (ICA); see cleaning.md."
    ),
]
OrderOption = Annotated[
    int | None,
    typer.Option(
        "--homogeneous-order", min=1, max=3, help="1 uniform field, 2 and gradients, 3; else found."
    ),
]
CalibratedOption = Annotated[
    bool, typer.Option("--calibrated", help="Gains, places and axes are those of a calibration.")
]
ModelOption = Annotated[
    str, typer.Option("--model", help="Conductor: half-space, free, sphere or torso.")
]
DoubtOption = Annotated[
    bool,
    typer.Option(
        "--doubt-conductor", help="Count trunks 15 % smaller and larger as what it might be, too."
    ),
]
RadiusOption = Annotated[
    float, typer.Option("--radius", help="Of the sphere below the array, metres.")
]
TorsoOption = Annotated[
    Path | None, typer.Option("--torso", help="Mesh of the torso (STL, OBJ, PLY, OFF).")
]
TorsoUnitOption = Annotated[
    str | None, typer.Option("--torso-unit", help="Unit of the mesh: m, cm, mm or in.")
]
ImageOption = Annotated[
    str,
    typer.Option("--image", help="Heart's surface at R: none, minimum-norm, sloreta or sparse."),
]
ResamplesOption = Annotated[
    int, typer.Option("--resamples", min=0, max=100_000, help="Of the bootstrap; 0: none.")
]

DEFAULTS = AnalysisSettings()
FURTHER = ("drift", "separation", "components")


def analysis_settings(
    *,
    outward: OutwardOption = None,
    low_pass: LowPassOption = DEFAULTS.low_pass_hz,
    mains: MainsOption = None,
    external: ExternalOption = "auto",
    homogeneous_order: OrderOption = None,
    also: AlsoOption = "",
    is_calibrated: CalibratedOption = False,
    model: ModelOption = "half-space",
    radius: RadiusOption = DEFAULT_RADIUS_M,
    torso: TorsoOption = None,
    torso_unit: TorsoUnitOption = None,
    is_doubted: DoubtOption = False,
    image: ImageOption = "none",
    resamples: ResamplesOption = DEFAULTS.resamples,
) -> AnalysisSettings:
    """Settings of an analysis from the command line.

    Raises
    ------
    InputError
        If a name is not known, or `outward` is no direction.
    """
    further = _further(also)
    return AnalysisSettings(
        low_pass_hz=low_pass,
        cleaning=CleaningSettings(
            mains_hz=mains,
            external=_one_of("--external", external, External),
            homogeneous_order=homogeneous_order,
            drift="drift" in further,
            separation="separation" in further,
            components="components" in further,
        ),
        model=ModelChoice(
            "torso" if torso is not None else model,
            radius,
            None if torso is None else str(torso),
            torso_unit,
            is_doubted,
        ),
        image=_one_of("--image", image, ImageMethod),
        outward=None if outward is None else _direction(outward),
        uncertainty=CALIBRATED if is_calibrated else UNCALIBRATED,
        resamples=resamples,
    )


def takes_analysis(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options of an analysis in the place of its parameter ``settings``.

    The options are the parameters of `analysis_settings`, so that each stands in one place.

    Parameters
    ----------
    *names : str
        Parameters to offer; all of them if left out.
    """
    options = {
        name: one
        for name, one in inspect.signature(analysis_settings, eval_str=True).parameters.items()
        if not names or name in names
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        shown: list[inspect.Parameter] = []
        for one in own.parameters.values():
            shown += options.values() if one.name == "settings" else [one]

        @functools.wraps(command)
        def run(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in options}
            command(settings=analysis_settings(**chosen), **given)

        # What typer reads: the signature for the order, the annotations for the types.
        keyword = inspect.Parameter.KEYWORD_ONLY
        shown = [one.replace(kind=keyword) for one in shown]
        run.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in shown} | {"return": None}
        return run

    return decorate


def _further(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FURTHER:
            raise InputError(f"--also {name}: no such step", f"of {', '.join(FURTHER)}")
    return names


def _direction(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--outward {text}: is no direction", "give three numbers, like 0,0,1"
        ) from None
    return x, y, z


def _one_of(option: str, name: str, known: Any) -> Any:
    if name not in get_args(known):
        raise InputError(f"{option} {name}: no such one", f"one of {', '.join(get_args(known))}")
    return name
