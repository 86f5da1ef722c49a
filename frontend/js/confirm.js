// `data-confirm="Delete this post?"` on a form, button or htmx element asks before it goes on.
// `data-confirm-more`: a second sentence; `data-confirm-word`: the verb on the button; `data-danger`: a red one.
import { isHtmx } from "./dom.js";

let resolve;

export function ask(element) {
  const box = document.getElementById("confirm");
  if (!box) return Promise.resolve(true);
  box.querySelector("#confirm-title").textContent = element.dataset.confirm;
  box.querySelector("#confirm-more").textContent = element.dataset.confirmMore || "";
  const yes = box.querySelector('[data-answer="yes"]');
  yes.dataset.usual ??= yes.textContent;
  yes.textContent = element.dataset.confirmWord || yes.dataset.usual;
  yes.classList.toggle("btn-danger", "danger" in element.dataset);
  box.returnValue = "no";
  box.showModal();
  yes.focus();
  return new Promise((done) => (resolve = done));
}

export function confirmations() {
  const box = document.getElementById("confirm");
  box?.addEventListener("click", (event) => {
    const button = event.target.closest("[data-answer]");
    if (button) box.close(button.dataset.answer);
  });
  box?.addEventListener("close", () => resolve?.(box.returnValue === "yes"));

  document.addEventListener("htmx:confirm", (event) => {
    const element = event.target.closest?.("[data-confirm]");
    if (!element || element !== event.detail.elt) return;
    event.preventDefault();
    ask(element).then((yes) => yes && event.detail.issueRequest(true));
  });

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      const element = event.submitter?.dataset.confirm ? event.submitter : form.dataset.confirm ? form : null;
      if (!element || form.dataset.sure || isHtmx(form) || (event.submitter && isHtmx(event.submitter))) return;
      event.preventDefault();
      event.stopPropagation();
      ask(element).then((yes) => {
        if (!yes) return;
        form.dataset.sure = "1";
        form.requestSubmit(event.submitter ?? undefined);
        delete form.dataset.sure;
      });
    },
    true,
  );
}
