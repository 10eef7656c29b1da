// Traces written as pixels: sixty lines of a thousand columns cost a tenth of what stroked paths cost.

/** A colour "rgb(r, g, b)" or "#rrggbb" as one little-endian word of a picture. */
export function pixelWord(context, colour) {
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
  context.clearRect(0, 0, 1, 1);
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/**
 * Draw one channel into a picture.
 * @param {Uint32Array} words the picture, one word a pixel
 * @param {number} width of the picture
 * @param {{top: number, bottom: number, middle: number}} lane rows of pixels; what leaves the lane is cut at its border
 * @param {{low: Float32Array, high: Float32Array, count: number, left: number}} columns
 * @param {{offsetPt: number, pixelsPerPt: number}} scale
 */
export function drawTrace(words, width, lane, columns, scale, word) {
  const { low, high, count, left } = columns;
  const { offsetPt, pixelsPerPt } = scale;
  let lastTop = NaN;
  let lastBottom = NaN;
  for (let c = 0; c < count; c += 1) {
    if (Number.isNaN(low[c])) {
      lastTop = NaN;
      continue;
    }
    let top = Math.round(lane.middle - (high[c] - offsetPt) * pixelsPerPt);
    let bottom = Math.round(lane.middle - (low[c] - offsetPt) * pixelsPerPt);
    const ownTop = top;
    const ownBottom = bottom;
    // Reach to the column before, or a steep slope would fall into dots.
    if (!Number.isNaN(lastTop)) {
      if (top > lastBottom) top = lastBottom;
      if (bottom < lastTop) bottom = lastTop;
    }
    lastTop = ownTop;
    lastBottom = ownBottom;
    if (top < lane.top) top = lane.top;
    if (bottom > lane.bottom) bottom = lane.bottom;
    if (top > lane.bottom) top = lane.bottom;
    if (bottom < lane.top) bottom = lane.top;
    let at = top * width + left + c;
    for (let y = top; y <= bottom; y += 1) {
      words[at] = word;
      at += width;
    }
  }
}
