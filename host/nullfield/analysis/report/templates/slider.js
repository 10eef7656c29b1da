"use strict";
// Without this script the series of maps is all there is; it shows the same moments.
for (const figure of document.querySelectorAll("figure.frames")) {
  const frames = figure.querySelectorAll(".stage img");
  const slider = figure.querySelector("input");
  const label = figure.querySelector("output");
  const button = figure.querySelector("button");
  let timer = 0;
  const show = () => {
    const chosen = Number(slider.value);
    frames.forEach((frame, index) => { frame.hidden = index !== chosen; });
    label.textContent = frames[chosen].dataset.label;
    slider.setAttribute("aria-valuetext", frames[chosen].dataset.label);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
    button.setAttribute("aria-pressed", "false");
  };
  slider.addEventListener("input", () => { stop(); show(); });
  button.addEventListener("click", () => {
    if (timer) { stop(); return; }
    button.textContent = "Pause";
    button.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      slider.value = String((Number(slider.value) + 1) % frames.length);
      show();
    }, 120);
  });
  figure.hidden = false;
  show();
}
