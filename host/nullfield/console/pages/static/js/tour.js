// A tour of a page: shown by itself the first time, afterwards from the menu.
import { t } from "./i18n.js";
import { element } from "./notices.js";
import { onState, userName } from "./state.js";

const seenKey = (page) => `nullfield-tour-${page}-${userName()}`;
let closeOpen = null;

function visible(selector) {
  return [...document.querySelectorAll(selector)].find((node) => node.getClientRects().length > 0);
}

function overlaps(one, other) {
  const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function run(page, stops) {
  closeOpen?.();
  const here = stops.filter(([selector]) => visible(selector));
  let at = 0;
  const title = element("h2", { id: "tour-title" });
  const text = element("p", { id: "tour-text" });
  const count = element("span", { className: "muted small" });
  const back = element("button", { type: "button" }, t("Back"));
  const next = element("button", { type: "button", className: "primary" });
  const end = element("button", { type: "button" }, t("End the tour"));
  const card = element(
    "section",
    { className: "tour panel", role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-text", tabIndex: -1 },
    title, text, count, element("div", { className: "row spread" }, end, element("span", { className: "row" }, back, next)),
  );
  let marked = null;

  function close() {
    marked?.classList.remove("tour-target");
    card.remove();
    document.removeEventListener("keydown", onKey);
    localStorage.setItem(seenKey(page), "seen");
    closeOpen = null;
  }
  function show() {
    const [selector, heading, words] = here[at];
    marked?.classList.remove("tour-target");
    marked = visible(selector);
    marked?.classList.add("tour-target");
    marked?.scrollIntoView({ block: "nearest" });
    title.textContent = heading;
    text.textContent = words;
    count.textContent = t("{n} of {all}", { n: at + 1, all: here.length });
    back.disabled = at === 0;
    next.textContent = at + 1 < here.length ? t("Next") : t("Done");
    card.classList.remove("tour-left");
    card.classList.toggle("tour-left", overlaps(card, marked));
    card.focus();
  }
  function onKey(event) {
    if (event.key === "Escape") close();
  }
  back.addEventListener("click", () => { at -= 1; show(); });
  next.addEventListener("click", () => {
    at += 1;
    if (at < here.length) show();
    else close();
  });
  end.addEventListener("click", close);
  document.addEventListener("keydown", onKey);
  document.body.append(card);
  closeOpen = close;
  show();
}

/**
 * Offer a tour in the menu, and give it once by itself.
 * @param {string} page name under which it is remembered
 * @param {string[][]} stops selector, title, text
 */
export function offerTour(page, stops) {
  const button = document.getElementById("show-tour");
  button.hidden = false;
  button.addEventListener("click", () => run(page, stops));
  let isDue = localStorage.getItem(seenKey(page)) === null;
  // Not before the page is filled: what is shown depends on the instrument's state.
  onState(() => {
    if (isDue) run(page, stops);
    isDue = false;
  });
}
