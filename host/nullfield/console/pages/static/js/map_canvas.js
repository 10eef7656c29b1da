// The heart's field map on a canvas: colours, lines of equal field, arrows, sensors, axes, colour bar.
// Seen from the front: the patient's right is at the left of the picture, the head is up.
import { niceCeiling, writeColour } from "./colour_map.js";
import { contourSegments } from "./contours.js";
import { number, t } from "./i18n.js";
import { drawAxes, drawBar } from "./map_axes.js";

const FILL_PIXELS = 220; // side of the interpolated picture, which the browser smooths further
const LINES_PER_SIDE = 6;

/**
 * Draw a map.
 * @param {HTMLCanvasElement} canvas
 * @param {object|null} map as of GET /api/v1/live/map; null draws the text of options.empty
 * @param {object} options limitPt (end of the colour scale; the map's own if absent), arrows, sensors, contours
 *   (true unless false), empty (text without a map), caption (start of the text alternative)
 */
export function drawMap(canvas, map, options = {}) {
  const { context, width, height } = prepare(canvas);
  const style = getComputedStyle(canvas);
  const ink = { text: style.getPropertyValue("--text"), muted: style.getPropertyValue("--muted") };
  context.font = `${fontSize(width)}px ${style.fontFamily}`;
  if (!map) {
    context.fillStyle = ink.muted;
    context.textAlign = "center";
    context.font = `${fontSize(width) * 1.3}px ${style.fontFamily}`;
    context.fillText(options.empty ?? "", width / 2, height / 2, width * 0.9);
    describe(canvas, options.empty ?? "");
    return;
  }
  const range = extremes(map);
  const limit = options.limitPt ?? limitOf(range);
  const place = placing(map, width, height);
  fill(context, map, limit, place);
  context.save();
  context.beginPath();
  context.rect(place.left, place.top, place.width, place.height);
  context.clip();
  if (options.contours !== false) drawContours(context, map, limit, place);
  if (options.arrows !== false && map.arrows) drawArrows(context, map.arrows, place);
  context.restore();
  // Not clipped: the outermost sensors are the corners of the map.
  if (options.sensors !== false) drawSensors(context, map.sensors ?? [], place);
  drawAxes(context, map, place, ink);
  drawBar(context, limit, place, ink);
  describe(canvas, describeMap(map, range, options.caption));
}

/** End of a colour scale for a map's own extremes, in pT. */
export const limitOf = ({ maximum, minimum }) =>
  niceCeiling(Math.max(Math.abs(maximum.value), Math.abs(minimum.value), 0.1));

/** Largest and smallest field of a map and where they are. */
export function extremes(map) {
  const maximum = { value: -Infinity, x: 0, y: 0 };
  const minimum = { value: Infinity, x: 0, y: 0 };
  map.bz_pt.forEach((line, row) =>
    line.forEach((value, column) => {
      if (!Number.isFinite(value)) return;
      const here = { value, x: map.x_mm[column], y: map.y_mm[row] };
      if (value > maximum.value) Object.assign(maximum, here);
      if (value < minimum.value) Object.assign(minimum, here);
    }),
  );
  return { maximum, minimum };
}

export function describeMap(map, range = extremes(map), caption = t("Map of the heart's field")) {
  return t(
    "{caption} at {time} ms: highest {high} pT at x {hx} mm, y {hy} mm; lowest {low} pT at x {lx} mm, y {ly} mm.",
    {
      caption, time: number(map.time_ms), high: number(range.maximum.value, 1), hx: number(range.maximum.x),
      hy: number(range.maximum.y), low: number(range.minimum.value, 1), lx: number(range.minimum.x), ly: number(range.minimum.y),
    },
  );
}

function describe(canvas, text) {
  canvas.setAttribute("role", "img");
  if (canvas.getAttribute("aria-label") !== text) canvas.setAttribute("aria-label", text);
}

/** Fit the canvas to its place and the screen's pixels; a canvas of the right size is only cleared. */
export function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const fontSize = (width) => Math.max(11, Math.min(22, width / 42));

/** Where the map lies on the canvas, with equal millimetres in x and y. */
function placing(map, width, height) {
  const font = fontSize(width);
  const room = { left: font * 3.4, right: font * 5, top: font * 2.2, bottom: font * 4.8 };
  const [x0, x1] = [map.x_mm[0], map.x_mm.at(-1)];
  const [y0, y1] = [map.y_mm[0], map.y_mm.at(-1)];
  const scale = Math.min((width - room.left - room.right) / (x1 - x0), (height - room.top - room.bottom) / (y1 - y0));
  const size = { width: scale * (x1 - x0), height: scale * (y1 - y0) };
  const left = room.left + (width - room.left - room.right - size.width) / 2;
  const top = room.top + (height - room.top - room.bottom - size.height) / 2;
  const x = (mm) => left + (mm - x0) * scale;
  const y = (mm) => top + (y1 - mm) * scale;
  return { left, top, ...size, x, y, scale, font };
}

