// Cards beside the calendar (reserve and ideas) can be dragged onto a day.
import { Draggable } from "@fullcalendar/interaction";
import { act } from "./moves.js";

export function shelf(element, calendar, changed) {
  const list = document.querySelector("[data-shelf]");
  if (!list || !element.dataset.move) return;
  new Draggable(list, {
    itemSelector: "[data-item]",
    eventData: (card) => ({ id: card.dataset.item, title: card.dataset.title, duration: "00:30" }),
  });
  // A drag ends with a click on the card; that one must not open the panel.
  let dragged = 0;
  list.addEventListener("click", (event) => event.timeStamp - dragged < 300 && (event.preventDefault(), event.stopPropagation()), true);
  calendar.setOption("droppable", true);
  calendar.on("eventDragStop", () => (dragged = performance.now()));
  calendar.on("eventReceive", async (info) => {
    dragged = performance.now();
    const card = info.draggedEl;
    const start = info.event.allDay ? info.event.startStr.slice(0, 10) : info.event.startStr.replace(/(Z|[+-]\d\d:\d\d)$/, "");
    info.event.remove();
    // Taken back, it is a card again: only the server knows how it looks there.
    const back = () => (list.contains(card) || list.append(card), changed());
    const said = await act(element.dataset.move.replace("__id__", card.dataset.item), { start }, back);
    if (!said) return;
    card.remove();
    changed(said.id);
  });
}
