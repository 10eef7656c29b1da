// The operator's page, built anew from each state: what to do now on the left, the heart on the right.
import { get, post } from "./api.js";
import { t } from "./i18n.js";
import { addKey } from "./keys.js";
import { HeartView } from "./heart_view.js";
import { element, errorNotice, pending, showNotice } from "./notices.js";
import { showQuestion } from "./question.js";
import { announce } from "./shell.js";
import { currentState, hasControl, onConnection, onState } from "./state.js";
import { showSteps, stepName } from "./steps.js";
import { storedHeart } from "./study_words.js";
import { allowForm, clearForm, useForm } from "./subject_form.js";
import { offerTour } from "./tour.js";

const at = (id) => document.getElementById(id);
const heart = new HeartView();
const DISMISSED = "nullfield-dismissed-exam";
const JOB_TITLES = { exam: t("Examination"), start: t("The instrument warms up"), home: t("The table looks for its home") };
let connected = true;

const isExam = (job) => job?.name === "exam";
const isRunning = (job) => job?.state === "running";
const isDismissed = (job) => sessionStorage.getItem(DISMISSED) === job?.exam_id;

/** Which of the three: the form, the progress, or the end of an examination. */
function viewOf(state) {
  if (isRunning(state.job)) return "progress";
  if (isExam(state.job) && !isDismissed(state.job)) return "ended";
  return "form";
}

/** Why nothing can be started now; empty if it can. */
function reasonAgainst(state) {
  const holder = state.control?.holder;
  if (!connected) return t("There is no connection to the console.");
  if (holder && !hasControl(state)) return t("{name} has control; you are watching.", { name: holder });
  if (state.phase === "connecting") return t("The instrument is being connected.");
  if (state.phase === "lost") return t("A board does not answer; see above.");
  if (state.phase === "fault") return t("Put the fault right, then start the instrument again; see above.");
  return "";
}

function showProgress(state) {
  const { job } = state;
  at("progress-title").textContent = job.exam_id ? `${JOB_TITLES[job.name] ?? job.name} ${job.exam_id}` : (JOB_TITLES[job.name] ?? job.name);
  showSteps(at("steps"), job);
  const running = job.steps.find((step) => step.state === "running");
  const text = running?.name === "record" && job.beats_wanted
    ? t("{n} of {wanted} beats recorded.", { n: job.beats, wanted: job.beats_wanted })
    : running ? t("Now: {step}", { step: stepName(running.name) }) : state.message;
  if (at("progress-text").textContent !== text) at("progress-text").textContent = text;
  at("abort").textContent = isExam(job) ? t("Abort the examination") : t("Abort");
  at("abort").hidden = !hasControl(state);
  at("abort").disabled = !connected;
}

function showEnd(job) {
  const key = `${job.exam_id} ${job.state}`;
  if (at("ended").dataset.shown === key) return;
  at("ended").dataset.shown = key;
  const place = at("ended-message");
  if (job.state === "done") {
    place.replaceChildren(
      element("div", { className: "notice good" },
        element("p", {}, element("strong", {}, t("The examination is done."))),
        element("p", {}, t("{id}: {n} beats. Recording, map and report are saved.", { id: job.exam_id, n: job.beats }))),
    );
  } else {
    const heading = job.state === "aborted" ? t("The examination was aborted.") : t("The examination could not be finished.");
    place.replaceChildren(element("h2", {}, heading));
    if (job.error) place.append(errorNotice(job.error, job.state === "aborted" ? "warn" : "bad"));
    place.append(element("p", {}, t("What was recorded until then is kept.")));
  }
  const study = `/studies/${encodeURIComponent(job.exam_id)}`;
  at("open-report").href = `/api/v1/exams/${encodeURIComponent(job.exam_id)}/files/report.html`;
  at("open-report").hidden = job.state !== "done";
  at("open-study").href = study;
}

/** When outputs are off: a way to start the instrument without an examination, and after a fault. */
function showInstrument(state, view) {
  const isOff = state.phase === "off" || state.phase === "fault";
  at("instrument-off").hidden = view === "progress" || !isOff;
  if (at("instrument-off").hidden) return;
  const text = state.phase === "fault"
    ? t("The outputs are off because of the fault.")
    : t("The instrument is off. An examination warms it up by itself; to have it ready before the subject comes, start it now.");
  if (at("instrument-text").textContent !== text) at("instrument-text").textContent = text;
  const holder = state.control?.holder;
  at("start-instrument").disabled = !connected || Boolean(holder && !hasControl(state));
}

