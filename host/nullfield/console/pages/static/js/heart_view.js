// Map, time slider and averaged beat: of the running recording, or of a finished examination.
import { drawBeat } from "./beat_canvas.js";
import { explain, number, t } from "./i18n.js";
import { drawMap, extremes, limitOf } from "./map_canvas.js";
import { element } from "./notices.js";

const LEAST_GAP_MS = 120; // between two requests for a map while the slider moves
const LIVE_GAP_MS = 1000; // between two looks at a running recording
const PLAY_STEP_MS = 4;
const KEYED = ["P", "R", "T"];
const at = (id) => document.getElementById(id);

const LIGHTS = { signal: t("Signal"), beats: t("Beats used"), heads: t("Sensors"), noise: t("Noise"), rhythm: t("Rhythm"), movement: t("Movement") };
const LEVELS = { good: t("good"), fair: t("fair"), poor: t("poor") };
const LIGHT_TIPS = {
  signal: t("Heart's signal over the noise in the averaged beat: good from 30 dB, fair from 20 dB."),
  beats: t("Share of beats like the others: good from 95 %, fair from 80 %. Ask the subject to lie still."),
  movement: t("Change of the heart's field from the first to the last third of the beats: good below 10 %, fair below 20 %."),
  heads: t("Share of sensor channels that can be used: good from 95 %, fair from 80 %."),
};

export class HeartView {
  constructor() {
    this.source = null;
    this.map = null;
    this.beat = null;
    this.timeMs = 0;
    this.limitPt = null;
    this.empty = "";
    this.isAsking = false;
    this.isStale = false;
    this.isLoading = false;
    this.timer = null;
    this.playing = null;
    at("time").addEventListener("input", () => this.setTime(Number(at("time").value)));
    at("arrows").addEventListener("change", () => this.draw());
    at("hold-scale").addEventListener("change", () => this.draw());
    at("play").addEventListener("click", () => this.play(!this.playing));
    at("beat").addEventListener("pointerdown", (event) => this.pointAt(event));
    at("beat").addEventListener("pointermove", (event) => event.buttons && this.pointAt(event));
    new ResizeObserver(() => this.draw()).observe(at("heart-view"));
  }

  /**
   * Show a source of maps and beats.
   * @param {object} source key (another key is another heart), map(timeMs), beat() or null, live (ask again and again)
   */
  show(source, empty) {
    this.empty = empty;
    if (this.source?.key === source?.key) return;
    this.source = source;
    this.isLoading = Boolean(source) && !source.live;
    at("heart-reason").textContent = "";
    this.map = null;
    this.beat = null;
    this.limitPt = null;
    this.play(false);
    // While an answer is awaited, or the gap behind it runs, its timer goes on to the new source by itself.
    if (!this.isAsking) clearTimeout(this.timer);
    this.draw();
    if (source) this.ask();
  }

  setTime(timeMs) {
    this.timeMs = timeMs;
    this.drawTime();
    this.ask();
  }

  /** Ask for the map of the present time; while one is under way, only remember that another is wanted. */
  async ask() {
    if (!this.source) return;
    if (this.isAsking) {
      this.isStale = true;
      return;
    }
    this.isAsking = true;
    this.isStale = false;
    clearTimeout(this.timer);
    const source = this.source;
    try {
      const [map, beat] = await Promise.all([source.map(this.timeMs), source.beat?.() ?? null]);
      if (source === this.source) this.take(map, beat);
    } catch (problem) {
      if (source === this.source) this.fail(problem);
    }
    this.timer = setTimeout(() => {
      this.isAsking = false;
      if (this.isStale || source !== this.source) this.ask();
      else if (source.live) this.askLater();
    }, LEAST_GAP_MS);
  }

  /** Look at the running recording again; a page that nobody sees asks nothing of the server. */
  askLater() {
    this.timer = setTimeout(() => (document.hidden ? this.askLater() : this.ask()), LIVE_GAP_MS - LEAST_GAP_MS);
  }

  fail(problem) {
    this.isLoading = false;
    at("heart-reason").textContent = explain(problem.code)?.happened ?? `${problem.error} ${problem.hint ?? ""}`.trim();
    this.draw();
  }

  take(map, beat) {
    this.isLoading = false;
    this.map = map;
    this.beat = beat ?? this.beat;
    if (map?.times_ms) {
      at("time").min = Math.ceil(map.times_ms[0]);
      at("time").max = Math.floor(map.times_ms[1]);
    }
    at("heart-reason").textContent = this.beat?.reason ?? "";
    this.draw();
  }

  draw() {
    if (this.map && (!at("hold-scale").checked || this.limitPt === null)) this.limitPt = limitOf(extremes(this.map));
    const empty = this.isLoading ? t("The map is being loaded ...") : this.empty;
    drawMap(at("map"), this.map, { limitPt: this.limitPt ?? undefined, arrows: at("arrows").checked, empty });
    for (const id of ["time", "play", "arrows", "hold-scale"]) at(id).disabled = !this.map;
    at("map-beats").hidden = !this.map?.beats;
    at("map-beats").textContent = this.map?.beats ? t("{n} beats", { n: this.map.beats }) : "–";
    this.drawTime();
    this.drawLandmarks();
    this.drawLights();
  }

  drawTime() {
    at("time").value = this.timeMs;
    at("time-text").value = `${number(this.timeMs)} ms`;
    at("time").setAttribute("aria-valuetext", `${number(this.timeMs)} ms`);
    this.timeAt = drawBeat(at("beat"), this.beat, this.timeMs, this.empty);
  }

  drawLandmarks() {
    const marks = KEYED.map((name) => [name, this.beat?.landmarks_ms?.[name]]).filter(([, ms]) => Number.isFinite(ms));
    const wanted = marks.flat().join();
    if (at("landmarks").dataset.shown === wanted) return;
    at("landmarks").dataset.shown = wanted;
    at("landmarks").replaceChildren(
      ...marks.map(([name, ms]) => {
        const button = element("button", { type: "button" }, t("{wave} wave", { wave: name }));
        button.addEventListener("click", () => this.setTime(Math.round(ms)));
        return button;
      }),
    );
  }

  drawLights() {
    const lights = Object.entries(this.beat?.quality?.lights ?? {});
    const wanted = lights.flat().join();
    if (at("lights").dataset.shown === wanted) return;
    at("lights").dataset.shown = wanted;
    at("lights").replaceChildren(
      ...lights.map(([name, level]) => {
        const light = element("span", { className: "light" }, `${LIGHTS[name] ?? name}: ${LEVELS[level] ?? level}`);
        light.dataset.level = level;
        if (LIGHT_TIPS[name]) {
          light.dataset.tip = LIGHT_TIPS[name];
          light.tabIndex = 0;
        }
        return light;
      }),
    );
  }

  pointAt(event) {
    const time = this.timeAt?.(event.offsetX);
    if (time !== null && time !== undefined) this.setTime(Math.round(time));
  }

  play(on) {
    clearInterval(this.playing);
    this.playing = null;
    at("play").setAttribute("aria-pressed", on ? "true" : "false");
    at("play").textContent = on ? `❚❚ ${t("Pause")}` : `▶ ${t("Play")}`;
    if (!on || !this.map) return;
    this.playing = setInterval(() => {
      const next = this.timeMs + PLAY_STEP_MS;
      this.setTime(next > Number(at("time").max) ? Number(at("time").min) : next);
    }, LEAST_GAP_MS);
  }
}
