// The array's calibration: what it found, and its pictures.
import { SLOW, get } from "./api.js";
import { dateTime, number, t } from "./i18n.js";
import { element, showNotice } from "./notices.js";
import { onState } from "./state.js";

const PICTURES = [
  ["array", t("Shift of each head against the rig file, ten times larger, and its gain")],
  ["spread", t("Gains, angles and places of the heads")],
  ["residuals", t("What the fit leaves at each head")],
];

function rows(one) {
  const percent = (share, decimals) => `${number(100 * share, decimals)} %`;
  return [
    [t("Made"), dateTime(one.made_at)],
    [t("In force"), one.is_in_force ? t("yes: examinations are made with it") : t("no: start the console with --calibration")],
    [t("Transfer standard"), one.standard ?? t("none: scale, turn and shift of the whole hang on the rig file")],
    [t("Heads"), number(one.heads)],
    [t("Cells at"), `${number(one.cell_temperature_c, 1)} °C`],
    [t("Gains"), `${number(one.gain_least, 3)} – ${number(one.gain_largest, 3)}, ± ${percent(one.gain_sigma, 2)}`],
    [t("Axes known to"), `${number(one.angle_sigma_deg, 3)}°`],
    [t("Places known to"), `${number(one.position_sigma_mm, 2)} mm`],
    [t("Cross-talk of the coils x, y, beam at 40 mm"), one.crosstalk.map((share) => percent(share, 2)).join(", ")],
    [t("Fit (reduced chi squared)"), number(one.reduced_chi2, 2)],
  ];
}

export function showCalibration(panel) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  let wasConnected = false;

  function show(one) {
    part("empty").hidden = Boolean(one);
    part("figures").hidden = !one;
    part("about").replaceChildren(
      ...(one ? rows(one) : []).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
    );
    part("faults").replaceChildren(...(one?.faults ?? []).map((text) => element("li", {}, text)));
    part("pictures").replaceChildren(
      ...(one ? PICTURES : []).map(([name, caption]) =>
        element("figure", {},
          element("img", { src: `/api/v1/calibration/pictures/${name}?made=${encodeURIComponent(one.made_at)}`, alt: caption, loading: "lazy" }),
          element("figcaption", { className: "small muted" }, caption))),
    );
  }

  async function load() {
    try {
      show(await get("/api/v1/calibration", SLOW));
      showNotice(part("problem"), null);
    } catch (problem) {
      showNotice(part("problem"), problem);
    }
  }

  part("read").addEventListener("click", load);
  onState((state) => {
    const isConnected = state.boards.length > 0;
    if (isConnected && !wasConnected) load();
    wasConnected = isConnected;
  });
}
