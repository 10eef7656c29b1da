// A canvas that keeps the size of its place on the screen, in the screen's own pixels.

/** Colours of the theme as they stand on an element. */
export function themeColours(element) {
  const style = getComputedStyle(element);
  const colours = {};
  for (const name of ["bg", "panel", "raised", "line", "edge", "text", "muted", "accent", "good", "warn", "bad", "map-bg"]) {
    colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  return colours;
}

export class Surface {
  /** @param {HTMLCanvasElement} canvas @param {() => void} onResize called when size or theme changed */
  constructor(canvas, onResize, options) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", options);
    this.colours = themeColours(canvas);
    this.fit();
    new ResizeObserver(() => {
      if (this.fit()) onResize();
    }).observe(canvas);
    new MutationObserver(() => {
      this.colours = themeColours(canvas);
      onResize();
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  /** Take over the size on the screen; true if it changed. */
  fit() {
    const box = this.canvas.getBoundingClientRect();
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.width = Math.max(1, Math.round(box.width));
    this.height = Math.max(1, Math.round(box.height));
    const width = Math.round(this.width * this.ratio);
    const height = Math.round(this.height * this.ratio);
    if (this.canvas.width === width && this.canvas.height === height) return false;
    this.canvas.width = width;
    this.canvas.height = height;
    return true;
  }

  /** Clear, and give a context whose unit is the screen's CSS pixel. */
  begin() {
    const { context } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  /** Font of the page at a size in CSS pixels. */
  font(size, weight = "") {
    return `${weight} ${size}px ${getComputedStyle(this.canvas).fontFamily}`.trim();
  }
}

/** Whether an element is in sight, kept up to date: what nobody sees need not be drawn. */
export function watchSight(element) {
  const sight = { isVisible: false };
  new IntersectionObserver((entries) => {
    sight.isVisible = entries.at(-1).isIntersecting;
  }).observe(element);
  return sight;
}
