"""A winding as SVG for the wall and the workshop: both planes to scale, one layer per polarity.

Colour and dashes both tell the sense of the current, so that it survives a grey print. The layers
are Inkscape's; other programs see plain groups with names.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt

from nullfield.room.coil_design.contours import WireLoop
from nullfield.room.coil_design.design import CoilDesign
from nullfield.room.coil_design.request import AXES, CoilRequest
from nullfield.room.coil_design.targets import unit_of

FloatArray = npt.NDArray[np.float64]

_STYLE = {1: ("#0072b2", "none"), -1: ("#d55e00", "3 1.2")}
_NAMES = {1: "counter-clockwise", -1: "clockwise"}
_MARGIN_MM = 16.0
_HEAD_MM = 26.0
_FOOT_MM = 24.0
_GAP_MM = 26.0
_INK, _SOFT = "#1a1a1a", "#555555"


def svg_text(request: CoilRequest, design: CoilDesign, scale: int = 10) -> str:
    """The drawing; its size in mm is true to the scale when printed at 100 %.

    Parameters
    ----------
    request : CoilRequest
    design : CoilDesign
    scale : int
        10 draws one metre as 100 mm.
    """
    width, height = (1e3 * side / scale for side in request.plane_m)
    total_w = 2 * width + _GAP_MM + 2 * _MARGIN_MM
    total_h = height + _HEAD_MM + _FOOT_MM + _MARGIN_MM
    first, second = (AXES[axis] for axis in request.plane_axes)
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" width="{total_w:.2f}mm" '
        f'height="{total_h:.2f}mm" viewBox="0 0 {total_w:.2f} {total_h:.2f}" '
        f'font-family="DejaVu Sans, Arial, sans-serif" font-size="3.2">',
        '<defs><marker id="arrow" viewBox="0 0 6 6" refX="3" refY="3" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0.5 0.8 5.5 3 0.5 5.2z" fill="context-stroke"/>'
        "</marker></defs>",
        f'<rect width="{total_w:.2f}" height="{total_h:.2f}" fill="white"/>',
        *_head(request, design, scale),
    ]
    for plane in range(2):
        left = _MARGIN_MM + plane * (width + _GAP_MM)
        place_m = (plane - 0.5) * request.spacing_m
        centre = (left + 0.5 * width, _HEAD_MM + 0.5 * height)
        out.append(
            f'<text x="{centre[0]:.2f}" y="{_HEAD_MM - 3:.2f}" text-anchor="middle" '
            f'font-size="4">plane at {request.normal} = {1e3 * place_m:+.0f} mm</text>'
        )
        out.append(
            f'<rect x="{left:.2f}" y="{_HEAD_MM:.2f}" width="{width:.2f}" height="{height:.2f}" '
            f'fill="none" stroke="{_SOFT}" stroke-width="0.25"/>'
        )
        out += _cross(centre)
        for sense in (1, -1):
            chosen = [one for one in design.loops if one.plane == plane and one.sense == sense]
            out += _layer(request, chosen, plane, sense, scale, centre)
        out += _dimensions(left, width, height, request.plane_m, first, second)
    out += _legend(request, design, total_w, _HEAD_MM + height + 13.0)
    out.append("</svg>")
    return "\n".join(out) + "\n"


def _head(request: CoilRequest, design: CoilDesign, scale: int) -> list[str]:
    figures, wires = design.figures, design.wires
    first = f"Coil {design.component} · {wires.constant:.3f} {unit_of(design.component)}"
    second = (
        f"{figures.n_loops} turns in series · {figures.wire_length_m:.0f} m of "
        f"{1e3 * request.wire_diameter_m:g} mm copper · {figures.resistance_ohm:.1f} Ω · "
        f"{1e3 * figures.inductance_h:.2f} mH · turns at least {1e3 * figures.least_distance_m:.1f} "
        f"mm apart · scale 1:{scale}"
    )
    return [
        f'<text x="{_MARGIN_MM}" y="9" font-size="5.5" font-weight="bold" fill="{_INK}">'
        f"{escape(first)}</text>",
        f'<text x="{_MARGIN_MM}" y="15" fill="{_SOFT}">{escape(second)}</text>',
    ]


def _layer(
    request: CoilRequest,
    loops: Sequence[WireLoop],
    plane: int,
    sense: int,
    scale: int,
    centre: tuple[float, float],
) -> list[str]:
    colour, dash = _STYLE[sense]
    name = f"plane {plane + 1} {_NAMES[sense]}"
    out = [
        f'<g id="plane{plane + 1}-{_NAMES[sense]}" inkscape:groupmode="layer" '
        f'inkscape:label="{name}" fill="none" stroke="{colour}" stroke-width="0.35" '
        f'stroke-dasharray="{dash}" stroke-linejoin="round">'
    ]
    factor = 1e3 / scale
    for number, loop in enumerate(loops):
        uv = loop.points_m[:, list(request.plane_axes)]
        x = centre[0] + factor * uv[:-1, 0]
        y = centre[1] - factor * uv[:-1, 1]
        points = " ".join(f"{a:.2f},{b:.2f}" for a, b in zip(x, y, strict=True))
        out.append(f'<path d="M{points} Z"/>')
        if number % 2 == 0:
            out.append(_arrow(x, y))
    out.append("</g>")
    return out


def _arrow(x: FloatArray, y: FloatArray) -> str:
    """A short piece of the line that carries the sign of the current's direction, on its right."""
    k = int(np.argmax(x))
    a, b = (k - 1) % len(x), (k + 1) % len(x)
    dx, dy = float(x[b] - x[a]), float(y[b] - y[a])
    size = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    dx, dy = 0.3 * dx / size, 0.3 * dy / size
    return (
        f'<path d="M{x[k] - dx:.2f},{y[k] - dy:.2f} {x[k]:.2f},{y[k]:.2f} '
        f'{x[k] + dx:.2f},{y[k] + dy:.2f}" stroke-dasharray="none" marker-mid="url(#arrow)"/>'
    )


