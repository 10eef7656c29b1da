// The question about the table's move. Not modal: abort and emergency stop stay in reach.
import { post } from "./api.js";
import { number, t } from "./i18n.js";
import { element, pending, showNotice } from "./notices.js";

const at = (id) => document.getElementById(id);
const box = at("question");
let open = null;
let limits = { lowest: -Infinity, highest: Infinity };

function fact(name, value) {
  return element("div", {}, element("dt", {}, name), element("dd", { className: "number" }, value));
}

const signed = (mm) => `${mm > 0 ? "+" : ""}${number(mm, 1)}`;

function fill(question, table) {
  const [x, y] = question.offset_mm;
  at("question-text").textContent = t("From {n} beats the heart was found off the middle of the sensors.", { n: question.beats });
  at("question-reason").textContent = question.reason ?? "";
  at("question-reason").hidden = !question.reason;
  at("question-facts").replaceChildren(
    fact(t("Heart across the table"), x >= 0 ? t("{mm} mm to the patient's left", { mm: number(Math.abs(x), 1) }) : t("{mm} mm to the patient's right", { mm: number(Math.abs(x), 1) })),
    fact(t("Heart along the table"), y >= 0 ? t("{mm} mm toward the head", { mm: number(Math.abs(y), 1) }) : t("{mm} mm toward the feet", { mm: number(Math.abs(y), 1) })),
    fact(t("Proposed move"), `${signed(question.move_mm)} mm`),
    fact(t("Table then at"), `${number(question.to_mm, 1)} mm`),
    fact(t("Uncertainty"), `± ${number(question.uncertainty_mm, 1)} mm`),
  );
  at("move_mm").value = question.move_mm.toFixed(1);
  const start = question.to_mm - question.move_mm;
  limits = table?.travel_mm ? { lowest: -start, highest: table.travel_mm - start } : { lowest: -Infinity, highest: Infinity };
}

/** Show the open question, or hide it. */
export function showQuestion(question, { mayAnswer, table }) {
  if (!question) {
    open = null;
    box.hidden = true;
    return;
  }
  if (open?.id !== question.id) {
    open = question;
    fill(question, table);
    problemOfMove("");
    showNotice(at("question-problem"), null);
    box.hidden = false;
    box.focus();
  }
  at("question-form").hidden = !mayAnswer;
  at("question-viewer").hidden = mayAnswer;
}

function problemOfMove(text) {
  at("move_mm-problem").textContent = text;
  at("move_mm-problem").hidden = !text;
  at("move_mm").setAttribute("aria-invalid", text ? "true" : "false");
}

function answer(button, body) {
  const { id } = open;
  pending(button, async () => {
    try {
      await post("/api/v1/exams/current/answer", { id, ...body });
    } catch (problem) {
      showNotice(at("question-problem"), problem);
    }
  });
}

at("question-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!open) return;
  const move = Number(at("move_mm").value.replace(",", "."));
  const { lowest, highest } = limits;
  if (at("move_mm").value.trim() === "" || !Number.isFinite(move) || move < lowest || move > highest) {
    problemOfMove(
      Number.isFinite(lowest)
        ? t("Enter a move from {lowest} to {highest} mm: that is what the table can do.", { lowest: number(lowest, 1), highest: number(highest, 1) })
        : t("Enter a number of millimetres."),
    );
    at("move_mm").focus();
    return;
  }
  problemOfMove("");
  answer(at("accept-move"), { accept: true, move_mm: move });
});
at("leave-table").addEventListener("click", (event) => open && answer(event.currentTarget, { accept: false, move_mm: null }));
