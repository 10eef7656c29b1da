// Frame, ticks, sides of the patient and colour bar of a map.
import { colour, niceCeiling } from "./colour_map.js";
import { number, t } from "./i18n.js";

export function drawAxes(context, map, place, ink) {
  context.strokeStyle = ink.muted;
  context.fillStyle = ink.muted;
  context.lineWidth = 1;
  context.strokeRect(place.left, place.top, place.width, place.height);
  const bottom = place.top + place.height;
  const step = niceCeiling((map.x_mm.at(-1) - map.x_mm[0]) / 6);
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const mm of ticks(map.x_mm, step)) {
    context.fillRect(place.x(mm), bottom, 1, 4);
    context.fillText(number(mm), place.x(mm), bottom + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const mm of ticks(map.y_mm, step)) {
    context.fillRect(place.left - 4, place.y(mm), 4, 1);
    context.fillText(number(mm), place.left - 7, place.y(mm));
  }
  context.fillStyle = ink.text;
  context.textBaseline = "alphabetic";
  const below = bottom + place.font * 3;
  const [right, left, unit] = [`◂ ${t("patient's right")}`, `${t("patient's left")} ▸`, "x, y (mm)"];
  const needed = [right, left, unit].map((text) => context.measureText(text).width);
  context.textAlign = "left";
  context.fillText(right, place.left, below);
  context.textAlign = "right";
  context.fillText(left, place.left + place.width, below);
  context.textAlign = "center";
  // Where the three do not stand beside one another, the unit goes a line lower.
  const isRoomy = place.width / 2 - Math.max(needed[0], needed[1]) > needed[2] / 2 + place.font;
  context.fillText(unit, place.left + place.width / 2, isRoomy ? below : below + place.font * 1.3);
  context.fillText(`▴ ${t("head")}`, place.left + place.width / 2, place.top - place.font * 0.45);
}

function ticks(values, step) {
  const found = [];
  for (let mm = Math.ceil(values[0] / step) * step; mm <= values.at(-1) + 1e-9; mm += step) found.push(mm);
  return found;
}

export function drawBar(context, limit, place, ink) {
  const left = place.left + place.width + place.font;
  const width = place.font;
  for (let line = 0; line < place.height; line += 1) {
    context.fillStyle = colour(1 - (2 * line) / place.height);
    context.fillRect(left, place.top + line, width, 1.5);
  }
  context.strokeStyle = ink.muted;
  context.strokeRect(left, place.top, width, place.height);
  context.fillStyle = ink.text;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const share of [-1, -0.5, 0, 0.5, 1]) {
    const decimals = limit >= 4 && Number.isInteger(limit * 0.5) ? 0 : limit >= 1 ? 1 : 2;
    context.fillText(number(share * limit, decimals), left + width + 5, place.top + ((1 - share) / 2) * place.height);
  }
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillText("Bz (pT)", left - place.font * 0.2, place.top - place.font * 0.9);
}