def _cross(centre: tuple[float, float]) -> list[str]:
    x, y = centre
    return [
        f'<path d="M{x - 4:.2f},{y:.2f} H{x + 4:.2f} M{x:.2f},{y - 4:.2f} V{y + 4:.2f}" '
        f'stroke="{_SOFT}" stroke-width="0.2"/>'
    ]


def _dimensions(
    left: float,
    width: float,
    height: float,
    plane_m: tuple[float, float],
    first: str,
    second: str,
) -> list[str]:
    bottom = _HEAD_MM + height
    y, x = bottom + 5.0, left - 5.0
    line = f'fill="none" stroke="{_SOFT}" stroke-width="0.2"'
    middle = _HEAD_MM + 0.5 * height
    return [
        f'<path d="M{left:.2f},{bottom + 1:.2f} v5 M{left + width:.2f},{bottom + 1:.2f} v5 '
        f'M{left:.2f},{y:.2f} h{width:.2f}" {line}/>',
        f'<text x="{left + 0.5 * width:.2f}" y="{y + 4:.2f}" text-anchor="middle" '
        f'fill="{_SOFT}">{1e3 * plane_m[0]:.0f} mm along {first} →</text>',
        f'<path d="M{left - 1:.2f},{_HEAD_MM:.2f} h-5 M{left - 1:.2f},{bottom:.2f} h-5 '
        f'M{x:.2f},{_HEAD_MM:.2f} v{height:.2f}" {line}/>',
        f'<text transform="translate({x - 2:.2f},{middle:.2f}) rotate(-90)" '
        f'text-anchor="middle" fill="{_SOFT}">{1e3 * plane_m[1]:.0f} mm along {second} →</text>',
    ]


def _legend(request: CoilRequest, design: CoilDesign, total_w: float, top: float) -> list[str]:
    out = []
    for number, sense in enumerate((1, -1)):
        colour, dash = _STYLE[sense]
        x = _MARGIN_MM + 96 * number
        out.append(
            f'<path d="M{x:.1f},{top:.1f} h14" stroke="{colour}" stroke-width="0.7" '
            f'stroke-dasharray="{dash}" fill="none"/><text x="{x + 17:.1f}" y="{top + 1.1:.1f}" '
            f'fill="{_INK}">{_NAMES[sense]} for a positive current</text>'
        )
    seen = (
        f"Both planes seen from the tip of the {request.normal} axis. Series order: as in the JSON "
        "file; leads twisted in pairs."
    )
    box = " × ".join(f"{1e3 * side:.0f}" for side in request.volume_m)
    deviation = (
        f"Over {box} mm about ({', '.join(f'{1e3 * c:.0f}' for c in request.centre_m)}) mm: largest "
        f"deviation {100 * design.wires.max_deviation:.2f} %, rms "
        f"{100 * design.wires.rms_deviation:.2f} %."
    )
    for line, text in enumerate((seen, deviation)):
        out.append(
            f'<text x="{_MARGIN_MM}" y="{top + 7 + 5 * line:.1f}" fill="{_SOFT}">'
            f"{escape(text)}</text>"
        )
    return out
