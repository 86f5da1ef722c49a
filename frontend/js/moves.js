// What one does with a post on the plan: send it, ask where the clocks change, say what happened, offer a step back.
import { post, word } from "./dom.js";
import { toast } from "./toasts.js";

// Two bundles (every page, calendar) share the steps that can be taken back.
const steps = (window.spilnoSteps ??= []);

async function send(url, fields) {
  const answer = await post(url, fields).catch(() => null);
  const said = answer?.headers.get("content-type")?.includes("json") ? await answer.json() : {};
  return { answer, said };
}

const complain = ({ answer, said }) => toast(said.problem || word(answer ? "failed" : "offline"), "late");

/** An hour that comes twice or not at all: which of the two? Resolves to the answer, or "" to leave it. */
function doubt(said) {
  const box = document.getElementById("doubt-dialog");
  if (!box) return Promise.resolve("");
  box.querySelector("[data-doubt-text]").textContent = said.problem;
  return new Promise((done) => {
    const buttons = said.choices.map(({ side, label }) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-block", textContent: label });
      button.addEventListener("click", () => (box.close(side), undefined));
      return button;
    });
    box.querySelector("[data-doubt-choices]").replaceChildren(...buttons);
    box.returnValue = "";
    box.addEventListener("close", () => done(box.returnValue), { once: true });
    box.showModal();
  });
}

/** POST; resolves to what the server said, or to null if it was refused (which is told). `changed` runs after a step back. */
export async function act(url, fields, changed) {
  let met = await send(url, fields);
  if (!met.answer?.ok && met.said.choices) {
    const side = await doubt(met.said);
    if (!side) return null;
    met = await send(url, { ...fields, side });
  }
  if (!met.answer?.ok) {
    complain(met);
    return null;
  }
  tell(met.said, changed);
  return met.said;
}

function tell(said, changed) {
  if (!said.undo) return said.message && toast(said.message, "good");
  const back = async () => {
    steps.splice(steps.indexOf(back), 1);
    const met = await send(said.undo, {});
    if (!met.answer?.ok) complain(met);
    else toast(met.said.problem || met.said.message, met.said.problem ? "late" : "good");
    changed?.();
  };
  steps.push(back);
  toast(said.message, "good", { label: word("undo"), run: back });
}

/** Ctrl+Z: the last step back, also the one that a form of the page offers. */
export function stepsBack() {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== "z") return;
    if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog:modal")) return;
    const form = document.querySelector("form[data-undo-form]");
    if (!steps.length && !form) return;
    event.preventDefault();
    if (steps.length) steps.at(-1)();
    else form.requestSubmit();
  });
}

/** A wall-clock text so many days later. Days of a calendar, not 24 hours: clocks do not matter. */
export function daysLater(start, days) {
  const day = new Date(`${start.slice(0, 10)}T12:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return `${day.toISOString().slice(0, 10)}T${start.slice(11, 16) || "12:00"}`;
}

/** Ask for another time in the small dialog; resolves to a wall-clock text, or "". */
export function askTime(title, start) {
  const box = document.getElementById("move-dialog");
  const field = box.querySelector("input");
  box.querySelector("[data-move-title]").textContent = title;
  field.value = start;
  box.returnValue = "";
  return new Promise((done) => {
    box.addEventListener("close", () => done(box.returnValue === "move" ? field.value : ""), { once: true });
    box.showModal();
    field.focus();
  });
}
