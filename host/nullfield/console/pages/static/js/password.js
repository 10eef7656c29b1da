// Change of the own password.
import { post } from "./api.js";
import { t } from "./i18n.js";
import { pending, showNotice } from "./notices.js";

const form = document.getElementById("password-form");
const place = document.getElementById("problem");

function refuse(text, field) {
  showNotice(place, { error: text });
  field.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { current, again } = form.elements;
  const chosen = form.elements.new;
  if (!current.value) return refuse(t("Enter your present password."), current);
  if (!chosen.value) return refuse(t("Enter a new password."), chosen);
  if (chosen.value !== again.value) return refuse(t("The two new passwords are not the same."), again);
  return pending(form.querySelector("button[type=submit]"), async () => {
    try {
      await post("/api/v1/me/password", { old: current.value, new: chosen.value }, { login: false });
      location.assign("/");
    } catch (problem) {
      showNotice(place, problem);
    }
  });
});
form.querySelector("button[type=submit]").disabled = false;
