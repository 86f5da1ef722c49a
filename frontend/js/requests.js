// What htmx does in the background: a thin bar after a moment, and a sentence when it failed.
import { csrf, isHtmx, word } from "./dom.js";
import { toast } from "./toasts.js";

export function requests() {
  const bar = document.getElementById("loading");
  let open = 0;
  let timer;
  const begin = () => {
    if (open++ > 0 || !bar) return;
    // Most answers come before anybody would see a bar.
    timer = setTimeout(() => {
      delete bar.dataset.done;
      bar.dataset.on = "";
    }, 150);
  };
  const end = () => {
    open = Math.max(0, open - 1);
    if (open || !bar) return;
    clearTimeout(timer);
    if (!("on" in bar.dataset)) return;
    bar.dataset.done = "";
    delete bar.dataset.on;
  };
  // `data-unless="SELECTOR"` on an element that asks by itself: not while something like that is inside it.
  document.addEventListener("htmx:confirm", (event) => {
    const unless = event.detail.elt.dataset.unless;
    if (unless && event.detail.elt.querySelector(unless)) event.preventDefault();
  });
  // A second press while the first one is on its way would do everything twice. Coming back to the page opens it again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method")?.toLowerCase() !== "post" || isHtmx(form) || (event.submitter && isHtmx(event.submitter))) return;
    if ("sent" in form.dataset) return event.preventDefault();
    form.dataset.sent = "";
    setTimeout(() => delete form.dataset.sent, 10000); // the connection broke: one may try again
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
  // Who signed in again in another tab has a new token, which this page does not know.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    detail.headers["X-CSRFToken"] = csrf();
    if (detail.parameters.csrfmiddlewaretoken) detail.parameters.csrfmiddlewaretoken = csrf();
  });
  document.addEventListener("htmx:beforeRequest", begin);
  document.addEventListener("htmx:afterRequest", end);
  document.addEventListener("htmx:sendError", () => toast(word("offline"), "late"));
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    const said = event.detail.xhr.getResponseHeader("X-Problem");
    toast(said ? decodeURIComponent(said) : word(status === 401 ? "signedOut" : status === 403 ? "forbidden" : "failed"), "late");
  });
}
