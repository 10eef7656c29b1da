// What happened, newest first, filtered by kind and words.
import { t, timeOfDay } from "./i18n.js";
import { element } from "./notices.js";
import { onState } from "./state.js";

const LEVELS = { info: ["·", t("information"), "muted"], warning: ["▲", t("warning"), "warn"], error: ["■", t("error"), "bad"] };

export function showEvents(panel) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  let events = [];
  let drawn = "";

  function draw() {
    const least = part("level").value;
    const words = part("words").value.trim().toLowerCase();
    const levels = least === "error" ? ["error"] : least === "warning" ? ["warning", "error"] : Object.keys(LEVELS);
    const shown = events.filter((event) => levels.includes(event.level) && event.text.toLowerCase().includes(words)).reverse();
    // The list is made anew only when it differs, so that a reader's place in it stays.
    const key = shown.map((event) => event.time + event.text).join();
    part("count").textContent = t("{shown} of {all}", { shown: shown.length, all: events.length });
    part("empty").hidden = shown.length > 0;
    part("empty").textContent = events.length ? t("No event fits the filter.") : t("Nothing has happened yet.");
    if (key === drawn) return;
    drawn = key;
    part("list").replaceChildren(
      ...shown.map((event) => {
        const [sign, word, role] = LEVELS[event.level] ?? LEVELS.info;
        return element("li", { "data-level": event.level },
          element("time", { dateTime: event.time, className: "muted number" }, timeOfDay(event.time)),
          element("span", { className: role }, element("span", { "aria-hidden": "true" }, sign), element("span", { className: "visually-hidden" }, ` ${word}: `)),
          element("span", {}, event.text));
      }),
    );
  }

  part("level").addEventListener("change", draw);
  part("words").addEventListener("input", draw);
  onState((state) => {
    events = state.events;
    draw();
  });
}
