// The steps of a long work: sign, name, bar, time left. Elements stay; only what changed is written.
import { duration, t } from "./i18n.js";
import { element } from "./notices.js";

const NAMES = {
  ready: t("Ready check"), table: t("Table in"), adjust: t("Position"), null: t("Cancel the room's field"),
  record: t("Record"), map: t("Map and report"), connect: t("Connect"), home: t("Find the table's home"), start: t("Warm up"),
};
const TIPS = {
  ready: t("Sensors warm up to 150 °C and lock; at most 4 min from cold."),
  table: t("The table moves the patient in, slowly (mm/s); then its motor is switched off."),
  adjust: t("A few beats show where the heart is; you are asked before the table moves (mm)."),
  null: t("Coils bring the room's field at the sensors down from some 10 nT to below 1 nT."),
  record: t("Beats are counted and averaged until there are enough; the map is in pT."),
  map: t("The whole recording is analysed and the report is written."),
};
const SIGNS = { waiting: "○", running: "▶", done: "✓", failed: "✕", skipped: "–" };
const STATES = {
  waiting: t("waiting"), running: t("running"), done: t("done"), failed: t("failed"), skipped: t("not needed"),
};

function makeRow(step) {
  const row = element(
    "li", {},
    element("span", { className: "sign", "aria-hidden": "true" }),
    element("span", { className: "label" }, NAMES[step.name] ?? step.name, element("span", { className: "visually-hidden state" })),
    element("span", { className: "left number" }),
    element("progress", { max: 1, value: 0, "aria-label": NAMES[step.name] ?? step.name }),
    element("span", { className: "detail" }),
  );
  if (TIPS[step.name]) row.dataset.tip = TIPS[step.name];
  row.dataset.name = step.name;
  return row;
}

const write = (node, text) => node.textContent !== text && (node.textContent = text);

function timeText(step, isAsking) {
  if (step.state === "running" && isAsking) return t("Waiting for an answer");
  if (step.state === "running" && step.left_s !== null) return t("{time} left", { time: duration(step.left_s) });
  if (step.state === "running" || step.state === "done") return duration(step.elapsed_s);
  return "";
}

/** Show a job's steps in a list; a question makes the running step wait for a person. */
export function showSteps(list, { steps, question }) {
  const have = [...list.children].map((row) => row.dataset.name).join();
  if (have !== steps.map((step) => step.name).join()) list.replaceChildren(...steps.map(makeRow));
  steps.forEach((step, i) => {
    const row = list.children[i];
    row.dataset.state = step.state;
    if (step.state === "running") row.setAttribute("aria-current", "step");
    else row.removeAttribute("aria-current");
    write(row.querySelector(".sign"), SIGNS[step.state] ?? "?");
    write(row.querySelector(".state"), `: ${STATES[step.state] ?? step.state}`);
    write(row.querySelector(".left"), timeText(step, question !== null));
    write(row.querySelector(".detail"), step.state === "running" || step.state === "failed" ? step.detail : "");
    row.querySelector("progress").hidden = step.state !== "running";
    row.querySelector("progress").value = step.fraction;
  });
}

export const stepName = (name) => NAMES[name] ?? name;
