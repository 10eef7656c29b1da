// Many channels, one lane each, moving: the newest samples at the right.
import { columnExtremes } from "./column_extremes.js";
import { number, t } from "./i18n.js";
import { RateMeter } from "./rate_meter.js";
import { SampleRing } from "./sample_ring.js";
import { Surface, watchSight } from "./surface.js";
import { drawTrace, pixelWord } from "./trace_pixels.js";
import { TraceScale } from "./trace_scales.js";

export const LONGEST_S = 30;
const LEAST_MS = 30; // more than 33 pictures a second cost the machine and show nothing more
const LAG_S = 0.08; // frames come every 50 ms: play them out evenly instead of in bursts
const LEFT = 78;
const RIGHT = 62;
const BOTTOM = 22;
const LANE_PX = 12;

export class TracePlot {
  /** @param {HTMLElement} place holds two canvases: axes below, traces above */
  constructor(place) {
    this.place = place;
    const [axes, traces] = place.querySelectorAll("canvas");
    this.axes = new Surface(axes, () => this.drawAxes());
    this.traces = new Surface(traces, () => this.refit(), { willReadFrequently: true });
    this.sight = watchSight(place);
    this.meter = new RateMeter();
    this.timeBaseS = 10;
    this.isPaused = false;
    this.names = [];
    this.scales = new Map();
    this.notReady = new Map(); // head's name to the sign of its state
    this.ring = null;
    this.head = null;
    this.drawnStop = null;
    this.lastStop = null; // index after the newest sample at the picture before
    this.paceHz = 0;
    this.lastMs = 0;
    this.refit();
    requestAnimationFrame((now) => this.tick(now));
  }

  scaleOf(name) {
    if (!this.scales.has(name)) this.scales.set(name, new TraceScale());
    return this.scales.get(name);
  }

  choose(names) {
    this.names = names;
    this.ring = null;
    this.head = null;
    this.place.hidden = names.length === 0;
    this.place.style.height = `${Math.max(420, names.length * LANE_PX + BOTTOM)}px`;
    this.drawAxes();
    this.clear();
  }

  /** What a head that is not ready sends is no field: its lanes are dim and carry its state's sign. */
  setNotReady(signs) {
    if ([...signs].join() === [...this.notReady].join()) return;
    this.notReady = signs;
    this.place.dataset.notReady = [...signs.keys()].join(" ");
    this.drawAxes();
  }

  signOf(name) {
    return this.notReady.get(name.slice(0, name.lastIndexOf("."))) ?? "";
  }

  setTimeBase(seconds) {
    this.timeBaseS = seconds;
    this.drawAxes();
    this.drawTraces();
  }

  /** Samples of the chosen channels, in the order of their names. */
  take(frame) {
    if (!this.ring || this.ring.rateHz !== frame.rateHz) {
      this.ring = new SampleRing(this.names.length, frame.rateHz, LONGEST_S + 1);
      this.head = null;
      this.lastStop = null;
    }
    if (this.ring.append(frame)) return;
    this.head = null;
    this.lastStop = null;
  }

  tick(now) {
    requestAnimationFrame((next) => this.tick(next));
    const elapsedMs = now - this.lastMs;
    if (elapsedMs < LEAST_MS) return;
    this.lastMs = now;
    this.place.dataset.fps = this.meter.perSecond(now).toFixed(1);
    if (!this.ring || this.isPaused || !this.sight.isVisible) return;
    this.advance(elapsedMs / 1000);
    this.drawTraces();
    // Only a picture with samples that no earlier one had counts as a frame.
    if (this.head !== this.drawnStop) this.meter.mark(now);
    this.drawnStop = this.head;
  }

  /** Go on as fast as samples come: a virtual instrument may be slower than the clock. */
  advance(elapsedS) {
    const { stop, rateHz } = this.ring;
    const arrivedHz = (stop - (this.lastStop ?? stop)) / elapsedS;
    this.lastStop = stop;
    const target = stop - LAG_S * rateHz;
    if (this.head === null || Math.abs(target - this.head) > 0.5 * rateHz) {
      this.head = target;
      this.paceHz = rateHz;
    } else {
      this.paceHz += 0.05 * (arrivedHz - this.paceHz);
      this.head += elapsedS * this.paceHz + 0.05 * (target - this.head);
    }
    this.head = Math.min(this.head, stop);
  }

