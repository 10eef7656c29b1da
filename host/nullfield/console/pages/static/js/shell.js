// What every page has: state of the instrument, control, emergency stop, language, colours, keys.
import { post, toLogin } from "./api.js";
import { t } from "./i18n.js";
import { addKey, showKeys } from "./keys.js";
import { element, errorNotice, pending } from "./notices.js";
import { hasControl, onConnection, onState, userName, userRole } from "./state.js";
import "./tips.js";

const at = (id) => document.getElementById(id);
const banner = at("banner");
const ONE_YEAR_S = 31536000;

const PHASES = {
  connecting: ["…", t("Connecting"), ""],
  off: ["○", t("Off"), ""],
  busy: ["◐", t("Working"), ""],
  standby: ["●", t("Ready"), "good"],
  question: ["?", t("Waiting for an answer"), "warn"],
  fault: ["▲", t("Fault"), "bad"],
  lost: ["■", t("Board lost"), "bad"],
};

function showPhase(state) {
  const [sign, text, level] = PHASES[state.phase] ?? ["?", state.phase, "warn"];
  const label = `${sign} ${text}`;
  // A live region speaks on every change of its text: only change it when it is another one.
  if (at("phase-chip").textContent !== label) at("phase-chip").textContent = label;
  at("phase-chip").className = `chip ${level}`;
  at("virtual-chip").hidden = !state.is_virtual;
}

function showControl(state) {
  const holder = state.control?.holder;
  const mine = hasControl(state);
  const asking = state.control?.asking;
  const text = mine
    ? asking
      ? t("You have control. {name} asks for it.", { name: asking })
      : t("You have control.")
    : holder
      ? t("{name} has control. You can watch; to act, ask for the control.", { name: holder })
      : t("Nobody has control. Take it to start an examination.");
  at("control-text").textContent = text;
  const mayForce = userRole() !== "operator";
  at("take-control").hidden = mine || Boolean(holder && !mayForce);
  at("take-control").textContent = holder ? t("Take control from {name}", { name: holder }) : t("Take control");
  at("take-control").dataset.force = holder ? "yes" : "";
  at("release-control").hidden = !mine;
  at("ask-control").hidden = mine || !holder;
  at("ask-control").disabled = asking === userName();
  at("ask-control").textContent = asking === userName()
    ? t("{name} has been asked", { name: holder ?? "" })
    : t("Ask {name} for the control", { name: holder ?? "" });
  const viewers = Math.max(0, state.viewers ?? 0);
  at("viewers").textContent = viewers === 1 ? t("1 screen connected") : t("{n} screens connected", { n: viewers });
}

onState((state) => {
  showPhase(state);
  showControl(state);
});

onConnection((connected) => {
  document.body.classList.toggle("is-cut", !connected);
  if (connected) {
    if (banner.dataset.why === "connection") banner.hidden = true;
    return;
  }
  show("connection", [
    element("span", {}, t("The connection to the console is lost. What you see is old; the examination may go on without this screen.")),
    element("br"),
    element("span", {}, t("Check the network cable. This page connects again by itself. If the patient needs help, use the red button at the table.")),
  ]);
});

function show(why, children) {
  banner.dataset.why = why;
  banner.classList.add("bad");
  banner.replaceChildren(...children);
  banner.hidden = false;
}

/** Show an error that belongs to no place of the page. */
export function announce(problem) {
  const close = element("button", { type: "button" }, t("Close"));
  close.addEventListener("click", () => (banner.hidden = true));
  show("error", [errorNotice(problem), close]);
}

export async function emergencyStop() {
  try {
    await post("/api/v1/emergency-stop", {}, { timeoutMs: 5000 });
  } catch (problem) {
    announce(problem);
  }
}

// Never disabled, never waiting: a second press sends a second stop.
at("emergency-stop").addEventListener("click", emergencyStop);
at("take-control").addEventListener("click", (event) =>
  pending(event.currentTarget, () =>
    post("/api/v1/control/take", { force: event.target.dataset.force === "yes" }).catch(announce),
  ),
);
at("release-control").addEventListener("click", (event) =>
  pending(event.currentTarget, () => post("/api/v1/control/release", {}).catch(announce)),
);
at("ask-control").addEventListener("click", () => post("/api/v1/control/ask", {}).catch(announce));
at("log-out").addEventListener("click", async () => {
  try {
    await post("/api/v1/logout", {});
  } finally {
    toLogin();
  }
});

for (const [id, cookie] of [["language", "nullfield_lang"], ["theme", "nullfield_theme"]]) {
  at(id).addEventListener("change", (event) => {
    document.cookie = `${cookie}=${event.target.value}; path=/; max-age=${ONE_YEAR_S}; SameSite=Strict`;
    if (id === "theme") document.documentElement.dataset.theme = event.target.value;
    else location.reload();
  });
}

// A menu closes when the focus or a click goes elsewhere.
const menu = document.querySelector(".menu");
document.addEventListener("click", (event) => menu.contains(event.target) || menu.removeAttribute("open"));
menu.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.removeAttribute("open");
});

at("show-keys").addEventListener("click", showKeys);
addKey("Escape Escape", t("Emergency stop"), emergencyStop);
addKey("?", t("Show this list"), showKeys);
