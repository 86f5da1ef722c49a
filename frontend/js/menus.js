// Menus (<details class="menu">) close by a press elsewhere, by Esc, and when another one opens. Copy buttons live here too.
import { word } from "./dom.js";
import { toast } from "./toasts.js";

export function menus() {
  const shut = (except) => document.querySelectorAll("details.menu[open]").forEach((menu) => menu !== except && menu.removeAttribute("open"));
  document.addEventListener("click", (event) => shut(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.menu[open]");
    shut();
    open?.querySelector("summary").focus();
  });
  // `data-copy="text"` or `data-copy="#id"` puts it on the clipboard.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = button.dataset.copy.startsWith("#") ? document.querySelector(button.dataset.copy) : null;
    const text = source ? (source.value ?? source.textContent) : button.dataset.copy;
    await copy(text, source);
    toast(button.dataset.copied || word("copied"), "good");
  });
}

// Browsers give the clipboard only to https and localhost; in an office network Spilno may be on plain http.
async function copy(text, source) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = source?.select ? source : document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
  field.select();
  document.execCommand("copy");
  if (field !== source) field.remove();
}
