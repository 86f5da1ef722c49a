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
