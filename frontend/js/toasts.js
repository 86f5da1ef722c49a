// Short messages. From the server: Django messages in the page, or `HX-Trigger: {"toast": {"text": "…", "tone": "good"}}`.
const seconds = 6;

function fade(element) {
  // Errors stay until somebody closes them, which nobody can while a dialog holds everything below it still.
  if (!element.classList.contains("toast-late")) setTimeout(() => element.remove(), seconds * 1000);
  else if (document.querySelector("dialog:modal")) setTimeout(() => element.remove(), 3 * seconds * 1000);
}

/** Above everything, also above a dialog that is open: what is shown last lies on top. */
function raise(list) {
  list.popover = "manual";
  if (list.matches(":popover-open")) list.hidePopover();
  list.showPopover();
}

/** `action`: {label, run}, a button beside the text. */
export function toast(text, tone = "", action = null) {
  const template = document.getElementById(`toast-${tone || "plain"}`);
  const list = document.getElementById("toasts");
  if (!template || !list) return;
  const element = template.content.firstElementChild.cloneNode(true);
  element.querySelector("p").textContent = text;
  // The same thing said twice is one message.
  for (const other of list.querySelectorAll(".toast")) if (other.querySelector("p").textContent === text) other.remove();
  if (action) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "toast-act", textContent: action.label });
    button.addEventListener("click", () => (element.remove(), action.run()));
    element.querySelector("p").after(button);
  }
  list.append(element);
  raise(list);
  fade(element);
}

export function toasts() {
  document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast")?.remove());
  document.body.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.tone));
  document.querySelectorAll("#toasts .toast").forEach(fade);
}
