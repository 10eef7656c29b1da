// Settings from the boards' own description: name, unit, limits, default; checked here before the board checks again.
import { get, post, put } from "./api.js";
import { t } from "./i18n.js";
import { element, errorNotice, pending, showNotice } from "./notices.js";
import { fillBoards } from "./recorder_panel.js";
import { readValue, shortNumber } from "./setting_rules.js";
import { unitText } from "./si_prefix.js";
import { currentState, hasControl, onState } from "./state.js";

export function showSettings(panel) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const select = part("board");
  let rows = [];
  let asked = 0;

  async function load() {
    asked += 1;
    const mine = asked;
    rows = [];
    part("rows").replaceChildren();
    showNotice(part("problem"), null);
    part("table").hidden = true;
    part("text").textContent = select.value ? t("Reading the settings …") : t("Choose a board to see and change its settings.");
    allow();
    if (!select.value) return;
    try {
      const settings = await get(`/api/v1/boards/${encodeURIComponent(select.value)}/settings`);
      if (mine !== asked) return;
      rows = settings.map((setting) => addRow(part("rows"), select.value, setting));
      part("table").hidden = settings.length === 0;
      part("text").textContent = settings.length ? "" : t("This board has no settings.");
    } catch (problem) {
      if (mine !== asked) return;
      part("text").textContent = "";
      showNotice(part("problem"), problem);
    }
    allow();
  }

  /** Only who has control may write; everybody may read and see why not. */
  function allow() {
    const isMine = hasControl(currentState());
    part("locked").hidden = isMine || !rows.length;
    part("save").disabled = !isMine || !rows.some((row) => row.isPersistent);
    for (const row of rows) row.allow(isMine);
  }

  select.addEventListener("change", load);
  part("save").addEventListener("click", ({ currentTarget }) =>
    pending(currentTarget, async () => {
      part("saved").textContent = "";
      try {
        await post(`/api/v1/boards/${encodeURIComponent(select.value)}/settings/save`, {});
        part("saved").textContent = t("Kept. The board has these settings after a restart too.");
        showNotice(part("problem"), null);
      } catch (problem) {
        showNotice(part("problem"), problem);
      }
    }),
  );
  panel.addEventListener("settled", allow);

  let offered = null;
  onState((state) => {
    const key = state.boards.map((board) => `${board.uid}${board.name}`).join();
    if (key !== offered) {
      offered = key;
      const before = select.value;
      fillBoards(select, state.boards);
      if (select.value !== before) load();
    }
    allow();
  });
  load();
}

function addRow(body, uid, described) {
  let setting = described;
  const id = `setting-${described.name}`;
  const input = described.is_boolean
    ? element("input", { type: "checkbox", id })
    : element("input", { type: "text", inputMode: "decimal", id, autocomplete: "off", spellcheck: false });
  input.setAttribute("aria-label", described.unit ? `${described.name}, ${described.unit}` : described.name);
  const message = element("div", { className: "small", id: `${id}-message`, role: "status" });
  input.setAttribute("aria-describedby", message.id);
  const write = element("button", { type: "button" }, t("Write"));
  const reset = element("button", { type: "button" }, t("Default"));
  write.setAttribute("aria-label", t("Write {name}", { name: described.name }));
  reset.setAttribute("aria-label", t("Put the default of {name} into the field", { name: described.name }));
  let isMine = false;

  const typed = () => (described.is_boolean ? String(Number(input.checked)) : input.value);
  function fill(value) {
    if (described.is_boolean) input.checked = value !== 0;
    else input.value = shortNumber(value);
  }
  function say(text, isBad = false) {
    message.textContent = isBad ? `▲ ${text}` : text;
    message.className = `small ${isBad ? "bad" : "muted"}`;
    if (isBad) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  function judge() {
    const read = readValue(setting, typed());
    if (read.problem) say(wordsFor(read.problem, setting), true);
    else say(isChanged(read.value) ? t("changed, not written yet") : "");
    if (write.getAttribute("aria-busy") !== "true") write.disabled = !isMine || setting.is_read_only || Boolean(read.problem) || !isChanged(read.value);
    return read;
  }
  const isChanged = (value) => shortNumber(value) !== shortNumber(setting.value);

  input.addEventListener("input", judge);
  input.addEventListener("keydown", (event) => event.key === "Enter" && !write.disabled && write.click());
  reset.addEventListener("click", () => {
    fill(setting.default);
    judge();
    input.focus();
  });
  write.addEventListener("click", () =>
    pending(write, async () => {
      const read = judge();
      if (read.problem) return;
      try {
        setting = await put(`/api/v1/boards/${encodeURIComponent(uid)}/settings/${encodeURIComponent(setting.name)}`, { value: read.value });
        fill(setting.value);
        say(setting.is_persistent ? t("Written. It holds until the next restart unless it is kept.") : t("Written. It holds until the next restart."));
      } catch (problem) {
        say("", true);
        message.replaceChildren(errorNotice(problem));
      }
    }),
  );

  fill(setting.value);
  const flags = [
    described.is_read_only ? t("read only") : null,
    described.is_persistent ? t("can be kept") : t("until restart"),
  ].filter(Boolean);
  const limits = described.is_boolean ? t("on or off") : `${shortNumber(described.minimum)} … ${shortNumber(described.maximum)}`;
  const standard = described.is_boolean ? (described.default ? t("on") : t("off")) : shortNumber(described.default);
  body.append(
    element("tr", { "data-setting": described.name },
      element("th", { scope: "row" }, element("code", {}, described.name)),
      element("td", { className: "setting-value" }, input, message),
      element("td", {}, unitText(described.unit) || "–"),
      element("td", { className: "number" }, limits),
      element("td", { className: "number" }, standard),
      element("td", { className: "small muted" }, flags.join(", ")),
      element("td", {}, element("div", { className: "row nowrap" }, write, reset))),
  );
  return {
    isPersistent: described.is_persistent,
    allow(mine) {
      isMine = mine;
      input.disabled = !mine || setting.is_read_only;
      reset.disabled = !mine || setting.is_read_only;
      const read = readValue(setting, typed());
      if (write.getAttribute("aria-busy") !== "true") write.disabled = !mine || setting.is_read_only || Boolean(read.problem) || !isChanged(read.value);
    },
  };
}

function wordsFor(problem, { minimum, maximum, unit }) {
  const low = `${shortNumber(minimum)} ${unit}`.trim();
  const high = `${shortNumber(maximum)} ${unit}`.trim();
  if (problem === "low") return t("Too small: the board takes {low} to {high}.", { low, high });
  if (problem === "high") return t("Too large: the board takes {low} to {high}.", { low, high });
  if (problem === "empty") return t("Type a number.");
  return t("This is no number. The board takes {low} to {high}.", { low, high });
}
