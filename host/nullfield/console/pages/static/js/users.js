// Accounts for the administrator, and the audit trail.
import { get, patch, post, remove } from "./api.js";
import { dateTime, t } from "./i18n.js";
import { openDialog } from "./keys.js";
import { element, pending, showNotice } from "./notices.js";
import { userName } from "./state.js";

const at = (id) => document.getElementById(id);
const ROLES = { operator: t("Operator"), engineer: t("Engineer"), admin: t("Administrator") };
const AUDIT_ENTRIES = 100;

/** Run a button's work, show what went wrong, then show the list anew. */
function act(button, work) {
  return pending(button, async () => {
    try {
      await work();
      showNotice(at("problem"), null);
    } catch (problem) {
      showNotice(at("problem"), problem);
    }
    await load();
  });
}

function handOut(name, password) {
  at("handed-out").replaceChildren(
    element("div", { className: "notice good" },
      element("p", {}, t("One-time password for {name}; it is shown only now and must be changed at the first login:", { name })),
      element("p", {}, element("span", { className: "secret" }, password))),
  );
}

function roleChoice(user) {
  const choice = element("select", {}, ...Object.entries(ROLES).map(([role, name]) => element("option", { value: role, selected: role === user.role }, name)));
  choice.setAttribute("aria-label", t("Role of {name}", { name: user.name }));
  choice.disabled = user.name === userName();
  choice.addEventListener("change", () => act(choice, () => patch(`/api/v1/users/${user.id}`, { role: choice.value })));
  return choice;
}

function button(text, label, className, work) {
  const made = element("button", { type: "button", className }, text);
  made.setAttribute("aria-label", label);
  made.addEventListener("click", () => work(made));
  return made;
}

function askRemove(user) {
  const sure = element("button", { type: "button", className: "danger big" }, t("Remove {name}", { name: user.name }));
  const dialog = openDialog(t("Remove this user?"), element("p", {}, t("The user's sessions end at once. Studies and the audit trail stay.")), sure);
  sure.addEventListener("click", async () => {
    await act(sure, () => remove(`/api/v1/users/${user.id}`));
    dialog.close();
  });
}

function row(user) {
  const isSelf = user.name === userName();
  const state = !user.is_enabled ? t("Locked") : user.must_change_password ? t("Waits for its first login") : t("In use");
  const change = user.is_enabled ? t("Lock") : t("Unlock");
  const actions = isSelf
    ? [element("span", { className: "muted" }, t("This is you."))]
    : [
        button(change, `${change}: ${user.name}`, "", (made) => act(made, () => patch(`/api/v1/users/${user.id}`, { is_enabled: !user.is_enabled }))),
        button(t("New password"), `${t("New password")}: ${user.name}`, "", (made) =>
          act(made, async () => handOut(user.name, (await post(`/api/v1/users/${user.id}/reset`, {})).one_time_password))),
        button(t("Remove"), `${t("Remove")}: ${user.name}`, "danger", () => askRemove(user)),
      ];
  return element(
    "tr", {},
    element("th", { scope: "row" }, user.name),
    element("td", {}, roleChoice(user)),
    element("td", {}, state),
    element("td", {}, element("div", { className: "row" }, ...actions)),
  );
}

function auditRow(entry) {
  const detail = Object.keys(entry.detail ?? {}).length ? JSON.stringify(entry.detail) : "";
  return element("tr", {}, ...[dateTime(entry.time), entry.user, entry.action, entry.subject, detail].map((text) => element("td", {}, text)));
}

async function load() {
  try {
    const [users, entries] = await Promise.all([get("/api/v1/users"), get(`/api/v1/audit?limit=${AUDIT_ENTRIES}`)]);
    at("rows").replaceChildren(...users.map(row));
    at("audit").replaceChildren(...entries.map(auditRow));
  } catch (problem) {
    showNotice(at("problem"), problem);
  }
  at("loading").hidden = true;
}

at("new-user").addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, role } = event.target.elements;
  if (!name.value.trim()) {
    showNotice(at("problem"), { error: t("Enter a user name.") });
    name.focus();
    return;
  }
  act(event.target.querySelector("button"), async () => {
    const made = await post("/api/v1/users", { name: name.value.trim(), role: role.value });
    handOut(made.user.name, made.one_time_password);
    event.target.reset();
  });
});
at("new-user").querySelector("button").disabled = false;
load();
