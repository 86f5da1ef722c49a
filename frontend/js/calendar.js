// The plan's calendar. What the server sends and is asked is described in docs/interface.md.
// Times are the workspace's wall clock ("2026-11-22T18:00", no offset): the calendar must show the same hours to a
// colleague who travels, so it runs on "UTC" and never converts.
import { Calendar } from "@fullcalendar/core";
import en from "@fullcalendar/core/locales/en-gb";
import ru from "@fullcalendar/core/locales/ru";
import uk from "@fullcalendar/core/locales/uk";
import dayGrid from "@fullcalendar/daygrid";
import interaction from "@fullcalendar/interaction";
import list from "@fullcalendar/list";
import timeGrid from "@fullcalendar/timegrid";
import { hints, load } from "./calendar-data.js";
import { classes, face, story } from "./calendar-face.js";
import { word } from "./dom.js";
import { act } from "./moves.js";
import { planKeys } from "./plan-keys.js";
import { shelf } from "./shelf.js";
import { toast } from "./toasts.js";

const views = { month: "dayGridMonth", week: "timeGridWeek", day: "timeGridDay", list: "listMonth" };
const names = { dayGridMonth: "month", timeGridWeek: "week", timeGridDay: "day", listWeek: "week", listDay: "day", listMonth: "month" };
const codes = { uk, ru, en };
const wall = (text) => text.replace(/(Z|[+-]\d\d:\d\d)$/, "");
const perDay = 5;

/** The workspace's wall clock now, as ISO text. */
function wallNow(zone) {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone || undefined, dateStyle: "short", timeStyle: "medium" }).format(new Date());
  return parts.replace(" ", "T");
}

function open(url) {
  if (document.getElementById("panel")) window.htmx.ajax("GET", url, { target: "#panel", swap: "innerHTML" });
  else location.assign(url);
}

/** Moved with the mouse; with Alt held a copy is made and the post stays. */
async function drop(element, info, changed) {
  const { event } = info;
  const start = event.allDay ? event.startStr.slice(0, 10) : wall(event.startStr).slice(0, 16);
  const drawn = element.drawn;
  const copies = info.jsEvent.altKey && element.dataset.copyUrl;
  if (copies) info.revert();
  const url = copies ? element.dataset.copyUrl : element.dataset.move;
  const said = await act(url.replace("__id__", event.id), { start }, changed);
  if (said) changed(said.id);
  else if (element.drawn !== drawn) changed(); // drawn anew meanwhile: putting it back by hand would show it twice
  else if (!copies) info.revert();
}

/** The address, the switch of views and the filters go along with the day that is looked at. */
function follow(view) {
  const current = view.currentStart.toISOString().slice(0, 10);
  const today = wallNow(document.body.dataset.zone).slice(0, 10);
  const last = new Date(view.currentEnd - 1).toISOString().slice(0, 10);
  const day = current <= today && today <= last ? today : current;
  const put = (address) => {
    const url = new URL(address, location.href);
    url.searchParams.set("day", day);
    return url.pathname + url.search;
  };
  for (const link of document.querySelectorAll(".plan-views a, [data-plan-link]")) link.href = put(link.getAttribute("href"));
  const field = document.querySelector("[data-plan-filters] input[name=day]");
  if (field) field.value = day;
  const here = new URL(location.href);
  if (here.searchParams.get("day") === day || (!here.searchParams.has("day") && day === today)) return;
  here.searchParams.set("day", day);
  if (!here.searchParams.has("view")) here.searchParams.set("view", names[view.type] ?? "month");
  history.replaceState(history.state, "", here);
}

/** The person's own hours beside the workspace's, as they are on the first day shown. */
function ownHours(element, view, date) {
  const zone = element.dataset.ownZone;
  if (!zone) return "";
  // What the workspace's clock shows as `date`, as a real moment: guess, then correct by what its clock shows there.
  const shown = view.currentStart.toISOString().slice(0, 10) + date.toISOString().slice(10, 16);
  const guess = Date.parse(`${shown}Z`);
  const seen = Date.parse(`${new Intl.DateTimeFormat("sv-SE", { timeZone: element.dataset.zone, dateStyle: "short", timeStyle: "medium" }).format(guess).replace(" ", "T")}Z`);
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(guess - (seen - guess));
}

