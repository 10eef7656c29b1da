// Tips on anything with data-tip: shown on hover and on keyboard focus, hidden by Escape, tied by aria-describedby.
import { element } from "./notices.js";

const tip = element("div", { className: "tip", id: "tip", role: "tooltip", hidden: true });
document.body.append(tip);
let owner = null;

function show(target) {
  if (owner === target) return;
  hide();
  owner = target;
  tip.textContent = target.dataset.tip;
  tip.hidden = false;
  target.setAttribute("aria-describedby", [target.dataset.describedby, "tip"].filter(Boolean).join(" "));
  const box = target.getBoundingClientRect();
  const below = box.bottom + 8 + tip.offsetHeight < window.innerHeight;
  const top = below ? box.bottom + 8 : Math.max(4, box.top - tip.offsetHeight - 8);
  const left = Math.max(4, Math.min(box.left, window.innerWidth - tip.offsetWidth - 8));
  // Set through the style object, which a strict content policy allows; attributes it does not.
  tip.style.top = `${top}px`;
  tip.style.left = `${left}px`;
}

function hide() {
  if (!owner) return;
  if (owner.dataset.describedby) owner.setAttribute("aria-describedby", owner.dataset.describedby);
  else owner.removeAttribute("aria-describedby");
  owner = null;
  tip.hidden = true;
}

const tipped = (event) => event.target.closest?.("[data-tip]");
document.addEventListener("pointerover", (event) => {
  const target = tipped(event);
  if (target) show(target);
  else hide();
});
document.addEventListener("focusin", (event) => {
  const target = tipped(event);
  if (target && target.matches(":focus-visible")) show(target);
  else hide();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
});
document.addEventListener("scroll", hide, true);
