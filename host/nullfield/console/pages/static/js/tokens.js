// The user's own API tokens: make one, see it once, revoke it.
import { get, post, remove } from "./api.js";
import { dateTime, t } from "./i18n.js";
import { element, pending, showNotice } from "./notices.js";

const LONGEST_DAYS = 366;
const at = (id) => document.getElementById(id);
const date = (unixS) => (unixS === null ? "–" : dateTime(new Date(unixS * 1000).toISOString()));

async function attempt(button, work) {
  await pending(button, async () => {
    try {
      await work();
      showNotice(at("token-problem"), null);
    } catch (problem) {
      showNotice(at("token-problem"), problem);
    }
  });
  await load();
}

function row(token) {
  const revoke = element("button", { type: "button", className: "danger" }, t("Revoke"));
  revoke.setAttribute("aria-label", t("Revoke {label}", { label: token.label }));
  revoke.addEventListener("click", () => attempt(revoke, () => remove(`/api/v1/tokens/${token.id}`)));
  const end = token.is_expired ? t("ended") : date(token.expires_unix_s);
  return element(
    "tr", {},
    element("th", { scope: "row" }, token.label),
    element("td", {}, end),
    element("td", {}, date(token.used_unix_s)),
    element("td", {}, revoke),
  );
}

async function load() {
  try {
    const tokens = await get("/api/v1/tokens");
    at("tokens").replaceChildren(...tokens.map(row));
    at("no-tokens").hidden = tokens.length > 0;
  } catch (problem) {
    showNotice(at("token-problem"), problem);
  }
}

at("new-token").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  const label = form.elements.label.value.trim();
  const days = Number(form.elements.days.value);
  if (!label || !Number.isInteger(days) || days < 1 || days > LONGEST_DAYS) {
    showNotice(at("token-problem"), { error: t("Say what the token is for, and for how many days, 1 to {most}.", { most: LONGEST_DAYS }) });
    (label ? form.elements.days : form.elements.label).focus();
    return;
  }
  attempt(form.querySelector("button"), async () => {
    const role = document.documentElement.dataset.role;
    const made = await post("/api/v1/tokens", { label, days, role });
    at("made-token").replaceChildren(
      element("div", { className: "notice good" },
        element("p", {}, t("The token; it is shown only now:")),
        element("p", {}, element("span", { className: "secret" }, made.text))),
    );
    form.reset();
  });
});
at("new-token").querySelector("button").disabled = false;
load();
