// Two studies side by side: maps at the same time and scale, figures in one table.
import { SLOW, get } from "./api.js";
import { dateTime, number, t } from "./i18n.js";
import { drawMap, extremes, limitOf } from "./map_canvas.js";
import { element, showNotice } from "./notices.js";
import { FIGURES, studyPath } from "./study_words.js";

const at = (id) => document.getElementById(id);
const chosen = new URLSearchParams(location.search);
const ids = ["a", "b"].map((side) => chosen.get(side) ?? "");
let maps = [null, null];
let isAsking = false;
let isStale = false;

function draw() {
  const limits = maps.filter(Boolean).map((map) => limitOf(extremes(map)));
  const limitPt = limits.length ? Math.max(...limits) : undefined;
  ["a", "b"].forEach((side, i) => drawMap(at(`map-${side}`), maps[i], { limitPt, caption: ids[i], empty: t("This examination has no map.") }));
}

async function ask() {
  if (isAsking) {
    isStale = true;
    return;
  }
  isAsking = true;
  isStale = false;
  const timeMs = at("time").value;
  try {
    maps = await Promise.all(ids.map((id) => get(`${studyPath(id)}/map?time_ms=${timeMs}`, SLOW)));
    const spans = maps.filter((map) => map?.times_ms).map((map) => map.times_ms);
    if (spans.length) {
      at("time").min = Math.ceil(Math.max(...spans.map((span) => span[0])));
      at("time").max = Math.floor(Math.min(...spans.map((span) => span[1])));
    }
    draw();
  } catch (problem) {
    showNotice(at("problem"), problem);
  }
  isAsking = false;
  if (isStale) ask();
}

function figures(exams) {
  const head = [t("Figure"), ...ids, t("Difference")];
  at("values-head").replaceChildren(element("tr", {}, ...head.map((text, i) => element("th", { scope: "col", className: i ? "number" : "" }, text))));
  const rows = FIGURES.filter(([key]) => exams.some((exam) => Number.isFinite(exam.summary?.[key])));
  at("values").replaceChildren(
    ...rows.map(([key, name, decimals]) => {
      const [a, b] = exams.map((exam) => exam.summary?.[key]);
      const difference = Number.isFinite(a) && Number.isFinite(b) ? b - a : null;
      const cells = [a, b, difference].map((value) => element("td", { className: "number" }, number(value, decimals)));
      return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
    }),
  );
  at("values-panel").hidden = rows.length === 0;
}

async function load() {
  if (ids.some((id) => !id)) {
    showNotice(at("problem"), { error: t("Choose two studies in the list first.") }, "warn");
    return;
  }
  try {
    const exams = await Promise.all(ids.map(async (id) => (await get(studyPath(id))).exam));
    ["a", "b"].forEach((side, i) => {
      at(`title-${side}`).textContent = ids[i];
      at(`about-${side}`).textContent = `${exams[i].subject_id} · ${dateTime(exams[i].begun_at)}`;
    });
    figures(exams);
    const pair = new URLSearchParams({ first: ids[0], second: ids[1] });
    for (const form of ["html", "pdf"]) {
      at(`report-${form}`).href = `/api/v1/exams/compare?${pair}&form=${form}`;
      at(`report-${form}`).hidden = false;
    }
    await ask();
  } catch (problem) {
    showNotice(at("problem"), problem);
  }
}

at("time").addEventListener("input", () => {
  at("time-text").value = `${number(Number(at("time").value))} ms`;
  ask();
});
new ResizeObserver(draw).observe(document.querySelector(".pair-of-maps"));
load();
