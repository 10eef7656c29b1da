// The live traces: their controls, their connection, and what is said about both.
import { get } from "./api.js";
import { ChannelChooser, fillCommonScale } from "./channel_chooser.js";
import { stateOf } from "./head_quantities.js";
import { number, t } from "./i18n.js";
import { addKey } from "./keys.js";
import { LiveSocket } from "./live_socket.js";
import { currentState, onState } from "./state.js";
import { TracePlot } from "./trace_plot.js";

const ASK_AGAIN_MS = 3000;

/**
 * @param {HTMLElement} panel
 * @param {(names: string[]) => void} onChoice told which channels are shown
 */
export function showTraces(panel, onChoice) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const plot = new TracePlot(part("plot"));
  let framesMs = -Infinity;
  const socket = new LiveSocket({
    onFrame: (frame) => {
      framesMs = performance.now();
      plot.take(frame);
    },
    onConnected: (isConnected) => (panel.dataset.connected = isConnected ? "yes" : "no"),
  });
  const chooser = new ChannelChooser(part("chooser"), {
    scaleOf: (name) => plot.scaleOf(name),
    onScale: () => {
      plot.drawAxes();
      plot.drawTraces();
    },
    onChoice: (names) => {
      plot.choose(names);
      socket.choose(names);
      part("count").textContent = t("{n} channels shown", { n: names.length });
      onChoice(names);
    },
  });

  fillCommonScale(part("scale"), (value) => chooser.setScale(chooser.names, value));
  part("time-base").addEventListener("change", (event) => plot.setTimeBase(Number(event.target.value)));
  plot.setTimeBase(Number(part("time-base").value));
  part("pause").addEventListener("click", ({ currentTarget }) => {
    plot.isPaused = !plot.isPaused;
    currentTarget.setAttribute("aria-pressed", String(plot.isPaused));
    currentTarget.textContent = plot.isPaused ? t("Go on") : t("Pause");
  });

  addKey("p", t("Pause the traces, or let them go on"), () => part("pause").click());

  let heads = "";
  let askedMs = -Infinity;
  onState((state) => {
    plot.setNotReady(new Map(state.heads.filter((head) => head.state !== "READY").map((head) => [head.name, stateOf(head).sign])));
    const present = state.heads.map((head) => head.name).join();
    const isDue = present !== heads || (!chooser.names.length && present);
    if (!isDue || performance.now() - askedMs < ASK_AGAIN_MS) return;
    heads = present;
    askedMs = performance.now();
    get("/api/v1/live/channels").then(
      (names) => chooser.offer(names ?? []),
      () => (heads = ""),
    );
  });

  setInterval(() => {
    part("empty").hidden = performance.now() - framesMs < 2000 || plot.isPaused;
    part("empty").textContent = emptyText(chooser, currentState(), panel.dataset.connected === "yes");
    const missing = plot.ring?.missing ?? 0;
    part("rate").textContent = t("{fps} pictures/s", { fps: number(Number(plot.place.dataset.fps ?? 0), 0) });
    part("gaps").textContent = missing ? t("{n} values missing", { n: number(missing) }) : t("no gaps");
    part("gaps").className = missing ? "warn" : "muted";
  }, 500);
  return plot;
}

function emptyText(chooser, state, isConnected) {
  if (!state || !state.heads.length) return t("The instrument is not connected yet. Traces start by themselves.");
  if (!chooser.chosen.size) return t("No channel is chosen. Choose some under “Channels and lanes”.");
  if (!isConnected) return t("The connection for live samples is being made again.");
  return t("No samples are coming. Traces start when the boards stream: start the instrument.");
}
