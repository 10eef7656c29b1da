// Where the table stands: the rail with home, in-position and end marks, the bed on it, the array above.
import { number, t } from "./i18n.js";
import { isHomed } from "./table_words.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const FROM_X = 230;
const TO_X = 850;
const RAIL_Y = 150;

function shape(parent, tag, attributes = {}, text = "") {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

/** Travel in mm, from what is known. */
export const travelMm = (table) =>
  table.travel_mm ?? Math.max(table.in_position_mm * 1.1, table.position_mm ?? 0, table.target_mm ?? 0);

export function drawTable(svg, table) {
  const travel = travelMm(table);
  const x = (mm) => FROM_X + (Math.min(Math.max(mm, 0), travel) / travel) * (TO_X - FROM_X);
  svg.replaceChildren();
  shape(svg, "line", { x1: FROM_X - 200, x2: TO_X + 20, y1: RAIL_Y, y2: RAIL_Y, class: "rail" });
  mark(svg, x(0), t("home"), `0 mm`, "mark");
  mark(svg, x(table.in_position_mm), t("in position"), `${number(table.in_position_mm)} mm`, "mark");
  // Beside a mark that is near, the end's words begin at its line.
  const anchor = x(travel) - x(table.in_position_mm) < 120 ? "start" : "middle";
  if (table.travel_mm) mark(svg, x(travel), t("end"), `${number(travel)} mm`, "tick", anchor);
  const array = shape(svg, "g");
  const arrayX = x(table.in_position_mm);
  shape(array, "rect", { x: arrayX - 50, y: 34, width: 100, height: 34, rx: 6, class: "array" });
  shape(array, "text", { x: arrayX, y: 26, "text-anchor": "middle", class: "muted" }, t("array"));
  const isKnown = isHomed(table) && table.position_mm !== null;
  const at = x(isKnown ? table.position_mm : 0);
  drawBed(svg, at, isKnown);
  if (isKnown && table.state === "MOVING" && table.target_mm !== null) {
    shape(svg, "line", { x1: x(table.target_mm), x2: x(table.target_mm), y1: 74, y2: RAIL_Y, class: "target" });
  }
  const place = isKnown ? t("{mm} mm from home", { mm: number(table.position_mm, 1) }) : t("position unknown");
  shape(svg, "text", { x: at - 85, y: 136, "text-anchor": "middle" }, place);
  svg.setAttribute("aria-label", `${t("Table")}: ${place}`);
}

function mark(svg, x, label, value, kind, anchor = "middle") {
  shape(svg, "line", { x1: x, x2: x, y1: RAIL_Y - 8, y2: RAIL_Y + 10, class: kind });
  shape(svg, "text", { x, y: RAIL_Y + 26, "text-anchor": anchor }, label);
  shape(svg, "text", { x, y: RAIL_Y + 43, "text-anchor": anchor, class: "muted" }, value);
}

/** The bed with somebody on it; the arrow below the chest is the position that is told. */
function drawBed(svg, x, isKnown) {
  const bed = shape(svg, "g", isKnown ? {} : { class: "unknown" });
  shape(bed, "rect", { x: x - 210, y: 116, width: 290, height: 28, rx: 8, class: "bed" });
  shape(bed, "circle", { cx: x + 58, cy: 98, r: 15, class: "bed" });
  shape(bed, "rect", { x: x - 60, y: 84, width: 100, height: 30, rx: 14, class: "bed" });
  shape(bed, "rect", { x: x - 195, y: 94, width: 140, height: 20, rx: 10, class: "bed" });
  shape(bed, "path", { d: `M ${x} ${RAIL_Y - 4} l -7 8 l 14 0 z`, class: "bed" });
}
