// Rules of a setting as its board describes them: what may be sent, and how numbers are written.

/** A number as short as it is exact; settings span many powers of ten. */
export function shortNumber(value) {
  if (!Number.isFinite(value)) return "–";
  return Number(value.toPrecision(9)).toString();
}

/**
 * Check what was typed.
 * @returns {{value: number}|{problem: "empty"|"number"|"low"|"high"}}
 */
export function readValue(setting, typed) {
  const text = typed.trim().replace(",", ".");
  if (text === "") return { problem: "empty" };
  const value = Number(text);
  if (!Number.isFinite(value)) return { problem: "number" };
  // Limits are scaled integers on the board: the last binary digit is not a breach.
  const slack = 1e-9 * Math.max(Math.abs(setting.minimum), Math.abs(setting.maximum));
  if (value < setting.minimum - slack) return { problem: "low" };
  if (value > setting.maximum + slack) return { problem: "high" };
  return { value };
}
