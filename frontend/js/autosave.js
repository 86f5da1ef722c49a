// Nothing typed is ever lost: `<form data-autosave="key">` keeps what is typed in this browser until the server has it.
// If a page comes back without it, a line above the form offers it again.
import { all, calm, word } from "./dom.js";

const prefix = "spilno:typed:";
const sentKey = "spilno:sent";
const fieldsOf = (form) => [...form.elements].filter((one) => one.name && !["hidden", "password", "file", "submit", "button", "fieldset"].includes(one.type) && !("noSave" in one.dataset));

function read(form) {
  const values = {};
  for (const field of fieldsOf(form)) {
    if (field.type === "checkbox" || field.type === "radio") (values[field.name] ??= []).push(...(field.checked ? [field.value] : []));
    else if (field.multiple) values[field.name] = [...field.selectedOptions].map((one) => one.value);
    else (values[field.name] ??= []).push(field.value);
  }
  return values;
}

function write(form, values) {
  const seen = {};
  for (const field of fieldsOf(form)) {
    const kept = values[field.name];
    if (!kept) continue;
    if (field.type === "checkbox" || field.type === "radio") field.checked = kept.includes(field.value);
    else if (field.multiple) [...field.options].forEach((one) => (one.selected = kept.includes(one.value)));
    else field.value = kept[(seen[field.name] = (seen[field.name] ?? -1) + 1)] ?? field.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

const load = (key) => {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
};
const keep = (key, value) => {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A full or forbidden store must not stop anybody from typing.
  }
};

function offer(form, key, kept) {
  const line = document.createElement("div");
  line.className = "restore";
  line.setAttribute("role", "status");
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" }).format(kept.at);
  line.append(Object.assign(document.createElement("span"), { textContent: `${word("unsaved")} ${time}.` }));
  for (const [text, act] of [
    [word("restore"), () => write(form, kept.values)],
    [word("forget"), () => localStorage.removeItem(key)],
  ]) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-small", textContent: text });
    button.addEventListener("click", () => {
      act();
      line.remove();
    });
    line.append(button);
  }
  form.prepend(line);
}

/** The server answered with another page or without errors: what was sent is saved, the copy may go. */
function settle() {
  const sent = sessionStorage.getItem(sentKey);
  if (!sent) return;
  sessionStorage.removeItem(sentKey);
  const back = [...document.querySelectorAll("form[data-autosave]")].find((form) => prefix + form.dataset.autosave === sent);
  if (!back || !back.querySelector(".error, .form-errors")) localStorage.removeItem(sent);
}

let settled = false;

export function autosave(root) {
  if (!settled) {
    settled = true;
    settle();
  }
  for (const form of all(root, "form[data-autosave]")) {
    if (form.dataset.watched) continue;
    form.dataset.watched = "1";
    const key = prefix + form.dataset.autosave;
    const kept = load(key);
    // The server may have the same, typed a moment later or earlier: one offer is enough.
    const served = Date.parse(form.parentElement?.querySelector("[data-kept-offer]")?.dataset.at);
    if (kept && !(kept.at <= served + 5000) && JSON.stringify(kept.values) !== JSON.stringify(read(form))) offer(form, key, kept);
    const save = () => keep(key, { at: Date.now(), values: read(form) });
    const soon = calm(save, 300);
    form.addEventListener("input", (event) => event.isTrusted && soon());
    addEventListener("pagehide", () => "touched" in form.dataset && form.isConnected && sessionStorage.getItem(sentKey) !== key && save());
    form.addEventListener("submit", () => sessionStorage.setItem(sentKey, key));
    form.addEventListener("htmx:afterRequest", (event) => {
      sessionStorage.removeItem(sentKey);
      if (event.detail.elt === form && event.detail.successful) localStorage.removeItem(key);
    });
  }
}
