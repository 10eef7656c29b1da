// What the colour of a head tells: state, field, noise or temperature, with its scale.
import { niceCeiling } from "./colour_map.js";
import { number, t } from "./i18n.js";

// Rises in lightness all the way, so that it reads without seeing hues.
const RAMP = [[0, [38, 50, 110]], [0.25, [46, 102, 150]], [0.5, [60, 156, 142]], [0.75, [150, 200, 92]], [1, [252, 232, 92]]];

/** Colour of a share from 0 to 1. */
export function rampColour(share) {
  const at = Math.min(1, Math.max(0, share));
  const upper = Math.max(1, RAMP.findIndex(([stop]) => stop >= at));
  const [from, low] = RAMP[upper - 1];
  const [to, high] = RAMP[upper];
  const part = (at - from) / (to - from);
  return `rgb(${low.map((value, i) => Math.round(value + (high[i] - value) * part)).join(" ")})`;
}

// A sign besides the colour, and the role of the theme's colour.
export const HEAD_STATES = {
  OFF: { sign: "○", role: "edge", words: t("off") },
  WARM_UP: { sign: "◔", role: "warn", words: t("warming up") },
  LASER_ON: { sign: "◑", role: "warn", words: t("laser on") },
  LOCK: { sign: "◕", role: "warn", words: t("locking the laser") },
  FIELD_ZERO: { sign: "◍", role: "accent", words: t("zeroing its field") },
  READY: { sign: "●", role: "good", words: t("ready") },
  FAULT: { sign: "✕", role: "bad", words: t("fault") },
};
const UNKNOWN_STATE = { sign: "?", role: "edge", words: t("unknown") };
export const stateOf = (head) => HEAD_STATES[head.state] ?? UNKNOWN_STATE;

/** Size of the field over the axes that are measured, in pT; null without any. */
export function fieldSize(head) {
  const known = (head.field_pt ?? []).filter((value) => Number.isFinite(value));
  return known.length ? Math.hypot(...known) : null;
}

const finite = (value) => (Number.isFinite(value) ? value : null);

export const QUANTITIES = {
  state: { label: t("State"), value: () => null },
  field: {
    label: t("Field"),
    unit: "pT",
    decimals: 0,
    value: fieldSize,
    range: (values) => [0, niceCeiling(Math.max(...values, 1))],
  },
  noise: {
    label: t("Noise"),
    unit: "fT/√Hz",
    decimals: 1,
    value: (head) => finite(head.noise_ft_rthz),
    range: (values) => [0, niceCeiling(Math.max(...values, 1))],
  },
  temperature: {
    label: t("Cell temperature"),
    unit: "°C",
    decimals: 1,
    value: (head) => finite(head.cell_temperature_c),
    // Never narrower than 2 °C, or the noise of the sensor would paint the array.
    range: (values) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const room = Math.max(0, 2 - (high - low)) / 2;
      return [Math.floor(low - room), Math.ceil(high + room)];
    },
  },
};

/** How a quantity is painted for these heads now. */
export function painting(name, heads, colours) {
  const quantity = QUANTITIES[name];
  if (name === "state") {
    return { colour: (head) => colours[stateOf(head).role], range: null, quantity };
  }
  const values = heads.map(quantity.value).filter((value) => value !== null);
  if (!values.length) return { colour: () => null, range: null, quantity };
  const [low, high] = quantity.range(values);
  const colour = (head) => {
    const value = quantity.value(head);
    return value === null ? null : rampColour((value - low) / (high - low));
  };
  return { colour, range: [low, high], quantity };
}

/** A head's value in words, with its unit. */
export function told(name, head) {
  if (name === "state") return stateOf(head).words;
  const { value, unit, decimals } = QUANTITIES[name];
  const known = value(head);
  return known === null ? t("unknown") : `${number(known, decimals)} ${unit}`;
}
