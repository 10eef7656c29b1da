// Minimum and maximum of a stretch of samples for each column of pixels: no peak is lost between columns.

/**
 * Fill `low` and `high` for columns whose borders stand on absolute sample indices, so that a trace does not
 * shimmer while it moves. Column c of the whole time axis covers the indices from c to c + 1 times `perColumn`.
 * A column without samples gets NaN.
 * @returns {{low: number, high: number}} over all columns; Infinity and -Infinity without any sample
 */
export function columnExtremes(ring, capacity, range, firstColumn, columnCount, perColumn, low, high) {
  let lowest = Infinity;
  let highest = -Infinity;
  for (let c = 0; c < columnCount; c += 1) {
    let index = Math.floor((firstColumn + c) * perColumn);
    // Where a pixel is shorter than a sample, the sample that stands there is held.
    let stop = Math.max(index + 1, Math.floor((firstColumn + c + 1) * perColumn));
    if (index < range.start) index = range.start;
    if (stop > range.stop) stop = range.stop;
    let least = Infinity;
    let most = -Infinity;
    for (let at = index % capacity; index < stop; index += 1) {
      const value = ring[at];
      if (value < least) least = value;
      if (value > most) most = value;
      at += 1;
      if (at === capacity) at = 0;
    }
    if (least > most) {
      low[c] = NaN;
      high[c] = NaN;
      continue;
    }
    low[c] = least;
    high[c] = most;
    if (least < lowest) lowest = least;
    if (most > highest) highest = most;
  }
  return { low: lowest, high: highest };
}
