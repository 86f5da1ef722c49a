// The composer: pictures are sent as they are dropped, own texts begin as the common one, one question before it leaves.
import { all, word } from "./dom.js";
import { toast } from "./toasts.js";
import { inserting, keeping, leaving, takeText } from "./writing.js";

const changed = (form) => form.dispatchEvent(new Event("input", { bubbles: true }));

/** Put pictures (and what was wrong with others) into the post; one that is there already stays where it is. */
function take(form, html) {
  const list = form.querySelector("#pictures");
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  for (const one of [...fresh.content.children]) {
    const id = one.querySelector('input[name="media"]')?.value;
    if (id && list.querySelector(`input[name="media"][value="${CSS.escape(id)}"]`)) continue;
    list.append(one);
  }
  changed(form);
}

/** The library's pictures: one press puts one into the post. */
function choosing(form) {
  const box = document.getElementById("choose");
  const opener = form.querySelector("[data-choose]");
  if (!box || !opener) return;
  opener.addEventListener("click", () => box.showModal());
  box.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-take]");
    if (!button) return;
    const answer = await fetch(button.dataset.take, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok) return toast(word(answer ? "failed" : "offline"), "late");
    take(form, await answer.text());
    box.close();
  });
}

function press(event) {
  const act = event.target.closest("[data-picture]");
  if (act) {
    const figure = act.closest(".picture");
    const form = act.form;
    if (act.dataset.picture === "remove") figure.remove();
    else figure.previousElementSibling?.before(figure);
    changed(form);
    return;
  }
  takeText(event);
  const same = event.target.closest("[data-same]");
  if (same) {
    const own = same.closest("[data-own]");
    own.querySelector("textarea").value = "";
    own.open = false;
    changed(same.form);
  }
}

/** An own text starts as the common one: one changes what differs. Left unchanged it is none. */
function own(event) {
  const details = event.target;
  if (!details.matches?.("[data-own]") || !details.open) return;
  const text = details.querySelector("textarea");
  const common = text.form.elements.text;
  if (!text.value && common) text.value = common.value;
  text.focus();
}

/** Only the chosen channels have a line of their own. */
function choose(event) {
  if (event.target.name !== "to") return;
  const line = event.target.form.querySelector(`[data-target="${CSS.escape(event.target.value)}"]`);
  line?.toggleAttribute("data-off", !event.target.checked);
}

/** What was sent has arrived: the form is drawn anew with what may still change, unless somebody types in it. */
function settled(root) {
  const form = document.querySelector(".page form.composer");
  if (!form || !all(root, "[data-settled]").length || "touched" in form.dataset) return;
  location.reload();
}

export function composers(root) {
  settled(root);
  for (const form of all(root, "form.composer")) {
    if (form.dataset.ready) continue;
    form.dataset.ready = "1";
    form.addEventListener("click", press);
    form.addEventListener("change", choose);
    form.addEventListener("toggle", own, true);
    form.addEventListener("uploaded", (event) => take(form, event.detail.html));
    form.querySelector(".form-errors, .conflict")?.focus();
    choosing(form);
    keeping(form);
    inserting(form);
    leaving(form);
    const sure = form.querySelector("dialog[data-show]");
    if (sure) {
      sure.close();
      sure.showModal();
    }
  }
  for (const form of all(root, "form[data-filters]")) form.addEventListener("change", () => form.requestSubmit());
}
