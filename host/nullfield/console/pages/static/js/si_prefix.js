// Numbers of any size in a unit, with its prefix: 9.97e-6 A reads "9.97 µA".

const PREFIXES = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"], [1e-15, "f"]];
// Units that carry no prefix: plain counts, shares, and what is not usually scaled.
const PLAIN = new Set(["", "count", "%", "°C", "degC", "K"]);

/** Square and cube of a unit as people write them. */
export const unitText = (unit) => unit.replace("^2", "²").replace("^3", "³").replace("degC", "°C");

/** Four digits are what a trace can be read to. */
export function withPrefix(value, unit, digits = 4) {
  if (!Number.isFinite(value)) return "–";
  const [scale, prefix] = PLAIN.has(unit) || value === 0
    ? [1, ""]
    : (PREFIXES.find(([size]) => Math.abs(value) >= size * 0.9995) ?? PREFIXES.at(-1));
  return `${Number((value / scale).toPrecision(digits))} ${prefix}${unitText(unit)}`.trim();
}
