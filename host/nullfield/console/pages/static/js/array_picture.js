// The array in three dimensions on a canvas, nearer things over farther ones.
import { bodySegments } from "./body_outline.js";
import { t } from "./i18n.js";
import { stateOf } from "./head_quantities.js";

const HEAD_RADIUS_M = 0.012;
const AXIS_M = 0.05;

/** Points that must be inside the picture; the body may reach out of it. */
export function pointsToFrame(heads, { references }) {
  const shown = heads.filter((head) => references || head.kind === "array");
  return (shown.length ? shown : heads).map((head) => head.position_m);
}

/**
 * Draw, and tell where each head came to stand.
 * @returns {{head: object, x: number, y: number, radius: number}[]} far ones first
 */
export function drawArray(surface, orbit, heads, paint, options) {
  const context = surface.begin();
  const { width, height, colours } = surface;
  const project = orbit.projector(width, height);
  const things = [];
  if (options.body) {
    for (const [from, to] of bodySegments) {
      const [a, b] = [project(from), project(to)];
      things.push({ depth: (a.depth + b.depth) / 2, draw: () => drawLine(context, a, b, colours.edge, 0.55) });
    }
  }
  const places = [];
  for (const head of heads) {
    if (head.kind !== "array" && !options.references) continue;
    const at = project(head.position_m);
    const radius = Math.max(3.5, HEAD_RADIUS_M * at.size);
    const place = { head, x: at.x, y: at.y, radius, depth: at.depth };
    places.push(place);
    const tip = project(head.position_m.map((value, axis) => value + 0.022 * head.normal[axis]));
    things.push({ depth: at.depth, draw: () => drawHead(context, place, tip, paint, colours, surface, options) });
  }
  things.sort((a, b) => b.depth - a.depth);
  for (const thing of things) thing.draw();
  drawCompass(context, orbit, surface);
  return places.sort((a, b) => b.depth - a.depth);
}

function drawLine(context, from, to, colour, opacity = 1, thickness = 1) {
  context.globalAlpha = opacity;
  context.strokeStyle = colour;
  context.lineWidth = thickness;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
  context.globalAlpha = 1;
}

function drawHead(context, place, tip, paint, colours, surface, options) {
  const { head, x, y, radius } = place;
  drawLine(context, place, tip, colours.muted, 0.9, Math.max(1, radius / 6));
  const colour = paint.colour(head);
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour ?? colours.panel;
  context.fill();
  const isChosen = head.name === options.chosen;
  context.lineWidth = isChosen ? 4 : 1.5;
  context.strokeStyle = isChosen ? colours.text : colours.bg;
  if (!colour) {
    context.setLineDash([3, 3]);
    context.strokeStyle = isChosen ? colours.text : colours.edge;
  }
  context.stroke();
  context.setLineDash([]);
  context.textAlign = "center";
  context.textBaseline = "middle";
  if (radius > 8) {
    context.fillStyle = colour ? colours.bg : colours.text;
    context.font = surface.font(Math.round(radius * 1.1), "bold");
    // A ready head is a plain ball; what is not as it should be carries its sign.
    if (head.state !== "READY") context.fillText(stateOf(head).sign, x, y + 1);
  }
  if (isChosen) {
    context.font = surface.font(14, "bold");
    const width = context.measureText(head.name).width + 12;
    context.fillStyle = colours.panel;
    context.fillRect(x - width / 2, y - radius - 25, width, 20);
    context.fillStyle = colours.text;
    context.fillText(head.name, x, y - radius - 15);
  }
}

/** Which way is which: three short lines in a corner, named as for the patient. */
function drawCompass(context, orbit, surface) {
  const { colours } = surface;
  const project = orbit.projector(surface.width, surface.height);
  const origin = project(orbit.middle);
  const corner = { x: 58, y: surface.height - 54 };
  const ends = [[[1, 0, 0], t("left")], [[0, 1, 0], t("head")], [[0, 0, 1], t("front")]];
  context.font = surface.font(12);
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const [direction, label] of ends) {
    const end = project(orbit.middle.map((value, axis) => value + AXIS_M * direction[axis]));
    const scale = 34 / (AXIS_M * origin.size);
    const x = (end.x - origin.x) * scale;
    const y = (end.y - origin.y) * scale;
    drawLine(context, corner, { x: corner.x + x, y: corner.y + y }, colours.muted, 1, 2);
    context.fillStyle = colours.muted;
    context.fillText(label, corner.x + x * 1.38, corner.y + y * 1.38);
  }
}