function showFaults(state) {
  const faults = (state.boards ?? []).filter((board) => board.fault);
  const dead = (state.heads ?? []).filter((head) => head.state === "FAULT" || head.fault);
  const key = JSON.stringify([faults.map((b) => [b.uid, b.fault]), dead.length, state.phase, state.message]);
  if (at("faults").dataset.shown === key) return;
  at("faults").dataset.shown = key;
  const notices = faults.map((board) =>
    errorNotice({ error: `${board.name}: ${board.fault}`, hint: board.advice ?? "", code: board.fault }),
  );
  if (state.message && !faults.length) {
    const level = state.phase === "lost" || state.phase === "fault" ? "bad" : "warn";
    notices.push(errorNotice({ error: state.message, hint: state.hint, code: messageCode(state) }, level));
  }
  if (dead.length)
    notices.push(element("div", { className: "notice warn" },
      t("{n} of {all} sensors are out of use. The examination goes on with at least half of them.", { n: dead.length, all: state.heads.length })));
  at("faults").replaceChildren(...notices);
}

const messageCode = (state) => ({ lost: "BoardLostError", fault: "BoardFaultError" })[state.phase] ?? "";

function showHeart(state, view) {
  const { job } = state;
  if (view === "progress" && isExam(job)) {
    const key = `live ${job.exam_id}`;
    const isRecording = job.steps.some((step) => ["record", "map"].includes(step.name) && step.state === "running");
    if (isRecording)
      heart.show(
        { key, live: true, map: (ms) => get(`/api/v1/live/map?time_ms=${ms}`), beat: () => get("/api/v1/live/beat") },
        t("The map appears after the first beats."),
      );
    else heart.show(null, t("The map appears when the recording begins."));
  } else if (view === "ended" && job.state === "done") {
    const id = encodeURIComponent(job.exam_id);
    heart.show(
      storedHeart(`exam ${id}`, `/api/v1/exams/${id}`),
      t("This examination has no map."),
    );
  } else heart.show(null, t("No heart to show yet. Start an examination."));
  heart.draw();
}

function show(state) {
  const view = viewOf(state);
  at("subject-form").hidden = view !== "form";
  at("progress").hidden = view !== "progress";
  at("ended").hidden = view !== "ended";
  showFaults(state);
  showInstrument(state, view);
  if (view === "form") allowForm(reasonAgainst(state));
  if (view === "progress") showProgress(state);
  if (view === "ended") showEnd(state.job);
  showQuestion(isRunning(state.job) ? state.job.question : null, { mayAnswer: connected && hasControl(state), table: state.table });
  showHeart(state, view);
}

async function takeControl() {
  if (!hasControl(currentState())) await post("/api/v1/control/take", { force: false });
}

async function abort() {
  if (at("abort").disabled || at("abort").hidden || at("progress").hidden) return;
  await pending(at("abort"), () => post("/api/v1/exams/current/abort", {}).catch(announce));
}

useForm(takeControl, () => {
  sessionStorage.removeItem(DISMISSED);
  clearForm();
});
at("abort").addEventListener("click", abort);
at("next-subject").addEventListener("click", () => {
  sessionStorage.setItem(DISMISSED, currentState().job.exam_id);
  showNotice(at("form-problem"), null);
  show(currentState());
  at("subject_id").focus();
});
at("start-instrument").addEventListener("click", (event) =>
  pending(event.currentTarget, async () => {
    showNotice(at("instrument-problem"), null);
    try {
      await takeControl();
      await post("/api/v1/instrument/start", {});
    } catch (problem) {
      showNotice(at("instrument-problem"), problem);
    }
  }),
);
addKey("Alt+a", t("Abort the examination"), abort);
addKey("p", t("Play the beat, or pause it"), () => heart.map && at("play").click());
addKey("n", t("Next subject"), () => at("ended").hidden || at("next-subject").click());

onState(show);
onConnection((value) => {
  connected = value;
  if (currentState()) show(currentState());
});
document.addEventListener("settled", () => currentState() && show(currentState()));
offerTour("operator", [
  ["#subject-form, #progress, #ended", t("What to do now"), t("Here you enter the subject and start; then the steps show how far the examination is and how long it takes.")],
  ["#control-strip", t("Who has control"), t("One person at a time steers the instrument. Others can watch. Starting an examination takes the control if it is free.")],
  ["#map", t("The heart's map"), t("Red is field out of the chest, blue into it, in picotesla (pT). You look at the patient from the front.")],
  ["#time", t("Time in the beat"), t("Move the slider, or click into the averaged beat, to see the map at another moment (ms after the R wave).")],
  ["#emergency-stop", t("Emergency stop"), t("Stops the table and switches all outputs off, at once. Esc pressed twice does the same. The red button at the table works even without this console.")],
]);
