// Currents in the room's coils against their limits, and what the null has left.
import { duration, number, t } from "./i18n.js";
import { element } from "./notices.js";
import { onState } from "./state.js";

const NEAR_LIMIT = 0.9;

export function showCoils(panel) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const rows = new Map();
  onState((state) => {
    part("empty").hidden = state.coils.length > 0;
    part("table").hidden = state.coils.length === 0;
    const names = state.coils.map((coil) => coil.name);
    if (names.join() !== [...rows.keys()].join()) {
      rows.clear();
      part("rows").replaceChildren();
      for (const coil of state.coils) rows.set(coil.name, addRow(part("rows"), coil));
    }
    for (const coil of state.coils) updateRow(rows.get(coil.name), coil);
    showNull(part, state.null);
  });
}

function addRow(body, coil) {
  const fill = element("span", { className: "coil-fill" });
  const bar = element("div", { className: "coil-bar", "aria-hidden": "true" }, fill);
  const value = element("td", { className: "number" });
  const limit = element("td", { className: "number" });
  const note = element("td", {});
  const name = element("th", { scope: "row" }, coil.name);
  name.dataset.tip = t("Channel {channel} of board {uid}", { channel: coil.channel, uid: coil.board });
  body.append(element("tr", {}, name, element("td", {}, bar), value, limit, note));
  return { fill, value, limit, note };
}

function updateRow({ fill, value, limit, note }, coil) {
  const share = coil.current_ma === null ? 0 : coil.current_ma / coil.limit_ma;
  const shown = Math.min(1, Math.abs(share));
  // From the middle: to the left below zero, to the right above.
  fill.style.left = `${share < 0 ? 50 - 50 * shown : 50}%`;
  fill.style.width = `${50 * shown}%`;
  const isNear = Math.abs(share) >= NEAR_LIMIT;
  fill.classList.toggle("is-near", isNear);
  value.textContent = coil.current_ma === null ? "–" : `${number(coil.current_ma, 4)} mA`;
  limit.textContent = `± ${number(coil.limit_ma, 1)} mA`;
  const text = coil.current_ma === null ? t("unknown") : isNear ? t("near its limit") : "";
  note.textContent = isNear ? `▲ ${text}` : text;
  note.className = isNear ? "warn" : "muted";
}

function showNull(part, result) {
  part("null-empty").hidden = result !== null;
  part("null").hidden = result === null;
  if (result === null) return;
  part("null-before").textContent = `${number(result.before_rms_pt, 0)} pT`;
  part("null-after").textContent = `${number(result.after_rms_pt, 1)} pT`;
  part("null-age").textContent = duration(result.age_s);
  const isLimited = result.limited.length > 0;
  part("null-limited").textContent = isLimited ? `▲ ${result.limited.join(", ")}` : t("none");
  part("null-limited").className = isLimited ? "warn" : "";
}
