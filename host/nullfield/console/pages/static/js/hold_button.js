// A button that acts only while it is held: by pointer or by Space and Enter. Whatever ends the holding
// (release, leaving the button, another window, a hidden page, an error) stops; the board stops by itself
// when the repeated command no longer comes.

const REPEAT_MS = 150;

/**
 * @param {{button: HTMLButtonElement, direction: number}[]} buttons only one of them is held at a time
 * @param {{send: (direction: number) => Promise<void>, onHeld: (direction: number) => void, onProblem: (problem: object) => void}} acts
 */
export function holdToRun(buttons, { send, onHeld, onProblem }) {
  let held = null;
  let timer = null;
  let flight = null;

  function repeat() {
    // A slow network must not queue commands up: they would arrive after the release.
    if (flight || !held) return;
    const mine = held;
    flight = send(mine.direction)
      .catch((problem) => {
        if (held === mine) stop();
        onProblem(problem);
      })
      .finally(() => (flight = null));
  }

  function start(entry) {
    if (held || entry.button.disabled) return;
    held = entry;
    entry.button.classList.add("is-held");
    onHeld(entry.direction);
    repeat();
    timer = setInterval(repeat, REPEAT_MS);
  }

  function stop() {
    if (!held) return;
    clearInterval(timer);
    held.button.classList.remove("is-held");
    held = null;
    onHeld(0);
    const still = () => {
      // Pressed again meanwhile: that press decides.
      if (!held) send(0).catch(onProblem);
    };
    // A command still on its way could overtake the stop: stop now, and once more after it.
    flight?.finally(still);
    still();
  }

  for (const entry of buttons) {
    const { button } = entry;
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      // A finger is captured by what it first touches, and would not be seen to leave.
      if (button.hasPointerCapture(event.pointerId)) button.releasePointerCapture(event.pointerId);
      start(entry);
    });
    for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(name, stop);
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) start(entry);
    });
    button.addEventListener("keyup", stop);
  }
  window.addEventListener("blur", stop);
  window.addEventListener("pagehide", stop);
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  return { stop, isHeld: () => held !== null };
}
