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
import { post, word } from "./dom.js";
import { shelf } from "./shelf.js";
import { toast } from "./toasts.js";

const views = { month: "dayGridMonth", week: "timeGridWeek", list: "listMonth" };
const codes = { uk, ru, en };
const wall = (text) => text.replace(/(Z|[+-]\d\d:\d\d)$/, "");

/** The workspace's wall clock now, as ISO text. */
function wallNow(zone) {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone || undefined, dateStyle: "short", timeStyle: "medium" }).format(new Date());
  return parts.replace(" ", "T");
}

let known;
/** Marks of networks by key, once in the page instead of in each of thousands of events. */
const marks = () => (known ??= JSON.parse(document.getElementById("plan-marks")?.textContent || "{}"));

function face({ event, timeText }) {
  const more = event.extendedProps;
  if (more.day) return { domNodes: [Object.assign(document.createElement("span"), { className: "ev-rest", textContent: event.title })] };
  const line = Object.assign(document.createElement("div"), { className: "ev" });
  if (timeText) line.append(Object.assign(document.createElement("time"), { textContent: timeText }));
  const networks = more.network ? [more.network] : (more.networks ?? []).map((key) => marks()[key]).filter(Boolean);
  for (const network of networks.slice(0, 3)) {
    const mark = Object.assign(document.createElement("span"), { className: "net net-small", textContent: network.short, title: network.label });
    mark.style.setProperty("--mark", network.color);
    line.append(mark);
  }
  if (networks.length > 3) line.append(Object.assign(document.createElement("small"), { textContent: `+${networks.length - 3}` }));
  line.append(Object.assign(document.createElement("b"), { textContent: event.title }));
  if (more.icon) line.insertAdjacentHTML("beforeend", `<svg class="icon" aria-hidden="true"><use href="${document.body.dataset.icons}#${CSS.escape(more.icon)}"/></svg>`);
  return { domNodes: [line] };
}

const many = 300; // events in a month; FullCalendar measures each one of them, also those it then hides
const perDay = 5;

/** A very full month: the first events of each day and one line for the others, which opens that day's list. */
function thin(found) {
  const days = Map.groupBy ? Map.groupBy(found, (one) => one.start.slice(0, 10)) : found.reduce((map, one) => map.set(one.start.slice(0, 10), [...(map.get(one.start.slice(0, 10)) ?? []), one]), new Map());
  return [...days].flatMap(([date, all]) => (all.length <= perDay ? all : [...all.slice(0, perDay - 1), { id: `more-${date}`, title: `+${all.length - perDay + 1} ${word("more")}`, start: `${date}T23:59`, day: date, editable: false }]));
}

async function load(element, info) {
  const url = new URL(element.dataset.events, location.href);
  url.searchParams.set("start", info.startStr);
  url.searchParams.set("end", info.endStr);
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.status);
  const found = await answer.json();
  return found.length > many && element.calendar.view.type === views.month ? thin(found) : found;
}

function open(url) {
  if (document.getElementById("panel")) window.htmx.ajax("GET", url, { target: "#panel", swap: "innerHTML" });
  else location.assign(url);
}

async function move(element, info) {
  const { event } = info;
  const answer = await post(element.dataset.move.replace("__id__", event.id), { start: wall(event.startStr) }).catch(() => null);
  const said = answer?.headers.get("content-type")?.includes("json") ? await answer.json() : {};
  if (answer?.ok) {
    if (said.message) toast(said.message, "good");
    if (said.id) event.setProp("id", said.id);
    return;
  }
  info.revert();
  toast(said.problem || word(answer ? "failed" : "offline"), "late");
}

function start(element) {
  if (element.dataset.watched) return;
  element.dataset.watched = "1";
  const data = element.dataset;
  const narrow = matchMedia("(max-width: 759px)").matches;
  const box = document.createElement("div");
  element.append(box);
  const calendar = new Calendar(box, {
    plugins: [dayGrid, timeGrid, list, interaction],
    locale: codes[document.documentElement.lang] ?? uk,
    timeZone: "UTC",
    now: () => wallNow(data.zone || document.body.dataset.zone),
    initialView: narrow ? views.list : (views[data.view] ?? views.month),
    initialDate: data.day || undefined,
    headerToolbar: { left: "prev,today,next", center: "title", right: data.listed && !narrow ? "dayGridMonth,timeGridWeek" : "dayGridMonth,timeGridWeek,listMonth" },
    buttonText: { today: word("today"), month: word("month"), week: word("week"), list: word("list") },
    noEventsText: word("nothing"),
    moreLinkText: (count) => `+${count} ${word("more")}`,
    height: "auto",
    dayMaxEvents: perDay,
    allDaySlot: false,
    nowIndicator: true,
    scrollTime: "08:00",
    eventMinHeight: 42,
    // The week holds the whole day and opens at the morning; month and list are as long as they are.
    datesSet: ({ view }) => {
      const height = view.type.startsWith("timeGrid") ? Math.max(560, innerHeight - 210) : "auto";
      if (calendar.getOption("height") === height) return;
      calendar.setOption("height", height);
      if (height !== "auto") requestAnimationFrame(() => calendar.scrollToTime("08:00"));
    },
    slotDuration: "00:30",
    defaultTimedEventDuration: "00:30",
    eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    slotLabelFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    eventDisplay: "block",
    displayEventEnd: false,
    navLinks: false,
    editable: Boolean(data.move),
    eventDurationEditable: false,
    lazyFetching: false, // what was thinned for the month is not enough for the week
    nextDayThreshold: "06:00", // a post has no length: one at 23:45 does not belong to the next day
    events: (info, done, failed) =>
      load(element, info).then(done, (problem) => {
        toast(word(problem instanceof TypeError ? "offline" : "failed"), "late");
        failed(problem);
      }),
    eventDataTransform: (raw) => (raw.url || raw.day || !data.item ? raw : { ...raw, url: data.item.replace("__id__", raw.id.split("@")[0]) }),
    eventClassNames: ({ event }) => event.extendedProps.day ? ["ev-day"] : [`ev-${event.extendedProps.voice || "out"}`, ...(event.extendedProps.look ? [`ev-${event.extendedProps.look}`] : [])],
    eventContent: face,
    eventDidMount: ({ event, el }) => el.setAttribute("title", [event.title, event.extendedProps.network?.label, event.extendedProps.state].filter(Boolean).join(" · ")),
    eventClick: (info) => {
      info.jsEvent.preventDefault();
      if (info.event.extendedProps.day) return calendar.changeView("listDay", info.event.extendedProps.day);
      if (info.event.url && !info.jsEvent.metaKey && !info.jsEvent.ctrlKey) open(info.event.url);
      else if (info.event.url) window.open(info.event.url, "_blank", "noopener");
    },
    eventDrop: (info) => move(element, info),
    dateClick: (info) => data.create && open(`${data.create}${data.create.includes("?") ? "&" : "?"}at=${wall(info.dateStr)}`),
  });
  calendar.render();
  // Its arrows are pictures without a name, in buttons that have one.
  box.querySelectorAll(".fc-icon").forEach((icon) => icon.setAttribute("aria-hidden", "true"));
  element.calendar = calendar;
  shelf(element, calendar);
  // After something was saved in the panel the server says `HX-Trigger: plan-changed`.
  document.body.addEventListener("plan-changed", () => calendar.refetchEvents());
}

window.spilnoCalendars = (elements) => elements.forEach(start);
