// The plan's pages besides the calendar: what it is narrowed to, ticked rows, cards on the board and in the lanes, the
// times of a schedule.
import { all, word } from "./dom.js";
import { act } from "./moves.js";
import { planKeys } from "./plan-keys.js";
import { toast } from "./toasts.js";

/** A field's values are chosen in peace; the page is asked for when its menu closes. */
function filters(form) {
  const said = () => new URLSearchParams(new FormData(form)).toString();
  const before = said();
  for (const menu of form.querySelectorAll("details.pick:not(.pick-views)")) menu.addEventListener("toggle", () => !menu.open && said() !== before && form.requestSubmit());
}

/** Ticked rows: all of them, from one to another with Shift, and what can be done with them. */
function ticks(form) {
  const bar = form.querySelector("[data-bulk-bar]");
  if (!bar) return;
  const boxes = [...form.querySelectorAll("input[name=post]")];
  const every = bar.querySelector("[data-bulk-all]");
  const count = bar.querySelector("[data-bulk-count]");
  const plain = count.textContent;
  let last = null;
  const show = () => {
    const ticked = boxes.filter((one) => one.checked).length;
    bar.toggleAttribute("data-any", ticked > 0);
    count.textContent = ticked ? count.dataset.words.replace("{count}", ticked) : plain;
    every.checked = ticked === boxes.length && ticked > 0;
    every.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  every.addEventListener("change", () => (boxes.forEach((one) => (one.checked = every.checked)), show()));
  form.addEventListener("click", (event) => {
    const here = boxes.indexOf(event.target);
    if (here < 0) return;
    if (event.shiftKey && last !== null) {
      const [from, to] = [Math.min(here, last), Math.max(here, last)];
      for (const one of boxes.slice(from, to + 1)) one.checked = event.target.checked;
    }
    last = here;
    show();
  });
  // Enter in one of its fields presses the button beside that field, not the first one of the bar.
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input:not([type=checkbox])")) return;
    event.preventDefault();
    event.target.closest(".field, .bulk-form")?.parentElement.querySelector("button[name=do]")?.click();
  });
  show();
}

const page = () => document.querySelector("[data-plan-cards]");

/** Draw the cards anew from the server; the keyboard stays on the card it was on. */
async function redraw(id) {
  const wanted = id ?? document.activeElement?.dataset?.entry;
  await window.htmx.ajax("GET", location.href, { target: page().closest(".plan-desk") ? ".plan-desk" : ".board", select: page().closest(".plan-desk") ? ".plan-desk" : ".board", swap: "outerHTML" });
  if (wanted) document.querySelector(`[data-entry="${CSS.escape(wanted)}"]`)?.focus();
}

function open(url) {
  window.htmx.ajax("GET", url, { target: "#panel", swap: "innerHTML" });
}

let dragged = null;

/** Board and lanes: drag a card onto a free slot, a day, a state. */
function cards(root) {
  const { move, copyUrl, deleteUrl, create } = root.dataset;
  planKeys(root, { move, copy: copyUrl, remove: deleteUrl }, redraw, create && ((day) => open(`${create}?at=${day ?? ""}`)));
  if (!move) return;
  const desk = root.closest(".plan-desk") ?? root;
  desk.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-entry], [data-item]");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "copyMove";
    event.dataTransfer.setData("text/plain", dragged.dataset.title ?? "");
  });
  const place = (event) => event.target.closest("[data-slot], td[data-day], [data-board-column]");
  const light = (element) => desk.querySelectorAll("[data-over]").forEach((one) => one !== element && delete one.dataset.over);
  desk.addEventListener("dragover", (event) => {
    const over = dragged && place(event);
    light(over);
    if (!over) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = event.altKey ? "copy" : "move";
    over.dataset.over = "";
  });
  desk.addEventListener("dragleave", (event) => event.target === desk && light(null));
  desk.addEventListener("dragend", () => ((dragged = null), light(null)));
  desk.addEventListener("drop", async (event) => {
    const over = dragged && place(event);
    light(null);
    if (!over) return;
    event.preventDefault();
    const card = dragged;
    dragged = null;
    if (over.dataset.boardColumn) return state(card, over.dataset.boardColumn);
    const lane = over.closest("[data-channel]")?.dataset.channel;
    if (card.dataset.entry && card.closest("[data-channel]")?.dataset.channel !== lane) return toast(word("otherLane"), "late");
    const start = over.dataset.slot ?? `${over.dataset.day}T${card.dataset.start?.slice(11, 16) ?? "12:00"}`;
    const fields = card.dataset.item ? { start, channel: lane } : { start };
    const url = event.altKey && card.dataset.entry ? copyUrl : move;
    const said = await act(url.replace("__id__", card.dataset.entry ?? card.dataset.item), fields, redraw);
    if (said) redraw(said.id);
  });
}

/** On the board a column is a state; two of them are a person's to choose. */
function state(card, column) {
  const wish = { scheduled: "schedule", draft: "unschedule" }[column];
  const form = document.getElementById("board-form");
  if (!wish || !form || card.closest("[data-board-column]")?.dataset.boardColumn === column) return;
  form.elements.post.value = card.dataset.entry;
  form.elements.do.value = wish;
  form.requestSubmit();
}

/** The times of a weekday: one more, one less. */
function times(root) {
  const template = document.getElementById("day-time");
  root.addEventListener("click", (event) => {
    event.target.closest("[data-remove-time]")?.closest(".day-time").remove();
    const add = event.target.closest("[data-add-time]");
    if (!add) return;
    const fresh = template.content.firstElementChild.cloneNode(true);
    const field = fresh.querySelector("input");
    field.name = add.dataset.addTime;
    field.setAttribute("aria-label", add.closest("fieldset").querySelector("legend").textContent);
    add.before(fresh);
    field.focus();
  });
}

/** The composer's button: the chosen channels' next free slots, the common one and those that differ. */
function freeSlots(button) {
  button.addEventListener("click", async () => {
    const { form } = button;
    const places = [...form.elements].filter((one) => one.name === "to" && (one.checked || one.type === "hidden")).map((one) => one.value);
    if (!places.length) return toast(word("channelsFirst"), "late");
    const url = new URL(button.dataset.nextSlot, location.href);
    for (const one of places) url.searchParams.append("channel", one);
    if (form.elements.item) url.searchParams.set("item", form.elements.item.value);
    const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
    const said = answer?.headers.get("content-type")?.includes("json") ? await answer.json() : {};
    if (!answer?.ok) return toast(said.problem || word(answer ? "failed" : "offline"), "late");
    form.elements.at.value = said.at;
    for (const place of places) {
      const own = form.elements[`at-${place}`];
      const at = said.each[place.split(":")[0]];
      if (!own || !at) continue;
      own.value = at === said.at ? "" : at;
      own.closest("details").open = at !== said.at;
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

export function plans(root) {
  for (const one of all(root, "[data-next-slot]")) freeSlots(one);
  for (const one of all(root, "form[data-plan-filters]")) filters(one);
  for (const one of all(root, "form[data-bulk]")) ticks(one);
  for (const one of all(root, "[data-plan-cards]")) cards(one);
  for (const one of all(root, "[data-week-times]")) times(one);
  for (const one of all(root, "[data-print]")) one.addEventListener("click", () => window.print());
}

/** Once: what was saved in the panel is drawn anew on board and lanes, too. */
export function planChanges() {
  document.body.addEventListener("plan-changed", () => page() && redraw());
}
