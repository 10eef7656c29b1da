// The newest samples of some channels in rings, addressed by the instrument's own sample index.

export class SampleRing {
  constructor(channelCount, rateHz, seconds) {
    this.channelCount = channelCount;
    this.rateHz = rateHz;
    this.capacity = Math.ceil(rateHz * seconds);
    this.samples = Array.from({ length: channelCount }, () => new Float32Array(this.capacity).fill(NaN));
    this.stop = null; // index after the newest sample
    this.missing = 0; // values that never came, over all channels
  }

  /**
   * Take a frame. Samples that were jumped over become NaN, so that a gap is drawn as a gap; samples that came
   * before are left as they are.
   * @returns {boolean} false if the indices went back by more than a second: the boards count anew, all was cleared
   */
  append({ firstIndex, sampleCount, fieldPt }) {
    let known = this.stop === null ? 0 : this.stop - firstIndex;
    const isContinued = known <= this.rateHz;
    if (!isContinued) {
      for (const ring of this.samples) ring.fill(NaN);
      this.stop = null;
      known = 0;
    }
    if (known < 0) {
      this.missing -= known * this.channelCount;
      this.clear(Math.max(this.stop, firstIndex - this.capacity), firstIndex);
    }
    this.write(firstIndex, Math.min(Math.max(known, 0), sampleCount), sampleCount, fieldPt);
    return isContinued;
  }

  write(firstIndex, from, sampleCount, fieldPt) {
    const { capacity } = this;
    for (let channel = 0; channel < this.channelCount; channel += 1) {
      const ring = this.samples[channel];
      const base = channel * sampleCount;
      let at = (firstIndex + from) % capacity;
      for (let i = from; i < sampleCount; i += 1) {
        const value = fieldPt[base + i];
        // The server marks a lost sample by NaN, which alone is not equal to itself.
        if (value !== value) this.missing += 1;
        ring[at] = value;
        at += 1;
        if (at === capacity) at = 0;
      }
    }
    this.stop = Math.max(this.stop ?? 0, firstIndex + sampleCount);
  }

  clear(start, stop) {
    for (const ring of this.samples) {
      for (let index = start; index < stop; index += 1) ring[index % this.capacity] = NaN;
    }
  }

  /** Index of the oldest sample that is kept, or null. */
  get start() {
    return this.stop === null ? null : Math.max(0, this.stop - this.capacity);
  }
}