let picture = null;

function fill(context, map, limit, place) {
  picture ??= new OffscreenCanvas(FILL_PIXELS, FILL_PIXELS);
  const inner = picture.getContext("2d");
  const image = inner.createImageData(FILL_PIXELS, FILL_PIXELS);
  const rows = map.y_mm.length;
  const columns = map.x_mm.length;
  for (let line = 0; line < FILL_PIXELS; line += 1) {
    const v = ((FILL_PIXELS - 1 - line) / (FILL_PIXELS - 1)) * (rows - 1);
    const row = Math.min(rows - 2, Math.floor(v));
    for (let pixel = 0; pixel < FILL_PIXELS; pixel += 1) {
      const u = (pixel / (FILL_PIXELS - 1)) * (columns - 1);
      const column = Math.min(columns - 2, Math.floor(u));
      const [a, b] = [map.bz_pt[row], map.bz_pt[row + 1]];
      const low = a[column] + (a[column + 1] - a[column]) * (u - column);
      const high = b[column] + (b[column + 1] - b[column]) * (u - column);
      const value = low + (high - low) * (v - row);
      // Where there is no estimate, the background shows.
      if (Number.isFinite(value)) writeColour(image.data, (line * FILL_PIXELS + pixel) * 4, value / limit);
    }
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, place.left, place.top, place.width, place.height);
}

function drawContours(context, map, limit, place) {
  for (let line = -LINES_PER_SIDE; line <= LINES_PER_SIDE; line += 1) {
    context.beginPath();
    for (const [x0, y0, x1, y1] of contourSegments(map.x_mm, map.y_mm, map.bz_pt, (line * limit) / LINES_PER_SIDE)) {
      context.moveTo(place.x(x0), place.y(y0));
      context.lineTo(place.x(x1), place.y(y1));
    }
    context.strokeStyle = line === 0 ? "#101010" : "#10101066";
    context.lineWidth = line === 0 ? place.font / 6 : 1;
    context.stroke();
  }
}

function drawArrows(context, arrows, place) {
  const u = arrows.u.flat();
  const v = arrows.v.flat();
  const lengths = u.map((value, i) => Math.hypot(value, v[i]));
  const longest = Math.max(...lengths.filter(Number.isFinite), 0);
  if (longest <= 0) return;
  const columns = [...new Set(arrows.x_mm)].sort((a, b) => a - b);
  const spacing = columns.length > 1 ? (columns[1] - columns[0]) * place.scale : Infinity;
  const unit = Math.min(place.width / 9, spacing * 0.9) / longest;
  context.strokeStyle = "#07130a";
  context.fillStyle = "#07130a";
  context.lineWidth = Math.max(1.2, place.font / 9);
  u.forEach((_, i) => {
    if (!(lengths[i] > longest * 0.08)) return;
    const [x, y] = [place.x(arrows.x_mm[i]), place.y(arrows.y_mm[i])];
    const [dx, dy] = [u[i] * unit, -v[i] * unit];
    arrow(context, x - dx / 2, y - dy / 2, dx, dy);
  });
}

function arrow(context, x, y, dx, dy) {
  const length = Math.hypot(dx, dy);
  const head = Math.min(length * 0.4, 10);
  const [ex, ey] = [dx / length, dy / length];
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx - ex * head, y + dy - ey * head);
  context.stroke();
  context.beginPath();
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + dx - ex * head - ey * head * 0.5, y + dy - ey * head + ex * head * 0.5);
  context.lineTo(x + dx - ex * head + ey * head * 0.5, y + dy - ey * head - ex * head * 0.5);
  context.fill();
}

function drawSensors(context, sensors, place) {
  const radius = Math.max(2.5, place.font / 4.5);
  context.lineWidth = 1;
  for (const sensor of sensors) {
    context.beginPath();
    context.arc(place.x(sensor.x_mm), place.y(sensor.y_mm), radius, 0, 2 * Math.PI);
    context.fillStyle = "#ffffffcc";
    context.fill();
    context.strokeStyle = "#000000aa";
    context.stroke();
  }
}