function start(element) {
  if (element.dataset.watched) return;
  element.dataset.watched = "1";
  const data = element.dataset;
  const narrow = matchMedia("(max-width: 759px)").matches;
  // On a phone a month of squares says nothing: its days as a list, and a week as well.
  const first = narrow ? (data.view === "day" ? views.day : data.view === "week" ? "listWeek" : views.list) : (views[data.view] ?? views.month);
  const box = document.createElement("div");
  element.append(box);
  let wanted = "";
  let idle = Promise.resolve();
  let release = () => {};
  const changed = (id) => {
    wanted = id ?? "";
    calendar.refetchEvents();
  };
  const create = (day) => data.create && open(`${data.create}${data.create.includes("?") ? "&" : "?"}at=${day ?? wall(calendar.view.currentStart.toISOString()).slice(0, 10)}`);
  const switches = data.fixed ? "" : data.listed && !narrow ? "dayGridMonth,timeGridWeek" : "dayGridMonth,timeGridWeek,listMonth";
  const calendar = new Calendar(box, {
    plugins: [dayGrid, timeGrid, list, interaction],
    locale: codes[document.documentElement.lang] ?? uk,
    timeZone: "UTC",
    now: () => wallNow(data.zone || document.body.dataset.zone),
    initialView: first,
    initialDate: data.day || undefined,
    headerToolbar: { left: "prev,today,next", center: "title", right: switches },
    buttonText: { today: word("today"), month: word("month"), week: word("week"), list: word("list") },
    noEventsText: word("nothing"),
    moreLinkText: (count) => `+${count} ${word("more")}`,
    height: "auto",
    dayMaxEvents: perDay,
    allDayText: "",
    nowIndicator: true,
    scrollTime: "08:00",
    eventMinHeight: 42,
    // The week holds the whole day and opens at the morning; month and list are as long as they are.
    datesSet: ({ view }) => {
      if (data.fixed) follow(view);
      const height = view.type.startsWith("timeGrid") ? Math.max(560, innerHeight - 210) : "auto";
      if (calendar.getOption("height") === height) return;
      calendar.setOption("height", height);
      if (height !== "auto") requestAnimationFrame(() => calendar.scrollToTime("08:00"));
    },
    slotDuration: "00:30",
    snapDuration: "00:15",
    defaultTimedEventDuration: "00:30",
    forceEventDuration: true,
    eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    slotLabelFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    slotLabelContent: ({ date, text, view }) => {
      const own = ownHours(element, view, date);
      const nodes = [Object.assign(document.createElement("span"), { textContent: text })];
      if (own) nodes.push(Object.assign(document.createElement("small"), { className: "own-hour", textContent: own, title: word("yourTime") }));
      return { domNodes: nodes };
    },
    eventDisplay: "block",
    displayEventEnd: false,
    navLinks: false,
    editable: Boolean(data.move),
    eventDurationEditable: false,
    lazyFetching: false, // what was thinned for the month is not enough for the week
    nextDayThreshold: "06:00", // a post has no length: one at 23:45 does not belong to the next day
    eventOrder: "due,start,free,title",
    events: (info, done, failed) =>
      load(element, info, names[element.calendar?.view.type ?? first] ?? "").then(
        async (found) => {
          // Events that are replaced under a hand that drags one of them would stand there twice afterwards.
          await idle;
          done(found);
          element.drawn = (element.drawn ?? 0) + 1;
          point(info);
        },
        (problem) => {
          toast(word(problem instanceof TypeError ? "offline" : "failed"), "late");
          failed(problem);
        },
      ),
    eventClassNames: classes,
    eventContent: face,
    eventDidMount: (info) => {
      const { event, el } = info;
      el.setAttribute("title", story(info));
      if (!event.id.includes("@")) return;
      Object.assign(el.dataset, { entry: event.id, start: wall(event.startStr).slice(0, 16), title: event.title });
      if (event.id === wanted) requestAnimationFrame(() => (el.focus(), (wanted = "")));
    },
    eventClick: (info) => {
      const { event, jsEvent } = info;
      const more = event.extendedProps;
      jsEvent.preventDefault();
      if (more.day) return calendar.changeView("listDay", more.day);
      if (more.free) return data.create && open(`${data.create}?at=${wall(event.startStr).slice(0, 16)}${more.free.map((one) => `&channel=${one}`).join("")}`);
      if (more.due) return more.panel ? open(more.address) : location.assign(more.address);
      if (event.url && !jsEvent.metaKey && !jsEvent.ctrlKey) open(event.url);
      else if (event.url) window.open(event.url, "_blank", "noopener");
    },
    eventDragStart: () => (idle = new Promise((end) => (release = end))),
    eventDragStop: () => setTimeout(release, 0),
    eventDrop: (info) => drop(element, info, changed),
    dateClick: (info) => create(wall(info.dateStr)),
  });
  const point = async (info) => {
    const found = await hints(element, info.startStr, info.endStr);
    for (const [id, said] of Object.entries(found)) element.calendar.getEventById(id)?.setExtendedProp("hints", said);
    for (const el of box.querySelectorAll("[data-entry]")) if (found[el.dataset.entry]) el.title = [el.title.split(" · ").filter((part) => !found[el.dataset.entry].includes(part)).join(" · "), ...found[el.dataset.entry]].join(" · ");
  };
  calendar.render();
  // Its arrows are pictures without a name, in buttons that have one.
  box.querySelectorAll(".fc-icon").forEach((icon) => icon.setAttribute("aria-hidden", "true"));
  element.calendar = calendar;
  shelf(element, calendar, changed);
  planKeys(element, { move: data.move, copy: data.copyUrl, remove: data.deleteUrl }, changed, data.create && create);
  // After something was saved in the panel the server says `HX-Trigger: plan-changed`.
  document.body.addEventListener("plan-changed", () => changed());
}

window.spilnoCalendars = (elements) => elements.forEach(start);
