// `data-open="ID"` opens a dialog, `data-close` closes the one it is in, `data-open-now="ID"` opens one with the page.
// What htmx puts into #panel opens the panel. `data-back` goes back to the page before.
export function dialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) {
      event.preventDefault();
      document.getElementById(opener.dataset.open)?.showModal();
      return;
    }
    const closer = event.target.closest("[data-close]");
    if (closer) {
      closer.closest("dialog")?.close();
      return;
    }
    // A press on the ground beside a dialog closes it, unless something was typed in it.
    if (event.target instanceof HTMLDialogElement && !event.target.querySelector("form[data-touched]")) {
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
  });
  document.querySelectorAll("[data-open-now]").forEach((one) => document.getElementById(one.dataset.openNow)?.showModal());
  document.addEventListener("click", (event) => event.target.closest("[data-back]") && history.back());
  document.addEventListener("input", (event) => event.target.form?.setAttribute("data-touched", ""));

  const panel = document.getElementById("panel-dialog");
  if (!panel) return;
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "panel") return;
    const heading = event.detail.target.querySelector("h1, h2");
    if (heading) panel.setAttribute("aria-label", heading.textContent.trim());
    if (!panel.open) panel.showModal();
  });
  document.body.addEventListener("close-panel", () => panel.close());
  panel.addEventListener("close", () => (document.getElementById("panel").innerHTML = ""));
}
