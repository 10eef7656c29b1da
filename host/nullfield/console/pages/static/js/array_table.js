// The array's heads as a table: the same values for those who do not see, or want the numbers.
import { fieldSize, stateOf } from "./head_quantities.js";
import { number } from "./i18n.js";
import { element } from "./notices.js";

/** Write the heads into the table; its rows are made anew only when the heads are others. */
export function fillRows(body, rows, heads, choose) {
  const names = heads.map((head) => head.name);
  if (names.join() !== [...rows.keys()].join()) {
    rows.clear();
    body.replaceChildren();
    for (const name of names) {
      const button = element("button", { type: "button", className: "plain" }, name);
      button.addEventListener("click", () => choose(name));
      const cells = Array.from({ length: 8 }, (_, i) => element("td", { className: i >= 1 && i <= 6 ? "number" : "" }));
      rows.set(name, cells);
      body.append(element("tr", { "data-head": name }, element("th", { scope: "row" }, button), ...cells));
    }
  }
  for (const head of heads) {
    const { sign, words } = stateOf(head);
    const field = head.field_pt ?? [];
    const texts = [
      `${sign} ${words}`, ...[0, 1, 2].map((axis) => number(field[axis])), number(fieldSize(head)),
      number(head.noise_ft_rthz, 1), number(head.cell_temperature_c, 1), head.fault ?? "",
    ];
    rows.get(head.name).forEach((cell, i) => {
      if (cell.textContent !== texts[i]) cell.textContent = texts[i];
    });
  }
}

export function markRow(body, chosen) {
  for (const row of body.rows) {
    row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.head === chosen));
  }
}
