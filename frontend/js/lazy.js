// Charts and calendars are large; their scripts come only to pages that have one.
import { all } from "./dom.js";

const loading = {};

function load(name) {
  return (loading[name] ??= new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: document.body.dataset[`${name}Src`], onload: done, onerror: failed });
    document.head.append(script);
  }));
}

export function figures(root) {
  const charts = all(root, "[data-chart]");
  if (charts.length) load("chart").then(() => window.spilnoCharts(charts));
  const calendars = all(root, "[data-calendar]");
  if (calendars.length) load("calendar").then(() => window.spilnoCalendars(calendars));
}
