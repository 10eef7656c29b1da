// Spectra of the channels that the traces show: asked for every two seconds while in sight.
import { get } from "./api.js";
import { number, t } from "./i18n.js";
import { element } from "./notices.js";
import { BAND_HZ, drawSpectrum } from "./spectrum_picture.js";
import { Surface, watchSight } from "./surface.js";

const PERIOD_MS = 2000;
const STEP = 1.05; // an arrow key moves the cursor by five per cent
const LINES_HZ = [50, 60];

const median = (values) => {
  const known = values.filter((value) => value !== null && Number.isFinite(value)).sort((a, b) => a - b);
  if (!known.length) return null;
  const middle = known.length >> 1;
  return known.length % 2 ? known[middle] : (known[middle - 1] + known[middle]) / 2;
};

const isOnLine = (hz, stepHz) =>
  LINES_HZ.some((line) => Math.abs(hz - Math.max(1, Math.round(hz / line)) * line) <= 2 * stepHz);

/** Median of a density over the heart's band, without what stands on the mains' lines. */
export function bandMedian(frequency, densities) {
  const stepHz = frequency[1] - frequency[0];
  return median(
    densities.filter((_, i) => frequency[i] >= BAND_HZ[0] && frequency[i] <= BAND_HZ[1] && !isOnLine(frequency[i], stepHz)),
  );
}

export function showSpectra(panel) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const canvas = part("picture");
  const sight = watchSight(panel);
  let names = [];
  let spectrum = null;
  let middle = [];
  let atHz = null;
  let toHz = null;
  let problem = "";
  const surface = new Surface(canvas, draw);

  function draw() {
    const isEmpty = !spectrum || !spectrum.frequency_hz.length;
    canvas.hidden = isEmpty;
    part("empty").hidden = !isEmpty;
    part("empty").textContent = problem || (names.length ? t("No samples to take a spectrum of yet.") : t("No channel is chosen."));
    if (isEmpty) return;
    if (surface.fit()) surface.begin();
    toHz = drawSpectrum(surface, spectrum, { name: part("channel").value, median: middle, atHz });
    tell();
  }

  function tell() {
    const frequency = spectrum.frequency_hz;
    const name = part("channel").value;
    const own = spectrum.density_ft_rthz[name];
    const band = (densities) => number(bandMedian(frequency, densities), 1);
    const parts = [
      t("Median of {n} channels in {low}–{high} Hz: {value} fT/√Hz", {
        n: Object.keys(spectrum.density_ft_rthz).length, low: BAND_HZ[0], high: BAND_HZ[1], value: band(middle),
      }),
    ];
    if (own) parts.push(`${name}: ${band(own)} fT/√Hz`);
    if (atHz !== null) {
      const i = nearest(frequency, atHz);
      const value = own ?? middle;
      parts.push(t("At {hz} Hz: {value} fT/√Hz", { hz: number(frequency[i], 1), value: number(value[i], 1) }));
    }
    part("readout").textContent = parts.join(" · ");
  }

  function fillTable() {
    part("rows").replaceChildren(
      ...Object.entries(spectrum.density_ft_rthz).map(([name, densities]) =>
        element("tr", {}, element("th", { scope: "row" }, name),
          element("td", { className: "number" }, number(bandMedian(spectrum.frequency_hz, densities), 1))),
      ),
    );
  }

  async function ask() {
    if (names.length && sight.isVisible && !document.hidden) {
      try {
        spectrum = await get(`/api/v1/live/spectrum?channels=${encodeURIComponent(names.join(","))}`);
        problem = "";
      } catch (error) {
        spectrum = null;
        problem = error.error ?? String(error);
      }
      if (spectrum) {
        const all = Object.values(spectrum.density_ft_rthz);
        middle = spectrum.frequency_hz.map((_, i) => median(all.map((densities) => densities[i])));
        if (part("table").open) fillTable();
      }
      draw();
    }
    setTimeout(ask, PERIOD_MS);
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!toHz) return;
    atHz = toHz(event.offsetX);
    draw();
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: 1 / STEP, ArrowRight: STEP }[event.key];
    if (!step || !spectrum) return;
    event.preventDefault();
    const frequency = spectrum.frequency_hz;
    atHz = Math.min(frequency.at(-1), Math.max(frequency[0], (atHz ?? BAND_HZ[0]) * step));
    draw();
  });
  part("channel").addEventListener("change", draw);
  part("table").addEventListener("toggle", () => spectrum && fillTable());
  /** Show these channels from now on. */
  function choose(chosen) {
    names = chosen;
    const select = part("channel");
    const before = select.value;
    select.replaceChildren(element("option", { value: "" }, t("none")), ...chosen.map((name) => element("option", { value: name }, name)));
    select.value = chosen.includes(before) ? before : "";
    if (!chosen.length) spectrum = null;
    draw();
  }
  choose([]);
  ask();
  return choose;
}

function nearest(sorted, value) {
  let best = 0;
  for (let i = 1; i < sorted.length; i += 1) if (Math.abs(sorted[i] - value) < Math.abs(sorted[best] - value)) best = i;
  return best;
}
