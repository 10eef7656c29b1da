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
   * Follow what is on the screen: the middle of its range stands in the middle of the lane.
   * @param {{low: number, high: number}} range of the columns; Infinity and -Infinity without any
   */
  follow({ low, high }) {
    if (low > high) return;
    const middlePt = (low + high) / 2;
    const jumped = this.offsetPt === null || Math.abs(middlePt - this.offsetPt) > this.spanPt;
    this.offsetPt = jumped ? middlePt : this.offsetPt + 0.1 * (middlePt - this.offsetPt);
    const needed = high - low;
    // Grow at once, shrink only when much smaller: a scale that breathes cannot be read.
    if (this.autoPt === null || needed > this.autoPt || needed < this.autoPt / 4) {
      this.autoPt = niceCeiling(Math.max(needed, STEPS_PT[0]));
    }
  }
}
