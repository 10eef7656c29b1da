// The list of studies: search, pages, and the choice of two to compare.
import { get } from "./api.js";
import { dateTime, number, t } from "./i18n.js";
import { element, showNotice } from "./notices.js";
import { LEVELS, stateText } from "./study_words.js";

const PAGE_SIZE = 50;
const at = (id) => document.getElementById(id);
const form = at("search");
const chosen = new Set();
let offset = 0;
let asked = 0;

function query() {
  const values = new URLSearchParams();
  for (const name of ["text", "from", "to", "state"]) {
    const value = form.elements[name].value.trim();
    if (value) values.set(name, value);
  }
  return values;
}

function row(exam) {
  const box = element("input", { type: "checkbox", checked: chosen.has(exam.exam_id), disabled: exam.state === "deleted" });
  box.setAttribute("aria-label", t("Choose {id} to compare", { id: exam.exam_id }));
  box.addEventListener("change", () => {
    if (box.checked) chosen.add(exam.exam_id);
    else chosen.delete(exam.exam_id);
    at("compare").disabled = chosen.size !== 2;
  });
  const link = element("a", { href: `/studies/${encodeURIComponent(exam.exam_id)}` }, exam.exam_id);
  const subject = exam.name ? `${exam.subject_id} (${exam.name})` : exam.subject_id;
  return element(
    "tr", {},
    element("td", {}, element("label", { className: "check-cell" }, box)),
    element("td", {}, link),
    element("td", {}, subject),
    element("td", {}, dateTime(exam.begun_at)),
    element("td", { className: LEVELS[exam.state] ?? "" }, stateText(exam.state)),
    element("td", { className: "number" }, number(exam.summary?.beats_accepted)),
    element("td", { className: "notes", title: exam.notes ?? "" }, exam.notes ?? ""),
  );
}

function show(page) {
  at("rows").replaceChildren(...page.exams.map(row));
  at("found").hidden = page.exams.length === 0;
  at("none").hidden = page.exams.length > 0;
  at("count").textContent = page.total === 1 ? t("1 study") : t("{n} studies", { n: page.total });
  at("pager").hidden = page.total <= PAGE_SIZE;
  at("earlier").disabled = offset === 0;
  at("later").disabled = offset + page.exams.length >= page.total;
}

async function search() {
  const values = query();
  history.replaceState(null, "", values.size ? `?${values}` : location.pathname);
  values.set("limit", PAGE_SIZE);
  values.set("offset", offset);
  const mine = ++asked;
  try {
    const page = await get(`/api/v1/exams?${values}`);
    if (mine !== asked) return; // a newer search is under way
    showNotice(at("problem"), null);
    show(page);
  } catch (problem) {
    at("count").textContent = "";
    showNotice(at("problem"), problem);
  }
}

const start = new URLSearchParams(location.search);
for (const name of ["text", "from", "to", "state"]) form.elements[name].value = start.get(name) ?? "";
form.addEventListener("submit", (event) => {
  event.preventDefault();
  offset = 0;
  search();
});
form.elements.state.addEventListener("change", () => form.requestSubmit());
at("earlier").addEventListener("click", () => {
  offset = Math.max(0, offset - PAGE_SIZE);
  search();
});
at("later").addEventListener("click", () => {
  offset += PAGE_SIZE;
  search();
});
at("compare").addEventListener("click", () => {
  const [a, b] = [...chosen].sort();
  location.assign(`/studies/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}`);
});
search();
