// Keyboard shortcuts of a page, and the dialog that lists them.
import { t } from "./i18n.js";
import { element } from "./notices.js";

const TWICE_MS = 700;
const keys = new Map();
let escapedAt = -Infinity;

/** Give a key a meaning: a single character, "Escape Escape", or "Alt+x". */
export function addKey(key, meaning, action) {
  keys.set(key, { meaning, action });
}

const isTyping = (target) => target.closest?.("input:not([type=range]):not([type=checkbox]), textarea, select") !== null;

document.addEventListener(
  "keydown",
  (event) => {
    if (event.key === "Escape") {
      // Also while typing or in a dialog: an emergency stop works everywhere.
      if (event.repeat) return;
      const isSecond = event.timeStamp - escapedAt < TWICE_MS;
      escapedAt = isSecond ? -Infinity : event.timeStamp;
      if (isSecond) keys.get("Escape Escape")?.action();
      return;
    }
    escapedAt = -Infinity; // two presses with another key between are not one meaning
    if (event.ctrlKey || event.metaKey || event.repeat) return;
    const name = event.altKey ? `Alt+${event.key.toLowerCase()}` : event.key;
    if (!event.altKey && (isTyping(event.target) || document.querySelector("dialog[open]"))) return;
    const found = keys.get(name);
    if (!found) return;
    event.preventDefault();
    found.action();
  },
  true,
);

/** A dialog with a title and a close button; removed when closed. Not modal: the emergency stop stays in reach. */
export function openDialog(title, ...children) {
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  const before = document.activeElement;
  const close = element("button", { type: "button" }, t("Close"));
  const heading = element("h2", {}, title);
  const dialog = element("dialog", { "aria-label": title }, heading, ...children, close);
  close.addEventListener("click", () => dialog.close());
  // Wherever the focus is: beside a dialog that is not modal it may have gone elsewhere.
  const onKey = (event) => event.key === "Escape" && dialog.close();
  document.addEventListener("keydown", onKey);
  dialog.addEventListener("close", () => {
    document.removeEventListener("keydown", onKey);
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.show();
  return dialog;
}

export function showKeys() {
  const rows = [...keys].map(([key, { meaning }]) => {
    const caps = key === "Escape Escape" ? ["Esc", "Esc"] : key.split("+");
    const cell = element("td", {});
    caps.forEach((cap, i) => cell.append(i ? " " : "", element("kbd", {}, cap)));
    return element("tr", {}, cell, element("td", {}, meaning));
  });
  openDialog(
    t("Keyboard"),
    element("p", { className: "muted" }, t("Tab and Shift+Tab reach every control; Enter or Space presses it.")),
    element("table", { className: "data" }, element("tbody", {}, ...rows)),
  );
}