  refit() {
    const { traces } = this;
    this.image = traces.context.createImageData(traces.canvas.width, traces.canvas.height);
    this.words = new Uint32Array(this.image.data.buffer);
    const { accent, good, warn, text, edge } = traces.colours;
    this.inks = { x: accent, y: good, z: warn, other: text, dim: edge };
    this.axisWords = {};
    for (const [axis, colour] of Object.entries(this.inks)) this.axisWords[axis] = pixelWord(traces.context, colour);
    this.drawTraces();
  }

  inkOf(name) {
    if (this.signOf(name)) return "dim";
    return name.at(-1) in this.inks ? name.at(-1) : "other";
  }

  clear() {
    this.words.fill(0);
    this.traces.context.putImageData(this.image, 0, 0);
  }

  drawTraces() {
    const { ring, traces, names, words } = this;
    if (!ring || this.head === null || !names.length) return;
    const { ratio, canvas } = traces;
    words.fill(0);
    const left = Math.round(LEFT * ratio);
    const plotWidth = canvas.width - left - Math.round(RIGHT * ratio);
    if (plotWidth < 10) return;
    const laneHeight = (canvas.height - BOTTOM * ratio) / names.length;
    const perColumn = (this.timeBaseS * ring.rateHz) / plotWidth;
    const first = Math.floor(this.head / perColumn) - plotWidth + 1;
    if (this.low?.length !== plotWidth) {
      this.low = new Float32Array(plotWidth);
      this.high = new Float32Array(plotWidth);
    }
    const { low, high } = this;
    const range = { start: ring.start, stop: Math.min(ring.stop, Math.ceil(this.head)) };
    names.forEach((name, channel) => {
      const scale = this.scaleOf(name);
      const extremes = columnExtremes(ring.samples[channel], ring.capacity, range, first, plotWidth, perColumn, low, high);
      const before = scale.spanPt;
      if (!this.isPaused) scale.follow(extremes);
      if (scale.spanPt !== before) this.labelsAreOld = true;
      const top = Math.ceil(channel * laneHeight);
      const bottom = Math.floor((channel + 1) * laneHeight) - 1;
      const lane = { top, bottom, middle: (top + bottom) / 2 };
      const placing = { offsetPt: scale.offsetPt ?? 0, pixelsPerPt: laneHeight / scale.spanPt };
      const word = this.axisWords[this.inkOf(name)];
      drawTrace(words, canvas.width, lane, { low, high, count: plotWidth, left }, placing, word);
    });
    traces.context.putImageData(this.image, 0, 0);
    if (this.labelsAreOld) this.drawAxes();
  }

  drawAxes() {
    this.labelsAreOld = false;
    const { axes, names } = this;
    const context = axes.begin();
    if (!names.length) return;
    const { colours, width, height } = axes;
    const bottom = height - BOTTOM;
    const laneHeight = bottom / names.length;
    context.fillStyle = colours["map-bg"];
    context.fillRect(LEFT, 0, width - LEFT - RIGHT, bottom);
    this.drawTimes(context, bottom);
    const size = Math.min(12, Math.max(8, laneHeight * 0.86));
    context.font = axes.font(size);
    context.textBaseline = "middle";
    names.forEach((name, i) => {
      const y = (i + 0.5) * laneHeight;
      context.textAlign = "right";
      const sign = this.signOf(name);
      context.fillStyle = sign ? colours.muted : (this.inks?.[this.inkOf(name)] ?? colours.text);
      context.fillText(`${sign} ${name}`.trim(), LEFT - 8, y);
      context.textAlign = "left";
      context.fillStyle = colours.muted;
      const { spanPt, autoPt, chosenPt } = this.scaleOf(name);
      if (autoPt !== null || chosenPt !== null) context.fillText(`${number(spanPt)} pT`, width - RIGHT + 8, y);
    });
  }

  drawTimes(context, bottom) {
    const { axes, timeBaseS } = this;
    const { colours, width } = axes;
    const plotWidth = width - LEFT - RIGHT;
    const stepS = timeBaseS / 5 >= 1 ? Math.round(timeBaseS / 5) : timeBaseS / 4;
    context.font = axes.font(12);
    context.textBaseline = "top";
    for (let agoS = 0; agoS <= timeBaseS + 1e-9; agoS += stepS) {
      const x = Math.round(width - RIGHT - (agoS / timeBaseS) * plotWidth) - 0.5;
      context.strokeStyle = colours.line;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, bottom);
      context.stroke();
      context.fillStyle = colours.muted;
      context.textAlign = "center";
      const decimals = Number.isInteger(stepS) ? 0 : 1;
      context.fillText(agoS === 0 ? t("now") : `${number(-agoS, decimals)} s`, x, bottom + 6);
    }
  }
}
