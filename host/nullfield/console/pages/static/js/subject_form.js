// The form for a new examination: read it, say plainly what is wrong, send it once.
import { post } from "./api.js";
import { t } from "./i18n.js";
import { pending, showNotice } from "./notices.js";

const FIELDS = ["subject_id", "name", "sex", "year_of_birth", "notes", "beats"];
const FIRST_YEAR = 1900;
const BEATS = { fewest: 10, most: 2000 };
const at = (id) => document.getElementById(id);
const form = at("subject-form");

/** What is wrong with the form, by field; the server checks again. */
export function problemsOf(values, thisYear = new Date().getFullYear()) {
  const problems = {};
  if (!values.subject_id) problems.subject_id = t("Enter a code for the subject.");
  else if (!/^[A-Za-z0-9_-]{1,32}$/.test(values.subject_id))
    problems.subject_id = t("Use only letters A-Z, digits, - and _, at most 32.");
  if (values.year_of_birth !== "") {
    const year = Number(values.year_of_birth);
    if (!Number.isInteger(year) || year < FIRST_YEAR || year > thisYear)
      problems.year_of_birth = t("Enter a year from {first} to {last}, or nothing.", { first: FIRST_YEAR, last: thisYear });
  }
  const beats = Number(values.beats);
  if (!Number.isInteger(beats) || beats < BEATS.fewest || beats > BEATS.most)
    problems.beats = t("Enter a number of beats from {first} to {last}.", { first: BEATS.fewest, last: BEATS.most });
  return problems;
}

function read() {
  return Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));
}

function showProblems(problems) {
  for (const name of FIELDS) {
    const place = at(`${name}-problem`);
    place.textContent = problems[name] ?? "";
    place.hidden = !problems[name];
    form.elements[name].setAttribute("aria-invalid", name in problems ? "true" : "false");
  }
  const first = FIELDS.find((name) => name in problems);
  if (!first) return;
  if (first === "notes" || first === "beats") at("more-fields").open = true;
  form.elements[first].focus();
}

/**
 * Make the form work.
 * @param {function} takeControl called before sending, so that one button is enough
 * @param {function} started called when the server has taken the examination
 */
export function useForm(takeControl, started) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = read();
    const problems = problemsOf(values);
    showProblems(problems);
    showNotice(at("form-problem"), null);
    if (Object.keys(problems).length) return;
    pending(at("start"), async () => {
      try {
        await takeControl();
        await post("/api/v1/exams", {
          ...values,
          name: values.name || null,
          year_of_birth: values.year_of_birth === "" ? null : Number(values.year_of_birth),
          beats: Number(values.beats),
        });
        started();
      } catch (problem) {
        showNotice(at("form-problem"), problem);
      }
    });
  });
}

export function clearForm() {
  form.reset();
  showProblems({});
  showNotice(at("form-problem"), null);
}

/** Let the form be used, or say why not. */
export function allowForm(reason) {
  at("form-fields").disabled = Boolean(reason);
  at("form-reason").hidden = !reason;
  if (at("form-reason").textContent !== reason) at("form-reason").textContent = reason;
}
