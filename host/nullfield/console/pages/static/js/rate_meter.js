// How often the picture really changed, over the last two seconds.

const SPAN_MS = 2000;

export class RateMeter {
  constructor() {
    this.times = [];
  }

  mark(nowMs) {
    this.times.push(nowMs);
  }

  /** Per second; 0 after two seconds without any. */
  perSecond(nowMs) {
    while (this.times.length && nowMs - this.times[0] > SPAN_MS) this.times.shift();
    const count = this.times.length;
    if (count < 2) return 0;
    // From the first mark to now, so that a picture that stopped counts down.
    return ((count - 1) * 1000) / Math.max(nowMs - this.times[0], 1);
  }
}
