// Amplitude densities over frequency, both by decades, with the band of the heart marked.
import { number, t } from "./i18n.js";

export const BAND_HZ = [10, 100];
const LEFT = 64;
const BOTTOM = 40;
const TOP = 12;
const RIGHT = 14;

const decades = (low, high) => {
  const list = [];
  for (let power = Math.ceil(Math.log10(low) - 1e-9); power <= Math.log10(high) + 1e-9; power += 1) list.push(10 ** power);
  return list;
};

/** Whole decades around the values above zero. */
function decadeRange(values) {
  let low = Infinity;
  let high = 0;
  for (const value of values) {
    if (!(value > 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!high) return [1, 1000];
  const floor = 10 ** Math.floor(Math.log10(low));
  return [floor, Math.max(10 ** Math.ceil(Math.log10(high)), floor * 10)];
}

/**
 * @param {Surface} surface
 * @param {{frequency_hz: number[], density_ft_rthz: object}} spectrum
 * @param {{name: string|null, median: (number|null)[], atHz: number|null}} marks
 * @returns {(x: number) => number} frequency below a place on the canvas
 */
export function drawSpectrum(surface, spectrum, marks) {
  const context = surface.begin();
  const { width, height, colours } = surface;
  const frequency = spectrum.frequency_hz;
  const [lowHz, highHz] = [frequency[0], frequency.at(-1)];
  const [low, high] = decadeRange(Object.values(spectrum.density_ft_rthz).flat());
  const plotWidth = width - LEFT - RIGHT;
  const plotHeight = height - TOP - BOTTOM;
  const x = (hz) => LEFT + (Math.log(hz / lowHz) / Math.log(highHz / lowHz)) * plotWidth;
  const y = (density) => TOP + plotHeight - (Math.log(density / low) / Math.log(high / low)) * plotHeight;

  context.fillStyle = colours["map-bg"];
  context.fillRect(LEFT, TOP, plotWidth, plotHeight);
  drawBand(context, x, plotHeight, lowHz, highHz, surface);
  drawGrid(context, { x, y, lowHz, highHz, low, high, plotHeight }, surface);

  context.save();
  context.beginPath();
  context.rect(LEFT, TOP, plotWidth, plotHeight);
  context.clip();
  const line = (densities, colour, thickness, opacity) => {
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.globalAlpha = opacity;
    context.beginPath();
    let isDown = false;
    densities.forEach((density, i) => {
      if (!(density > 0)) {
        isDown = false;
        return;
      }
      if (isDown) context.lineTo(x(frequency[i]), y(density));
      else context.moveTo(x(frequency[i]), y(density));
      isDown = true;
    });
    context.stroke();
    context.globalAlpha = 1;
  };
  for (const densities of Object.values(spectrum.density_ft_rthz)) line(densities, colours.muted, 1, 0.35);
  line(marks.median, colours.text, 2, 1);
  if (marks.name && spectrum.density_ft_rthz[marks.name]) line(spectrum.density_ft_rthz[marks.name], colours.accent, 2, 1);
  if (marks.atHz) {
    context.strokeStyle = colours.warn;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x(marks.atHz), TOP);
    context.lineTo(x(marks.atHz), TOP + plotHeight);
    context.stroke();
  }
  context.restore();
  return (place) => lowHz * (highHz / lowHz) ** Math.min(1, Math.max(0, (place - LEFT) / plotWidth));
}

function drawBand(context, x, plotHeight, lowHz, highHz, surface) {
  const from = Math.max(BAND_HZ[0], lowHz);
  const to = Math.min(BAND_HZ[1], highHz);
  if (from >= to) return;
  const { colours } = surface;
  context.fillStyle = colours.accent;
  context.globalAlpha = 0.12;
  context.fillRect(x(from), TOP, x(to) - x(from), plotHeight);
  context.globalAlpha = 1;
  context.fillStyle = colours.text;
  context.font = surface.font(12);
  context.textAlign = "center";
  context.textBaseline = "top";
  context.fillText(t("{low}–{high} Hz", { low: BAND_HZ[0], high: BAND_HZ[1] }), (x(from) + x(to)) / 2, TOP + 5);
}

function drawGrid(context, { x, y, lowHz, highHz, low, high, plotHeight }, surface) {
  const { width, colours } = surface;
  context.font = surface.font(12);
  context.lineWidth = 1;
  const rule = (x0, y0, x1, y1, opacity) => {
    context.globalAlpha = opacity;
    context.strokeStyle = colours.line;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
    context.globalAlpha = 1;
  };
  context.fillStyle = colours.muted;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const decade of decades(lowHz / 10, highHz)) {
    for (let factor = 1; factor < 10; factor += 1) {
      const hz = decade * factor;
      if (hz < lowHz * 0.999 || hz > highHz * 1.001) continue;
      rule(x(hz), TOP, x(hz), TOP + plotHeight, factor === 1 ? 1 : 0.4);
      if ([1, 2, 5].includes(factor)) context.fillText(number(hz), x(hz), TOP + plotHeight + 5);
    }
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const decade of decades(low, high)) {
    rule(LEFT, y(decade), width - RIGHT, y(decade), 1);
    context.fillText(number(decade, decade < 1 ? 2 : 0), LEFT - 6, y(decade));
  }
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.fillText(t("Frequency in Hz"), LEFT + (width - LEFT - RIGHT) / 2, surface.height - 2);
  context.save();
  context.translate(12, TOP + plotHeight / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "middle";
  context.fillText("fT/√Hz", 0, 0);
  context.restore();
}
