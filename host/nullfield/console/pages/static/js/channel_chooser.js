// Which channels are drawn, and how high each lane is.
import { number, t } from "./i18n.js";
import { element } from "./notices.js";
import { STEPS_PT } from "./trace_scales.js";

export const FIRST_CHOICE = 60;

function scaleSelect(label, chosenPt) {
  const select = element("select", { "aria-label": label, className: "compact" });
  select.append(element("option", { value: "" }, t("by itself")));
  for (const step of STEPS_PT) select.append(element("option", { value: String(step) }, `${number(step)} pT`));
  select.value = chosenPt === null ? "" : String(chosenPt);
  return select;
}

export class ChannelChooser {
  /**
   * @param {HTMLElement} place where the list goes
   * @param {{onChoice: (names: string[]) => void, scaleOf: (name: string) => object, onScale: () => void}} callbacks
   */
  constructor(place, callbacks) {
    this.place = place;
    this.callbacks = callbacks;
    this.names = [];
    this.chosen = new Set();
  }

  /** Offer these channels; a choice made before stays as far as they exist. */
  offer(names) {
    if (names.join() === this.names.join()) return;
    this.names = names;
    const kept = names.filter((name) => this.chosen.has(name));
    this.chosen = new Set(kept.length ? kept : names.slice(0, FIRST_CHOICE));
    this.render();
    this.tell();
  }

  choose(names) {
    this.chosen = new Set(names);
    for (const box of this.place.querySelectorAll("input[type=checkbox]")) box.checked = this.chosen.has(box.value);
    this.tell();
  }

  tell() {
    this.callbacks.onChoice(this.names.filter((name) => this.chosen.has(name)));
  }

  setScale(names, value) {
    for (const name of names) {
      this.callbacks.scaleOf(name).chosenPt = value === "" ? null : Number(value);
      const select = this.place.querySelector(`select[data-channel="${CSS.escape(name)}"]`);
      if (select) select.value = value;
    }
    this.callbacks.onScale();
  }

  render() {
    const axis = (letter) => this.names.filter((name) => name.endsWith(`.${letter}`));
    const presets = element("div", { className: "row", role: "group", "aria-label": t("Channels at once") });
    const axes = ["x", "y", "z"].filter((letter) => axis(letter).length);
    const choices = [
      [t("First {n}", { n: 12 }), this.names.slice(0, 12)],
      [t("First {n}", { n: FIRST_CHOICE }), this.names.slice(0, FIRST_CHOICE)],
      ...(axes.length > 1 ? axes.map((letter) => [t("All {axis}", { axis: letter }), axis(letter)]) : []),
      [t("All"), this.names],
      [t("None"), []],
    ];
    for (const [label, names] of choices) {
      const button = element("button", { type: "button" }, label);
      button.addEventListener("click", () => this.choose(names));
      presets.append(button);
    }
    const list = element("ul", { className: "channel-list" });
    for (const name of this.names) {
      const box = element("input", { type: "checkbox", value: name, checked: this.chosen.has(name) });
      box.addEventListener("change", () => {
        if (box.checked) this.chosen.add(name);
        else this.chosen.delete(name);
        this.tell();
      });
      const scale = scaleSelect(t("Height of the lane of {name}", { name }), this.callbacks.scaleOf(name).chosenPt);
      scale.dataset.channel = name;
      scale.addEventListener("change", () => this.setScale([name], scale.value));
      list.append(element("li", {}, element("label", {}, box, ` ${name}`), scale));
    }
    this.place.replaceChildren(presets, list);
  }
}

/** The select that sets all lanes at once. */
export function fillCommonScale(select, onChange) {
  select.replaceChildren(...scaleSelect("", null).children);
  select.value = "";
  select.addEventListener("change", () => onChange(select.value));
}
