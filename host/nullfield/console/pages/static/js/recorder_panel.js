// Flight recorder: what a board saw around its fault, one lane a signal, time zero at the fault.
import { get } from "./api.js";
import { number, t } from "./i18n.js";
import { element, showNotice } from "./notices.js";
import { onState } from "./state.js";
import { withPrefix } from "./si_prefix.js";
import { Surface } from "./surface.js";

const LEFT = 150;
const RIGHT = 16;
const BOTTOM = 28;

export function showRecorderPanel(panel) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const select = part("board");
  let trace = null;
  let asked = 0;
  const surface = new Surface(part("picture"), draw);

  function draw() {
    part("picture").hidden = trace === null;
    if (trace === null) return;
    surface.fit();
    drawRecorder(surface, trace);
  }

  async function read() {
    const uid = select.value;
    trace = null;
    showNotice(part("problem"), null);
    part("text").textContent = uid ? t("Reading the recorder of the board …") : t("Choose a board.");
    draw();
    if (!uid) return;
    asked += 1;
    const mine = asked;
    try {
      const answer = await get(`/api/v1/boards/${encodeURIComponent(uid)}/recorder`, { timeoutMs: 30000 });
      if (mine !== asked) return;
      trace = answer;
      part("text").textContent = answer === null ? t("This board has recorded no fault since it was armed.") : describe(answer);
    } catch (problem) {
      if (mine !== asked) return;
      part("text").textContent = "";
      showNotice(part("problem"), problem);
    }
    draw();
  }

  select.addEventListener("change", read);
  part("read").addEventListener("click", read);
  let offered = null;
  onState(({ boards }) => {
    const key = boards.map((board) => `${board.uid}${board.name}`).join();
    if (key === offered) return;
    offered = key;
    fillBoards(select, boards);
  });
  return (uid) => {
    select.value = uid;
    panel.scrollIntoView({ block: "nearest" });
    part("read").focus({ preventScroll: true });
    return read();
  };
}

/** Offer the boards in a select, keeping what was chosen. */
export function fillBoards(select, boards) {
  const before = select.value;
  select.replaceChildren(
    element("option", { value: "" }, t("choose a board")),
    ...boards.map((board) => element("option", { value: board.uid }, `${board.name || board.role} · ${board.uid}`)),
  );
  select.value = boards.some((board) => board.uid === before) ? before : "";
}

const extremesOf = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);

function describe(trace) {
  const [from, to] = [trace.time_s[0], trace.time_s.at(-1)];
  const signals = trace.signals.map((signal) => {
    const [low, high] = extremesOf(signal.values);
    return t("{name} from {low} to {high}", { name: signal.name, low: withPrefix(low, signal.unit), high: withPrefix(high, signal.unit) });
  });
  const missed = trace.missed_blocks ? ` ${t("The board missed {n} blocks meanwhile: the time axis is too short by them.", { n: trace.missed_blocks })}` : "";
  return `${t("From {from} s to {to} s around the fault:", { from: number(from, 2), to: number(to, 2) })} ${signals.join("; ")}.${missed}`;
}

function drawRecorder(surface, { time_s: time, signals }) {
  const context = surface.begin();
  const { width, height, colours } = surface;
  const [from, to] = [time[0], time.at(-1)];
  const plotWidth = width - LEFT - RIGHT;
  const laneHeight = (height - BOTTOM) / signals.length;
  const x = (seconds) => LEFT + ((seconds - from) / (to - from || 1)) * plotWidth;
  context.fillStyle = colours["map-bg"];
  context.fillRect(LEFT, 0, plotWidth, height - BOTTOM);
  context.font = surface.font(12);
  signals.forEach((signal, lane) => {
    const [low, high] = extremesOf(signal.values);
    const top = lane * laneHeight + 8;
    const reach = laneHeight - 16;
    const y = (value) => (high > low ? top + reach - ((value - low) / (high - low)) * reach : top + reach / 2);
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = colours.text;
    context.fillText(signal.name, 0, top + reach / 2 - 9, LEFT - 8);
    context.fillStyle = colours.muted;
    context.fillText(`${withPrefix(low, signal.unit)} … ${withPrefix(high, signal.unit)}`, 0, top + reach / 2 + 9, LEFT - 8);
    context.strokeStyle = colours.line;
    context.strokeRect(LEFT, lane * laneHeight, plotWidth, laneHeight);
    context.strokeStyle = colours.accent;
    context.lineWidth = 1.5;
    context.beginPath();
    signal.values.forEach((value, i) => (i ? context.lineTo(x(time[i]), y(value)) : context.moveTo(x(time[i]), y(value))));
    context.stroke();
    context.lineWidth = 1;
  });
  if (from <= 0 && to >= 0) {
    context.strokeStyle = colours.bad;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(x(0), 0);
    context.lineTo(x(0), height - BOTTOM);
    context.stroke();
    context.setLineDash([]);
  }
  context.textBaseline = "top";
  for (const [seconds, align] of [[from, "left"], [0, "center"], [to, "right"]]) {
    context.textAlign = align;
    context.fillStyle = seconds === 0 ? colours.bad : colours.muted;
    // The end's number gives way to the fault's when they stand together.
    if (seconds === 0 || Math.abs(x(seconds) - x(0)) > 90) context.fillText(seconds === 0 ? t("fault") : `${number(seconds, 2)} s`, x(seconds), height - BOTTOM + 8);
  }
}
