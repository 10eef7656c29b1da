// Turning the array with a pointer: drag turns, a click chooses, the wheel comes nearer.

const DRAG = 0.008; // radians a pixel

export function followPointer(canvas, orbit, draw, onClick) {
  let from = null;
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = [event.clientX, event.clientY];
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]];
    from = [event.clientX, event.clientY];
    moved += Math.abs(dx) + Math.abs(dy);
    orbit.turn(dx * DRAG, dy * DRAG);
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (from && moved < 5) onClick(event.offsetX, event.offsetY);
    from = null;
  });
  canvas.addEventListener("pointercancel", () => (from = null));
  canvas.addEventListener(
    "wheel",
    (event) => {
      // Only with the canvas in focus: otherwise the wheel scrolls the page.
      if (document.activeElement !== canvas) return;
      event.preventDefault();
      orbit.scale(event.deltaY < 0 ? 1.1 : 1 / 1.1);
      draw();
    },
    { passive: false },
  );
}
