// A camera that turns about a point: metres of the instrument's frame to pixels of a canvas.
// Frame: x from right to left of the patient, y toward the head, z out of the chest.

const DISTANCE = 3.4; // of the camera, in radii of what is looked at
const NEAREST = 0.2; // in radii; what comes nearer does not grow further
const FILL = 1.0; // share of the half canvas that the radius takes

export class Orbit {
  constructor() {
    this.middle = [0, 0, 0];
    this.radius = 0.2;
    this.reset();
  }

  /** Seen from the front, from the side of the feet and a little from the patient's left. */
  reset() {
    this.yaw = -0.45;
    this.pitch = -0.55;
    this.zoom = 1;
  }

  turn(yaw, pitch) {
    this.yaw = (this.yaw + yaw) % (2 * Math.PI);
    this.pitch = Math.min(Math.PI / 2, Math.max(-Math.PI / 2, this.pitch + pitch));
  }

  scale(factor) {
    this.zoom = Math.min(6, Math.max(0.3, this.zoom * factor));
  }

  /** Look at these points: their middle in the middle, all of them inside. */
  frame(points) {
    const low = [0, 1, 2].map((axis) => Math.min(...points.map((point) => point[axis])));
    const high = [0, 1, 2].map((axis) => Math.max(...points.map((point) => point[axis])));
    this.middle = low.map((value, axis) => (value + high[axis]) / 2);
    this.radius = Math.max(Math.hypot(...low.map((value, axis) => (high[axis] - value) / 2)), 0.05);
  }

  /** @returns {(point: number[]) => {x: number, y: number, depth: number, size: number}} size in pixels a metre */
  projector(width, height) {
    const { middle, radius } = this;
    const [cosYaw, sinYaw] = [Math.cos(this.yaw), Math.sin(this.yaw)];
    const [cosPitch, sinPitch] = [Math.cos(this.pitch), Math.sin(this.pitch)];
    const focus = (Math.min(width, height) / 2) * FILL * DISTANCE * this.zoom;
    return (point) => {
      const x = point[0] - middle[0];
      const y = point[1] - middle[1];
      const z = point[2] - middle[2];
      const across = cosYaw * x - sinYaw * z;
      const front = sinYaw * x + cosYaw * z;
      const up = cosPitch * y - sinPitch * front;
      const depth = DISTANCE * radius - (sinPitch * y + cosPitch * front);
      const size = focus / Math.max(depth, NEAREST * radius);
      return { x: width / 2 + across * size, y: height / 2 - up * size, depth, size };
    };
  }
}
