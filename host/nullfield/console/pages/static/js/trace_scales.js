// Scales of traces: how many pT a lane is high, per channel, chosen or by themselves.
import { niceCeiling } from "./colour_map.js";

export const STEPS_PT = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000];

/** Scale of one channel that follows its signal without flickering. */
export class TraceScale {
  constructor() {
    this.chosenPt = null; // null: by itself
    this.autoPt = null;
    this.offsetPt = null;
  }

  /** Height of the lane in pT. */
  get spanPt() {
    return this.chosenPt ?? this.autoPt ?? STEPS_PT[3];
  }

  /**
   * Follow what is on the screen.
   * @param {number} meanPt of the columns, NaN without any
   * @param {Float32Array} low @param {Float32Array} high extremes of the columns
   */
  follow(meanPt, low, high, count) {
    if (Number.isNaN(meanPt)) return;
    const jumped = this.offsetPt === null || Math.abs(meanPt - this.offsetPt) > this.spanPt;
    this.offsetPt = jumped ? meanPt : this.offsetPt + 0.05 * (meanPt - this.offsetPt);
    let reach = 0;
    for (let c = 0; c < count; c += 1) {
      const up = high[c] - meanPt;
      const down = meanPt - low[c];
      if (up > reach) reach = up;
      if (down > reach) reach = down;
    }
    const needed = 2 * reach;
    // Grow at once, shrink only when much smaller: a scale that breathes cannot be read.
    if (this.autoPt === null || needed > this.autoPt || needed < this.autoPt / 4) {
      this.autoPt = niceCeiling(Math.max(needed, STEPS_PT[0]));
    }
  }
}
