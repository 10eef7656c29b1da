// The boards: state, load, memory, what was lost and why, faults.
import { post } from "./api.js";
import { number, t } from "./i18n.js";
import { element, pending, showNotice } from "./notices.js";
import { hasControl, onState } from "./state.js";

const BUSY_LOAD = 0.85;
const LITTLE_HEAP = 16384;
const COLUMNS = 8;

const BOARD_STATES = {
  SAFE: t("safe, outputs off"), ACTIVE: t("active"), FAULT: t("fault"), REPL: t("stopped for service"),
};
const ROLES = { sensor: t("sensors"), coil: t("coils"), table: t("table"), bringup: t("bring-up") };

/** Words for the causes that the link counts; an unknown cause is shown as it is. */
const CAUSES = {
  board_queue: t("board's queue"), board_blocks: t("blocks missed by the board"), link: t("link"), host: t("host"), disk: t("disk"),
};

/** @param {(uid: string) => void} showRecorder */
export function showBoards(panel, showRecorder) {
  const part = (name) => panel.querySelector(`[data-part="${name}"]`);
  const rows = new Map();

  function addRow(board) {
    const cells = Array.from({ length: COLUMNS - 1 }, (_, i) => element("td", { className: i >= 2 && i <= 4 ? "number" : "" }));
    const recorder = element("button", { type: "button" }, t("Recorder"));
    recorder.dataset.tip = t("What the board saw in the last second before its fault");
    recorder.setAttribute("aria-label", t("Flight recorder of {board}", { board: board.name || board.uid }));
    recorder.addEventListener("click", () => showRecorder(board.uid));
    const clear = element("button", { type: "button", hidden: true }, t("Clear fault"));
    clear.addEventListener("click", () =>
      pending(clear, () =>
        post(`/api/v1/boards/${encodeURIComponent(board.uid)}/clear-faults`, {}).then(
          () => showNotice(part("problem"), null),
          (problem) => showNotice(part("problem"), problem),
        ),
      ),
    );
    cells.at(-1).append(element("div", { className: "row" }, recorder, clear));
    const name = element("th", { scope: "row" }, board.name || "–", element("br"), element("span", { className: "small muted" }, board.uid));
    part("rows").append(element("tr", {}, name, ...cells));
    return { cells, clear };
  }

  onState((state) => {
    const { boards } = state;
    part("empty").hidden = boards.length > 0;
    part("table").hidden = boards.length === 0;
    const uids = boards.map((board) => board.uid);
    if (uids.join() !== [...rows.keys()].join()) {
      rows.clear();
      part("rows").replaceChildren();
      for (const board of boards) rows.set(board.uid, addRow(board));
    }
    const isMine = hasControl(state);
    for (const board of boards) {
      const { cells, clear } = rows.get(board.uid);
      cells[0].textContent = ROLES[board.role] ?? board.role;
      cells[1].textContent = board.state === "FAULT" ? `▲ ${BOARD_STATES.FAULT}` : (BOARD_STATES[board.state] ?? board.state ?? t("silent"));
      cells[1].className = board.state === "FAULT" ? "bad" : board.state === null ? "warn" : "";
      cells[2].textContent = board.load === null ? "–" : `${number(board.load * 100)} %`;
      cells[2].className = board.load > BUSY_LOAD ? "number warn" : "number";
      cells[3].textContent = board.heap_free_bytes === null ? "–" : `${number(board.heap_free_bytes / 1024)} KiB`;
      cells[3].className = board.heap_free_bytes !== null && board.heap_free_bytes < LITTLE_HEAP ? "number warn" : "number";
      const lost = Object.values(board.lost_rows ?? {}).reduce((sum, count) => sum + count, 0);
      cells[4].replaceChildren(number(lost), ...lossOf(board).map((line) => element("div", { className: "small" }, line)));
      cells[4].className = lost ? "number warn" : "number";
      cells[5].textContent = [board.fault, board.advice].filter(Boolean).join(". ");
      cells[5].className = board.fault ? "bad" : "";
      clear.hidden = !board.fault && board.state !== "FAULT";
      if (clear.getAttribute("aria-busy") !== "true") clear.disabled = !isMine;
      clear.title = isMine ? "" : t("Take control first.");
    }
    part("loss").textContent = lossText(boards);
  });
}

/** What one board lost, a line a cause. */
function lossOf(board) {
  return Object.entries(board.lost_rows ?? {}).filter(([, count]) => count > 0).map(([cause, count]) => `${CAUSES[cause] ?? cause}: ${number(count)}`);
}

/** Rows lost over all boards, by cause. */
function lossText(boards) {
  const byCause = new Map();
  let received = 0;
  for (const board of boards) {
    received += board.received_rows ?? 0;
    for (const [cause, count] of Object.entries(board.lost_rows ?? {})) byCause.set(cause, (byCause.get(cause) ?? 0) + count);
  }
  if (!byCause.size) return "";
  const parts = [...byCause].map(([cause, count]) => `${CAUSES[cause] ?? cause}: ${number(count)}`);
  const all = received ? ` ${t("{n} rows received.", { n: number(received) })}` : "";
  return `${t("Rows lost by cause")}: ${parts.join(", ")}.${all}`;
}
