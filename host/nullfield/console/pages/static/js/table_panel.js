// The table's controls: which are allowed now, what they send, and what came of it.
import { get, post } from "./api.js";
import { number, t } from "./i18n.js";
import { holdToRun } from "./hold_button.js";
import { pending, showNotice } from "./notices.js";
import { withPrefix } from "./si_prefix.js";
import { currentState, hasControl, onState, userRole } from "./state.js";
import { drawTable } from "./table_drawing.js";
import { faultProblem, isHomed, stateWords } from "./table_words.js";

const JOBS = ["home", "move", "jog"];
const SPEEDS = { speed_max: "speed", acceleration: "acceleration", home_speed: "home-speed", hold_speed: "hold-speed", hold_timeout: "hold-timeout" };

export function showTable(page) {
  const part = (name) => page.querySelector(`[data-part="${name}"]`);
  const at = (path) => `/api/v1/table/${path}`;
  let shownJob = "";

  const say = (problem) => showNotice(part("problem"), problem);
  async function send(path, body, button) {
    await pending(button, async () => {
      say(null);
      try {
        await post(at(path), body);
      } catch (problem) {
        say(problem);
      }
    });
  }

  const hold = holdToRun(
    [{ button: part("hold-out"), direction: -1 }, { button: part("hold-in"), direction: 1 }],
    {
      send: (direction) => post(at("hold"), { direction }, { timeoutMs: 1000 }),
      onHeld: (direction) => {
        if (direction) say(null);
        part("held").textContent = direction ? t("Moving while you hold.") : "";
      },
      onProblem: say,
    },
  );

  // Never disabled and never waiting: a second press sends a second stop.
  part("stop").addEventListener("click", () => post(at("stop"), {}, { timeoutMs: 5000 }).catch(say));
  part("home").addEventListener("click", (event) => send("home", {}, event.currentTarget));
  part("release").addEventListener("click", (event) => send("release", {}, event.currentTarget));
  for (const button of page.querySelectorAll("[data-jog]")) {
    button.addEventListener("click", () => send("jog", { distance_mm: Number(button.dataset.jog) }, button));
  }
  part("to-in").addEventListener("click", (event) =>
    send("move", { position_mm: currentState().table.in_position_mm }, event.currentTarget));
  part("to-out").addEventListener("click", (event) => send("move", { position_mm: 0 }, event.currentTarget));
  part("go").addEventListener("submit", (event) => {
    event.preventDefault();
    const position = readPosition(part, currentState()?.table);
    if (position !== null) send("move", { position_mm: position }, part("go-button"));
  });
  part("clear").addEventListener("click", (event) =>
    pending(event.currentTarget, async () => {
      const board = boardOf(currentState());
      await post(`/api/v1/boards/${encodeURIComponent(board.uid)}/clear-faults`, {}).catch(say);
    }));

  function allow(state) {
    const { table } = state;
    const isFree = hasControl(state) && !["connecting", "lost", "busy", "question"].includes(state.phase) && table.state !== "FAULT";
    for (const control of page.querySelectorAll("[data-needs]")) {
      if (control.getAttribute("aria-busy") === "true" || control.classList.contains("is-held")) continue;
      control.disabled = !isFree || (control.dataset.needs === "home" && !isHomed(table));
    }
    part("why").textContent = whyNot(state, isFree);
    part("why").hidden = isFree && isHomed(table);
  }

  onState((state) => {
    const { table } = state;
    part("empty").hidden = table !== null;
    part("all").hidden = table === null;
    if (!table) {
      hold.stop();
      part("empty").textContent = state.heads.length ? t("This instrument has no table.") : t("The instrument is not connected yet.");
      return;
    }
    drawTable(part("drawing"), table);
    showNumbers(part, table);
    const board = boardOf(state);
    const fault = board?.fault ?? null;
    if (part("fault").dataset.shown !== (fault ?? "")) {
      part("fault").dataset.shown = fault ?? "";
      showNotice(part("fault"), fault ? faultProblem(fault) : null);
    }
    // The recorder and faults are the engineer's; an operator starts the instrument again.
    part("clear").hidden = !fault || userRole() === "operator";
    part("clear").disabled = !hasControl(state);
    allow(state);
    showJob(state.job);
    if (board) askLimits(part, board.uid, table);
  });
  page.addEventListener("settled", () => currentState()?.table && allow(currentState()));

  /** A move that failed after its command was taken tells so in the job. */
  function showJob(job) {
    if (!job || !JOBS.includes(job.name) || !job.error) return;
    const key = `${job.name}${job.error.error}${job.steps.map((step) => step.elapsed_s).join()}`;
    if (key === shownJob) return;
    shownJob = key;
    say(job.error);
  }
}

const boardOf = (state) => state?.boards.find((board) => board.role === "table");

function whyNot(state, isFree) {
  if (!hasControl(state)) return t("Take control to move the table. Stop works for everybody.");
  if (state.table.state === "FAULT") return t("The table moves again when its fault is cleared.");
  if (!isFree) return t("The instrument is working. Wait for it, or stop it.");
  return t("Send the table home before you go to a position.");
}

function showNumbers(part, table) {
  const set = (name, text) => {
    if (part(name).textContent !== text) part(name).textContent = text;
  };
  set("state", stateWords(table));
  set("position", isHomed(table) ? `${number(table.position_mm, 1)} mm` : t("unknown"));
  set("target", `${number(table.target_mm, 1)} mm`);
  set("speed-now", `${number(table.speed_mm_s, 1)} mm/s`);
  const switches = [table.at_home ? t("home switch") : null, table.at_end ? t("end switch") : null].filter(Boolean);
  set("switches", switches.join(", ") || t("none"));
  part("lamp").classList.toggle("is-on", table.is_energised);
  set("lamp", table.is_energised ? t("Motor on: its field is in the room. It must be off to null and record.") : t("Motor off"));
}

function readPosition(part, table) {
  const input = part("go-position");
  const value = Number(input.value.trim().replace(",", ".") || NaN);
  const most = table?.travel_mm ?? 1000;
  const isGood = Number.isFinite(value) && value >= 0 && value <= most;
  part("go-problem").textContent = isGood ? "" : t("Type a position from 0 to {most} mm.", { most: number(most) });
  if (isGood) input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
  return isGood ? value : null;
}

let askedUid = null;

/** Limits come once from the board's own settings, which only engineers may read. */
async function askLimits(part, uid, table) {
  part("limit-travel").textContent = table.travel_mm ? `${number(table.travel_mm)} mm` : t("not told");
  if (askedUid === uid) return;
  askedUid = uid;
  if (userRole() === "operator") {
    for (const row of part("limits").querySelectorAll("[data-setting]")) row.hidden = true;
    return;
  }
  try {
    const settings = await get(`/api/v1/boards/${encodeURIComponent(uid)}/settings`);
    for (const [name, key] of Object.entries(SPEEDS)) {
      const setting = settings.find((one) => one.name === name);
      part(`limit-${key}`).parentElement.hidden = !setting;
      if (setting) part(`limit-${key}`).textContent = `${withPrefix(setting.value, setting.unit)} (${t("at most {value}", { value: withPrefix(setting.maximum, setting.unit) })})`;
    }
  } catch {
    // Shown as unknown; asked again with the next state.
    setTimeout(() => (askedUid = null), 5000);
  }
}
