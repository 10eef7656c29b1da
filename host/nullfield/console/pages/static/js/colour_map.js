// A diverging colour map for fields: blue into the chest, red out of it, light at zero.

const STOPS = [
  [-1.0, [22, 48, 120]], [-0.6, [52, 112, 190]], [-0.25, [150, 192, 228]], [0.0, [244, 243, 240]],
  [0.25, [243, 178, 150]], [0.6, [206, 80, 66]], [1.0, [118, 14, 36]],
];
const SIZE = 513;
const TABLE = new Uint8ClampedArray(SIZE * 3);

for (let i = 0; i < SIZE; i += 1) {
  const value = (i / (SIZE - 1)) * 2 - 1;
  let upper = STOPS.findIndex(([at]) => at >= value);
  if (upper < 1) upper = 1;
  const [from, low] = STOPS[upper - 1];
  const [to, high] = STOPS[upper];
  const share = (value - from) / (to - from);
  for (let c = 0; c < 3; c += 1) TABLE[i * 3 + c] = low[c] + (high[c] - low[c]) * share;
}

/** Offset into the table of colours of a value from -1 to 1. */
const entry = (value) => Math.round((Math.min(1, Math.max(-1, value)) + 1) * 0.5 * (SIZE - 1)) * 3;

export function writeColour(pixels, at, value) {
  const from = entry(value);
  pixels[at] = TABLE[from];
  pixels[at + 1] = TABLE[from + 1];
  pixels[at + 2] = TABLE[from + 2];
  pixels[at + 3] = 255;
}

export function colour(value) {
  const from = entry(value);
  return `rgb(${TABLE[from]} ${TABLE[from + 1]} ${TABLE[from + 2]})`;
}

/** Smallest round number (of few digits, with whole halves and quarters) that is not below the value. */
export function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((nice) => nice >= value * 0.9999);
}
