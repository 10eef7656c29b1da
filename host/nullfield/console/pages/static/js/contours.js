// Lines of equal field through a grid: marching squares with linear interpolation.

// Edges that a line crosses, by which corners (1 lower left, 2 lower right, 4 upper right, 8 upper left) are above.
const CROSSINGS = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], null, [[0, 2]], [[3, 2]],
  [[2, 3]], [[2, 0]], null, [[2, 1]], [[1, 3]], [[1, 0]], [[0, 3]], [],
];

/** A saddle is joined the way its middle lies, so that lines never cross. */
function saddle(index, isMiddleAbove) {
  const joined = index === 5 ? isMiddleAbove : !isMiddleAbove;
  return joined ? [[3, 2], [0, 1]] : [[3, 0], [1, 2]];
}

/**
 * Segments of one level.
 * @param {number[]} x columns, @param {number[]} y rows, @param {number[][]} values values[row][column]
 * @returns {number[][]} segments [x0, y0, x1, y1] in the units of x and y
 */
export function contourSegments(x, y, values, level) {
  const segments = [];
  for (let row = 0; row + 1 < y.length; row += 1) {
    for (let column = 0; column + 1 < x.length; column += 1) {
      const corners = [
        values[row][column], values[row][column + 1], values[row + 1][column + 1], values[row + 1][column],
      ];
      if (corners.some((value) => !Number.isFinite(value))) continue;
      const above = corners.map((value) => value > level);
      const index = above[0] * 1 + above[1] * 2 + above[2] * 4 + above[3] * 8;
      const middle = (corners[0] + corners[1] + corners[2] + corners[3]) / 4;
      const lines = CROSSINGS[index] ?? saddle(index, middle > level);
      for (const [from, to] of lines) {
        const start = onEdge(from, corners, x, y, row, column, level);
        segments.push([...start, ...onEdge(to, corners, x, y, row, column, level)]);
      }
    }
  }
  return segments;
}

function onEdge(edge, corners, x, y, row, column, level) {
  const share = (a, b) => (level - corners[a]) / (corners[b] - corners[a]);
  const along = (list, at, part) => list[at] + (list[at + 1] - list[at]) * part;
  if (edge === 0) return [along(x, column, share(0, 1)), y[row]];
  if (edge === 1) return [x[column + 1], along(y, row, share(1, 2))];
  if (edge === 2) return [along(x, column, share(3, 2)), y[row + 1]];
  return [x[column], along(y, row, share(0, 3))];
}
