// The averaged beat of all channels, one over the other, with landmarks and the time of the map.
import { niceCeiling } from "./colour_map.js";
import { number, t } from "./i18n.js";
import { prepare } from "./map_canvas.js";

const NORMAL_AXIS = /\.z$/;

/** Traces of the axis out of the chest; all of them where channels have other names. */
export function shownTraces(beat) {
  const entries = Object.entries(beat.traces_pt);
  const normal = entries.filter(([name]) => NORMAL_AXIS.test(name));
  return normal.length ? normal : entries;
}

/** Where a beat lies on its canvas. */
function placing(beat, width, height, font, limit) {
  const room = { left: font * 3.4, right: font * 0.8, top: font * 2.2, bottom: font * 2.6 };
  const [first, last] = [beat.time_ms[0], beat.time_ms.at(-1)];
  const inner = { width: width - room.left - room.right, height: height - room.top - room.bottom };
  return {
    ...room, inner, first, last,
    x: (ms) => room.left + ((ms - first) / (last - first)) * inner.width,
    y: (pt) => room.top + ((limit - pt) / (2 * limit)) * inner.height,
  };
}

/** Draw a beat, or the text that there is none; returns the time under a position of the pointer. */
export function drawBeat(canvas, beat, timeMs, empty) {
  const { context, width, height } = prepare(canvas);
  const style = getComputedStyle(canvas);
  const ink = (name) => style.getPropertyValue(name);
  const font = Math.max(11, Math.min(20, width / 38));
  context.font = `${font}px ${style.fontFamily}`;
  if (!beat) {
    context.fillStyle = ink("--muted");
    context.textAlign = "center";
    context.font = `${font * 1.3}px ${style.fontFamily}`;
    context.fillText(empty, width / 2, height / 2, width * 0.9);
    canvas.setAttribute("aria-label", empty);
    return () => null;
  }
  const traces = shownTraces(beat);
  let peak = 0.1;
  for (const [, values] of traces) for (const value of values) peak = Math.max(peak, Math.abs(value ?? 0));
  const limit = niceCeiling(peak);
  const place = placing(beat, width, height, font, limit);
  drawFrame(context, place, limit, font, ink);
  context.strokeStyle = ink("--accent");
  context.globalAlpha = 0.55;
  context.lineWidth = 1;
  for (const [, values] of traces) {
    context.beginPath();
    values.forEach((value, i) => context.lineTo(place.x(beat.time_ms[i]), place.y(value ?? 0)));
    context.stroke();
  }
  context.globalAlpha = 1;
  drawMarks(context, beat, place, font, ink);
  drawCursor(context, timeMs, place, ink);
  const label = t("Averaged beat of {n} channels, {beats} beats, largest field {peak} pT.", {
    n: traces.length, beats: beat.count, peak: number(peak, 1),
  });
  if (canvas.getAttribute("aria-label") !== label) canvas.setAttribute("aria-label", label);
  return (pixel) => Math.max(place.first, Math.min(place.last, place.first + ((pixel - place.left) / place.inner.width) * (place.last - place.first)));
}

function drawFrame(context, place, limit, font, ink) {
  context.fillStyle = ink("--muted");
  context.strokeStyle = ink("--line");
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const share of [-1, -0.5, 0, 0.5, 1]) {
    const y = place.y(share * limit);
    context.beginPath();
    context.moveTo(place.left, y);
    context.lineTo(place.left + place.inner.width, y);
    context.stroke();
    context.fillText(number(share * limit, limit < 4 ? 1 : 0), place.left - 6, y);
  }
  context.textAlign = "left";
  context.fillText("pT", 4, font * 1.1);
  context.textAlign = "center";
  context.textBaseline = "top";
  const bottom = place.top + place.inner.height + 5;
  for (let ms = Math.ceil(place.first / 100) * 100; ms <= place.last; ms += 100) context.fillText(number(ms), place.x(ms), bottom);
  context.textAlign = "right";
  context.fillText(t("ms after the R wave"), place.left + place.inner.width, bottom + font * 1.15);
}

function drawMarks(context, beat, place, font, ink) {
  context.fillStyle = ink("--text");
  context.textAlign = "center";
  context.textBaseline = "top";
  let rightmost = -Infinity;
  for (const [name, ms] of Object.entries(beat.landmarks_ms ?? {}).sort((a, b) => a[1] - b[1])) {
    // Peaks only: onsets and offsets are in the report, here they would run into one another.
    if (ms === null || name.includes("_") || place.x(ms) - rightmost < font) continue;
    rightmost = place.x(ms);
    context.fillText(name, rightmost, 2);
  }
}

function drawCursor(context, timeMs, place, ink) {
  const x = place.x(Math.max(place.first, Math.min(place.last, timeMs)));
  context.strokeStyle = ink("--warn");
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x, place.top);
  context.lineTo(x, place.top + place.inner.height);
  context.stroke();
}
