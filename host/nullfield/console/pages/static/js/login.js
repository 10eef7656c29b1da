// The login form: sends name and password, then goes to the page that was asked for.
import { post } from "./api.js";
import { t } from "./i18n.js";
import { pending, showNotice } from "./notices.js";

const form = document.getElementById("login-form");
const place = document.getElementById("problem");
const ONE_YEAR_S = 31536000;

/** The page asked for; never another site, which a crafted link could name. */
function destination() {
  const next = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
  return next.origin === location.origin ? next.pathname + next.search : "/";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, password } = form.elements;
  if (!name.value.trim() || !password.value) {
    showNotice(place, { error: t("Enter a user name and a password.") });
    (name.value.trim() ? password : name).focus();
    return;
  }
  pending(form.querySelector("button[type=submit]"), async () => {
    try {
      await post("/api/v1/login", { name: name.value.trim(), password: password.value }, { login: false });
      location.assign(destination());
    } catch (problem) {
      showNotice(place, problem);
      password.value = "";
      password.focus();
    }
  });
});
form.querySelector("button[type=submit]").disabled = false;

document.getElementById("language").addEventListener("change", (event) => {
  document.cookie = `nullfield_lang=${event.target.value}; path=/; max-age=${ONE_YEAR_S}; SameSite=Strict`;
  location.reload();
});
