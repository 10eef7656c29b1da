// A body for orientation, in the instrument's frame: rings about a trunk and a head. It is nobody's measured shape.

const RING_POINTS = 28;
// y (toward the head), half width, half depth; metres. The chest's surface stands at z = 0.
const TRUNK = [
  [-0.3, 0.15, 0.1], [-0.2, 0.145, 0.1], [-0.1, 0.155, 0.105], [0.0, 0.165, 0.11], [0.1, 0.17, 0.105], [0.18, 0.17, 0.09], [0.22, 0.1, 0.065],
];
const HEAD = [
  [0.25, 0.055, 0.06], [0.29, 0.07, 0.085], [0.35, 0.078, 0.098], [0.41, 0.06, 0.075], [0.435, 0.025, 0.03],
];
const HEAD_BEHIND_M = -0.1;

function ring([y, halfWidth, halfDepth], middleZ) {
  return Array.from({ length: RING_POINTS + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / RING_POINTS;
    return [halfWidth * Math.cos(angle), y, middleZ + halfDepth * Math.sin(angle)];
  });
}

const lines = [
  ...TRUNK.map((section) => ring(section, -0.11)),
  ...HEAD.map((section) => ring(section, HEAD_BEHIND_M)),
];
// Lines along the body join the rings.
for (const [sections, middleZ] of [[TRUNK, -0.11], [HEAD, HEAD_BEHIND_M]]) {
  const rings = sections.map((section) => ring(section, middleZ));
  for (let i = 0; i < RING_POINTS; i += RING_POINTS / 4) lines.push(rings.map((points) => points[i]));
}

/** Pieces of line as pairs of points. */
export const bodySegments = lines.flatMap((points) => points.slice(1).map((point, i) => [points[i], point]));
