// How one event looks.
let known;
/** Marks of networks by key, once in the page instead of in each of thousands of events. */
const marks = () => (known ??= JSON.parse(document.getElementById("plan-marks")?.textContent || "{}"));
const make = (tag, className, textContent) => Object.assign(document.createElement(tag), { className, textContent });
const drawing = (name) => `<svg class="icon" aria-hidden="true"><use href="${document.body.dataset.icons}#${CSS.escape(name)}"/></svg>`;

export function face({ event, timeText }) {
  const more = event.extendedProps;
  if (more.day || more.holiday) return { domNodes: [make("span", more.day ? "ev-rest" : "ev-holiday", event.title)] };
  const line = make("div", "ev", "");
  if (timeText) line.append(make("time", "", timeText));
  const networks = more.network ? [more.network] : (more.networks ?? []).map((key) => marks()[key]).filter(Boolean);
  for (const network of networks.slice(0, 3)) {
    const mark = Object.assign(make("span", "net net-small", network.short), { title: network.label });
    mark.style.setProperty("--mark", network.color);
    line.append(mark);
  }
  if (networks.length > 3) line.append(make("small", "", `+${networks.length - 3}`));
  line.append(make("b", "", event.title));
  // What is pointed out takes the place of the state's drawing; what needs a person keeps its own.
  const icon = more.hints?.length && !["late", "ask"].includes(more.look) ? "warning" : more.icon;
  if (icon) line.insertAdjacentHTML("beforeend", drawing(icon));
  return { domNodes: [line] };
}

export function classes({ event }) {
  const more = event.extendedProps;
  if (more.day) return ["ev-day"];
  if (more.holiday) return ["ev-of-holiday"];
  if (more.free) return ["ev-free"];
  if (more.due) return ["ev-due", ...(more.look ? [`ev-due-${more.look}`] : [])];
  return [`ev-${more.voice || "out"}`, ...(more.look ? [`ev-${more.look}`] : [])];
}

/** The whole story for whoever points at it or reads with a screen reader. */
export function story({ event }) {
  const more = event.extendedProps;
  return [event.title, more.network?.label, more.state, ...(more.hints ?? [])].filter(Boolean).join(" · ");
}
