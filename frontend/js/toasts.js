// Short messages. From the server: Django messages in the page, or `HX-Trigger: {"toast": {"text": "…", "tone": "good"}}`.
const seconds = 6;

function fade(element) {
  // Errors stay until somebody closes them.
  if (!element.classList.contains("toast-late")) setTimeout(() => element.remove(), seconds * 1000);
}

export function toast(text, tone = "") {
  const template = document.getElementById(`toast-${tone || "plain"}`);
  const list = document.getElementById("toasts");
  if (!template || !list) return;
  const element = template.content.firstElementChild.cloneNode(true);
  element.querySelector("p").textContent = text;
  // A dialog lies above everything else in the page, so its toast must lie in it.
  (document.querySelector("dialog[open]:last-of-type .toasts") || list).append(element);
  fade(element);
}

export function toasts() {
  document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast")?.remove());
  document.body.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.tone));
  document.querySelectorAll("#toasts .toast").forEach(fade);
}
