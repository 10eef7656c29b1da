// What the colours of the array mean now.
import { HEAD_STATES, rampColour } from "./head_quantities.js";
import { number, t } from "./i18n.js";
import { element } from "./notices.js";

export function drawLegend(place, name, paint, heads, colours) {
  if (name === "state") {
    const counts = Object.keys(HEAD_STATES).map((state) => [state, heads.filter((head) => head.state === state).length]);
    place.replaceChildren(
      ...counts.filter(([, count]) => count).map(([state, count]) => {
        const { sign, role, words } = HEAD_STATES[state];
        const mark = element("span", { "aria-hidden": "true", className: "legend-sign" }, sign);
        mark.style.color = colours[role];
        return element("li", {}, mark, ` ${words}: ${count}`);
      }),
    );
    return;
  }
  if (!paint.range) {
    place.replaceChildren(element("li", {}, t("No head tells this now.")));
    return;
  }
  const bar = element("span", { className: "legend-bar", "aria-hidden": "true" });
  const stops = Array.from({ length: 9 }, (_, i) => rampColour(i / 8));
  bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const { unit } = paint.quantity;
  const [low, high] = paint.range;
  const unknown = heads.filter((head) => paint.quantity.value(head) === null).length;
  place.replaceChildren(
    element("li", {}, `${number(low)} ${unit}`), element("li", {}, bar), element("li", {}, `${number(high)} ${unit}`),
    ...(unknown ? [element("li", { className: "muted" }, t("unknown (dashed): {n}", { n: unknown }))] : []),
  );
}
