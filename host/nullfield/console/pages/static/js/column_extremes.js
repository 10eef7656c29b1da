// Minimum and maximum of a stretch of samples for each column of pixels: no peak is lost between columns.

/**
 * Fill `low` and `high` for columns whose borders stand on absolute sample indices, so that a trace does not
 * shimmer while it moves. Column c of the whole time axis covers the indices from c to c + 1 times `perColumn`.
 * A column without samples gets NaN.
 * @returns {number} mean of the middles of the columns, NaN if there is none
 */
export function columnExtremes(ring, capacity, range, firstColumn, columnCount, perColumn, low, high) {
  let sum = 0;
  let count = 0;
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
    sum += least + most;
    count += 2;
  }
  return count ? sum / count : NaN;
}
