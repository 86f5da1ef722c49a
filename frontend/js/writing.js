// What is typed into the composer is kept on the server too (for another device), and others hear when one leaves.
import { calm, csrf } from "./dom.js";

const PAUSE = 2000; // after the last key

/** Only texts: files have an upload of their own. */
function fieldsOf(form) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.append(name, value);
  return fields;
}

export function keeping(form) {
  const url = form.dataset.typed;
  if (!url) return;
  const note = form.querySelector("[data-kept-note]");
  let over = false;
  let under;
  const send = async () => {
    if (over || !form.isConnected) return;
    under?.abort();
    under = new AbortController();
    try {
      const answer = await fetch(url, { method: "POST", body: fieldsOf(form), headers: { "X-CSRFToken": csrf() }, credentials: "same-origin", signal: under.signal, keepalive: false });
      const said = answer.ok ? (await answer.json()).said : "";
      if (note && !over) note.textContent = said;
    } catch {
      if (note && !over) note.textContent = "";
    }
  };
  const soon = calm(send, PAUSE);
  form.addEventListener("input", (event) => event.isTrusted && soon());
  form.addEventListener("submit", () => {
    // What is being saved need not be kept; a form that comes back with problems keeps what is typed next.
    over = true;
    under?.abort();
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt === form && !event.detail.successful) over = false;
  });
}

/** Others need not wait until a heartbeat is missed. */
export function leaving(form) {
  const here = form.parentElement?.querySelector("[data-here]");
  if (!here) return;
  const url = here.getAttribute("hx-post");
  const gone = () => navigator.sendBeacon(url, new URLSearchParams({ gone: "1", csrfmiddlewaretoken: csrf() }));
  addEventListener("pagehide", () => form.isConnected && gone());
  form.closest("dialog")?.addEventListener("close", gone, { once: true });
}

/** A text that was offered becomes the channel's own. */
export function takeText(event) {
  const button = event.target.closest("[data-take-text]");
  if (!button) return;
  const area = button.form ?? document.getElementById("composer");
  const field = area.elements[`text-${button.dataset.takeText}`];
  if (!field) return;
  field.value = button.dataset.text;
  field.closest("details")?.setAttribute("open", "");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

/** Snippets, hashtags and names are put in where the cursor was; Ctrl + / opens the list, Enter takes the first. */
export function inserting(form) {
  const box = document.getElementById("insert");
  const opener = form.querySelector("[data-insert-open]");
  if (!box || !opener) return;
  let field = form.elements.text;
  form.addEventListener("focusin", (event) => {
    if (event.target.matches("textarea")) field = event.target;
  });
  const put = (text) => {
    box.close();
    if (field.readOnly) return;
    field.focus();
    const before = field.value.slice(0, field.selectionStart);
    const blank = before && !/\s$/.test(before) ? " " : "";
    field.setRangeText(blank + text, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  opener.addEventListener("click", () => box.showModal());
  form.addEventListener("keydown", (event) => {
    if (event.key !== "/" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    opener.click();
  });
  box.addEventListener("click", (event) => {
    const one = event.target.closest("[data-insert]");
    if (one) put(one.dataset.insert);
  });
  box.addEventListener("keydown", (event) => {
    const all = [...box.querySelectorAll("[data-insert]")];
    const at = all.indexOf(document.activeElement);
    if (event.key === "Enter" && event.target.type === "search" && all.length) {
      event.preventDefault();
      put(all[0].dataset.insert);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      (all[at + (event.key === "ArrowDown" ? 1 : -1)] ?? box.querySelector("input")).focus();
    }
  });
}
