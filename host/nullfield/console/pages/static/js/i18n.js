// Strings of the pages' scripts in the page's language; the English text is the key.

const language = document.documentElement.lang || "en";
let catalogue = { messages: {}, explanations: {} };
try {
  // Also in English, for the explanations.
  const response = await fetch(`/i18n/${language}.json`);
  if (response.ok) catalogue = await response.json();
} catch {
  // English shows instead; the connection banner tells the rest.
}

/** Translate, then put values in the places of {names}. */
export function t(text, values = {}) {
  const translated = catalogue.messages[text] || text;
  return translated.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** What happened and what to do, in plain words, for a fault or error code; null if unknown. */
export function explain(code) {
  const known = catalogue.explanations;
  if (!code) return null;
  if (known[code]) return known[code];
  // A fault's text names its code among other words ("fault SUPPLY_LOW (source 0 ...)", "supply low").
  const text = code.toUpperCase().replaceAll(" ", "_");
  const name = Object.keys(known).find((key) => key === key.toUpperCase() && text.includes(key));
  return name ? known[name] : null;
}

const formats = new Map();
/** A number with fixed decimals in the page's language; a dash for what is unknown. */
export function number(value, decimals = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (!formats.has(decimals)) {
    const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals, signDisplay: "negative" };
    formats.set(decimals, new Intl.NumberFormat(language, options));
  }
  return formats.get(decimals).format(value);
}

const dateFormat = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
export const dateTime = (iso) => (iso ? dateFormat.format(new Date(iso)) : "–");
const timeFormat = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
export const timeOfDay = (iso) => (iso ? timeFormat.format(new Date(iso)) : "–");

/** "1:05 min" or "12 s". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t("{n} s", { n: whole });
  return t("{m}:{s} min", { m: Math.floor(whole / 60), s: String(whole % 60).padStart(2, "0") });
}
