// The array: picture, legend and table of its heads.
import { drawLegend } from "./array_legend.js";
import { drawArray, pointsToFrame } from "./array_picture.js";
import { followPointer } from "./array_pointer.js";
import { fillRows, markRow } from "./array_table.js";
import { QUANTITIES, painting, told } from "./head_quantities.js";
import { t } from "./i18n.js";
import { element } from "./notices.js";
import { Orbit } from "./orbit.js";
import { onState } from "./state.js";
import { Surface } from "./surface.js";

const TURN = 0.12; // radians a key press
const TURNS = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, -TURN], ArrowDown: [0, TURN] };

export function showArray(panel) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const canvas = part("picture");
  const orbit = new Orbit();
  let heads = [];
  let chosen = null;
  let places = [];
  let framed = "";
  const surface = new Surface(canvas, draw);

  function options() {
    return { references: part("references").checked, body: part("body").checked, chosen };
  }

  function draw() {
    const name = part("quantity").value;
    part("empty").hidden = heads.length > 0;
    for (const name of ["picture", "legend", "chosen", "keys"]) part(name).hidden = heads.length === 0;
    const what = options();
    const shown = heads.filter((head) => what.references || head.kind === "array");
    const key = `${what.references}${heads.map((head) => head.position_m.join()).join(";")}`;
    if (heads.length && key !== framed) {
      orbit.frame(pointsToFrame(heads, what));
      framed = key;
    }
    const paint = painting(name, shown, surface.colours);
    if (heads.length) places = drawArray(surface, orbit, heads, paint, what);
    drawLegend(part("legend"), name, paint, shown, surface.colours);
    const head = heads.find((one) => one.name === chosen);
    part("chosen").textContent = head ? describe(head) : t("Choose a head in the picture or the table to read its values.");
  }

  function choose(name) {
    chosen = name === chosen ? null : name;
    draw();
    markRow(part("rows"), chosen);
  }

  followPointer(canvas, orbit, draw, (x, y) => {
    const hit = places.findLast((place) => Math.hypot(place.x - x, place.y - y) <= place.radius + 4);
    if (hit) choose(hit.head.name);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (TURNS[event.key]) orbit.turn(...TURNS[event.key]);
    else if (event.key === "+" || event.key === "=") orbit.scale(1.15);
    else if (event.key === "-") orbit.scale(1 / 1.15);
    else if (event.key === "0") orbit.reset();
    else return;
    event.preventDefault();
    draw();
  });
  for (const [name, quantity] of Object.entries(QUANTITIES)) {
    part("quantity").append(element("option", { value: name }, quantity.label));
  }
  for (const name of ["quantity", "references", "body"]) part(name).addEventListener("change", draw);
  part("reset").addEventListener("click", () => {
    orbit.reset();
    draw();
  });
  const rows = new Map();
  onState((state) => {
    heads = state.heads;
    fillRows(part("rows"), rows, heads, choose);
    markRow(part("rows"), chosen);
    draw();
  });
}

function describe(head) {
  const parts = [
    `${head.name} (${head.kind === "array" ? t("array") : t("reference")}, ${t("board {uid}, slot {slot}", { uid: head.board, slot: head.slot })})`,
    ...Object.keys(QUANTITIES).map((name) => `${QUANTITIES[name].label}: ${told(name, head)}`),
  ];
  if (head.fault) parts.push(`${t("Fault")}: ${head.fault}`);
  return parts.join(" · ");
}
