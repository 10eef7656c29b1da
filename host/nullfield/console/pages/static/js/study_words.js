// Words for the states and figures of studies.
import { SLOW, get } from "./api.js";
import { t } from "./i18n.js";

/** Map and averaged beat of a stored examination, for a `HeartView`; the beat is asked for once. */
export function storedHeart(key, path) {
  let beat = null;
  return {
    key,
    live: false,
    map: (ms) => get(`${path}/map?time_ms=${ms}`, SLOW),
    beat: () => (beat ??= get(`${path}/beat`, SLOW).catch((problem) => {
      beat = null;
      throw problem;
    })),
  };
}

export const STATES = {
  running: t("Running"), done: t("Done"), failed: t("Failed"), interrupted: t("Interrupted"), deleted: t("Deleted"),
};
const SIGNS = { running: "▶", done: "✓", failed: "✕", interrupted: "◑", deleted: "–" };
export const LEVELS = { running: "warn", done: "good", failed: "bad", interrupted: "warn", deleted: "" };
export const stateText = (state) => `${SIGNS[state] ?? "?"} ${STATES[state] ?? state}`;
export const SEXES = { F: t("Female"), M: t("Male"), other: t("Other"), unknown: t("Not stated") };

/** Figures of an exam's summary: key, name, decimals. */
export const FIGURES = [
  ["duration_s", t("Duration (s)"), 0],
  ["beats_found", t("Beats found"), 0],
  ["beats_accepted", t("Beats used"), 0],
  ["rate_bpm", t("Heart rate (1/min)"), 1],
  ["snr_db", t("Signal to noise (dB)"), 1],
  ["noise_median_ft_rthz", t("Noise, median (fT/√Hz)"), 1],
  ["noise_worst_ft_rthz", t("Noise, worst channel (fT/√Hz)"), 1],
  ["bad_channels", t("Channels left out"), 0],
];

export const studyPath = (id) => `/api/v1/exams/${encodeURIComponent(id)}`;
