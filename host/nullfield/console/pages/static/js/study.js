// One study: who, when, its map, files, what happened to it; analyse again, delete.
import { SLOW, get, post, remove } from "./api.js";
import { HeartView } from "./heart_view.js";
import { dateTime, number, t } from "./i18n.js";
import { openDialog } from "./keys.js";
import { element, pending, showNotice } from "./notices.js";
import { userRole } from "./state.js";
import { FIGURES, LEVELS, SEXES, stateText, storedHeart, studyPath } from "./study_words.js";

const at = (id) => document.getElementById(id);
const id = at("title").dataset.exam;
const path = studyPath(id);
const heart = new HeartView();

function about(exam) {
  const known = (value) => value ?? "–";
  const rows = [
    [t("Subject"), exam.subject_id], [t("Name"), known(exam.name)], [t("Sex"), SEXES[exam.sex] ?? exam.sex],
    [t("Year of birth"), known(exam.year_of_birth)], [t("Begun"), dateTime(exam.begun_at)], [t("Ended"), dateTime(exam.ended_at)],
    [t("By"), known(exam.begun_by)], [t("Instrument"), known(exam.rig)], [t("Notes"), exam.notes || "–"],
    ...FIGURES.filter(([key]) => exam.summary?.[key] !== undefined && exam.summary[key] !== null)
      .map(([key, name, decimals]) => [name, number(exam.summary[key], decimals)]),
  ];
  at("about").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, String(value))]));
}

function stateNotice(exam) {
  const hints = {
    running: t("This examination is running; its figures appear when it ends."),
    failed: t("It was not finished. What was recorded is kept; 'Analyse again' makes a map of it if there are enough beats."),
    interrupted: t("Power or program ended in the middle. The recording up to then was found; 'Analyse again' makes map and report of it."),
    deleted: t("Its files are removed; only this line is kept, so that it can be seen that it was deleted."),
  };
  const box = element("div", { className: `notice ${LEVELS[exam.state] ?? ""}` }, element("p", {}, element("strong", {}, stateText(exam.state))));
  if (exam.reason) box.append(element("p", {}, exam.reason));
  if (exam.problem) box.append(element("p", {}, exam.problem));
  if (hints[exam.state]) box.append(element("p", {}, hints[exam.state]));
  at("state-notice").replaceChildren(box);
}

function files(exam, hasRecording) {
  const has = exam.state === "done" || (exam.state === "interrupted" && exam.summary);
  at("files").hidden = exam.state === "deleted" || exam.state === "running";
  at("reanalyse").disabled = !hasRecording;
  at("delete").hidden = userRole() === "operator"; // the server refuses it as well
  at("report").href = `${path}/files/report.html`;
  at("report").hidden = !has;
  for (const link of document.querySelectorAll("[data-export]")) {
    link.href = `${path}/export/${link.dataset.export}`;
    link.hidden = !has;
  }
}

function showHistory(events) {
  at("history-panel").hidden = !events?.length;
  at("history").replaceChildren(
    ...(events ?? []).map((event) =>
      element("tr", {}, ...[dateTime(event.at), event.what, event.by, event.detail].map((text) => element("td", {}, text ?? "")))),
  );
}

function show(exam, events, hasRecording) {
  at("study").hidden = false;
  about(exam);
  stateNotice(exam);
  files(exam, hasRecording);
  showHistory(events);
  const source = hasRecording && ["done", "interrupted", "failed"].includes(exam.state)
    ? storedHeart(`exam ${id} ${exam.ended_at}`, path)
    : null;
  heart.show(source, t("This examination has no map."));
  heart.draw();
}

async function load() {
  try {
    const { exam, events, has_recording: hasRecording } = await get(path);
    show(exam, events, hasRecording);
    showNotice(at("problem"), null);
  } catch (problem) {
    showNotice(at("problem"), problem);
  }
}

function askDelete() {
  const problem = element("div", { role: "alert" });
  const sure = element("button", { type: "button", className: "danger big" }, t("Delete {id} for good", { id }));
  const dialog = openDialog(
    t("Delete this study?"),
    element("p", {}, t("Recording, map and report are removed and cannot be brought back. The deletion is written to the audit trail with your name.")),
    problem,
    sure,
  );
  sure.addEventListener("click", () =>
    pending(sure, async () => {
      try {
        await remove(path);
        dialog.close();
        await load();
      } catch (error) {
        showNotice(problem, error);
      }
    }),
  );
}

at("delete").addEventListener("click", askDelete);
at("reanalyse").addEventListener("click", (event) =>
  pending(event.currentTarget, async () => {
    try {
      await post(`${path}/reanalyse`, {}, SLOW);
      await load();
    } catch (problem) {
      showNotice(at("problem"), problem);
    }
  }),
);
load();
