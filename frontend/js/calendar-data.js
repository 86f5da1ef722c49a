// The server sends rows of arrays (docs/interface.md); here they become what FullCalendar draws.
import { word } from "./dom.js";

/** The clock of another zone at a moment given in seconds since 1970. */
export const clockIn = (zone, seconds) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(seconds * 1000);

function posts(found, data) {
  return found.rows.map(([item, start, title, places, state, movable, seconds]) => {
    const [said, look, icon] = found.states[state];
    const channels = places.map((place) => found.channels[place]);
    const own = data.ownZone ? ` · ${clockIn(data.ownZone, seconds)} ${word("yourTime")}` : "";
    return {
      id: `${item}@${seconds}`, title, start, look, icon, editable: Boolean(movable), url: data.item?.replace("__id__", item),
      networks: [...new Set(channels.map(([, network]) => network))],
      state: `${channels.map(([name]) => name).join(", ")} · ${said}${own}`,
    };
  });
}

const rests = (found) => Object.entries(found.more).map(([day, count]) => ({ id: `more-${day}`, title: `+${count} ${word("more")}`, start: `${day}T23:59`, day, editable: false }));

const dues = (found) => (found.due ?? []).map(([day, title, url, look, panel], place) => ({ id: `due-${place}-${day}`, title, start: day, allDay: true, editable: false, due: true, look, address: url, panel, icon: look === "done" ? "check" : look === "late" ? "missed" : "clock" }));

const holidays = (found) => Object.entries(found.holidays ?? {}).map(([day, title]) => ({ id: `holiday-${day}`, title, start: day, allDay: true, editable: false, holiday: true }));

const minutes = (start) => Date.parse(`${start}Z`) / 60000;

/** Free slots that a post would be drawn over are left out here; the lanes show each of them. */
function open(found) {
  const busy = found.rows.map(([, start]) => minutes(start)).sort((one, other) => one - other);
  return (found.free ?? []).filter(([start]) => {
    const at = minutes(start);
    return !busy.some((one) => Math.abs(one - at) < 45);
  });
}

const free = (found) => open(found).map(([start, channels, names, networks]) => ({ id: `free-${start}`, title: word("free"), start, editable: false, free: channels, networks: [...new Set(networks)], state: names.join(", ") }));

/** Everything that stands in a period. A plain list of events (the page /design) is taken as it is. */
export async function load(element, info, view) {
  const url = new URL(element.dataset.events, location.href);
  url.searchParams.set("start", info.startStr.slice(0, 10));
  url.searchParams.set("end", info.endStr.slice(0, 10));
  url.searchParams.set("view", view);
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(answer.status);
  const found = await answer.json();
  if (Array.isArray(found)) return found;
  return [...holidays(found), ...dues(found), ...posts(found, element.dataset), ...rests(found), ...free(found)];
}

/** What to point out, asked once the posts are there; never a reason to complain. */
export async function hints(element, start, end) {
  if (!element.dataset.hints) return {};
  const url = new URL(element.dataset.hints, location.href);
  url.searchParams.set("start", start.slice(0, 10));
  url.searchParams.set("end", end.slice(0, 10));
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
  return answer?.ok ? answer.json() : {};
}
