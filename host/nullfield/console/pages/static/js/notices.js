// Errors and faults for people: what happened, what to do, and the exact words for the engineer.
import { explain, t } from "./i18n.js";

/** An element with text and class; children may be elements or text. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A notice of an error {error, hint, code}, built as elements so that no text is taken as markup. */
export function errorNotice(problem, level = "bad") {
  const plain = explain(problem.code);
  const box = element("div", { className: `notice ${level}` });
  box.append(element("p", {}, element("strong", {}, plain ? plain.happened : problem.error)));
  if (plain) box.append(element("p", {}, element("strong", {}, `${t("What to do:")} `), plain.remedy));
  if (!plain && problem.hint) box.append(element("p", {}, problem.hint));
  if (plain) {
    // For whoever is asked for help: which board, which numbers.
    const code = problem.code && !problem.error.includes(problem.code) ? ` (${problem.code})` : "";
    const exact = element("details", { className: "exact small" }, element("summary", {}, t("In the instrument's words")));
    exact.append(element("p", {}, `${problem.error}${code}`));
    if (problem.hint) exact.append(element("p", {}, problem.hint));
    box.append(exact);
  }
  return box;
}

/** Put a notice into a place, or clear it; a live region there is read out. */
export function showNotice(place, problem, level) {
  place.replaceChildren(...(problem ? [errorNotice(problem, level)] : []));
}

/** Run a button's work once at a time: disabled and marked busy until it has ended. */
export async function pending(button, work) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  try {
    await work();
  } finally {
    button.removeAttribute("aria-busy");
    button.disabled = false;
    button.dispatchEvent(new CustomEvent("settled", { bubbles: true }));
  }
}
