// Draws Vega-Lite specs with the tokens' colours, and again when the theme changes.
// `<figure data-chart="SPEC-ID">`: the spec lies in the JSON script with that id; `.plot` takes the drawing.
import embed from "vega-embed";
import { word } from "./dom.js";
import { locales } from "./chart-locales.js";

const names = ["paper", "surface", "raised", "hover", "ink", "muted", "faint", "line", "edge", "brand", "brand-ink", "brand-soft", "voice", "voice-ink", "voice-soft", "good", "good-ink", "good-soft", "late", "late-ink", "late-soft"];
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

/** The tokens as rgb() in the theme that `element` is in: Vega does not read oklch() or light-dark(). */
function tokens(element) {
  const probe = document.createElement("i");
  element.append(probe);
  const found = {};
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    found[name] = `rgb(${r}, ${g}, ${b})`;
  }
  probe.remove();
  return found;
}

/** A copy of the spec with every "token:NAME" replaced. */
function dress(value, colours) {
  if (typeof value === "string") return value.startsWith("token:") ? (colours[value.slice(6)] ?? value) : value;
  if (Array.isArray(value)) return value.map((one) => dress(one, colours));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, dress(one, colours)]));
  return value;
}

/** One quiet frame for all charts. */
function config(c) {
  const font = getComputedStyle(document.body).fontFamily;
  return {
    // The figure says what it shows and has a table; Vega's labels of every mark would be English.
    aria: false,
    background: "transparent",
    font,
    padding: { left: 2, right: 8, top: 6, bottom: 2 },
    view: { stroke: null },
    axis: { labelColor: c.muted, labelFontSize: 12, labelFontWeight: 420, titleColor: c.muted, titleFontSize: 12, titleFontWeight: 420, gridColor: c.line, domain: false, ticks: false, labelPadding: 8, tickCount: 5 },
    axisX: { grid: false, labelFlush: true, labelOverlap: true },
    axisY: { titleAngle: 0, titleAlign: "left", titleAnchor: "end" },
    legend: { disable: true },
    line: { color: c.voice, strokeWidth: 2.6, strokeJoin: "round", strokeCap: "round" },
    area: { color: c.voice, opacity: 0.16 },
    bar: { color: c.voice, cornerRadiusEnd: 3 },
    point: { color: c.voice, filled: true, size: 60 },
    rule: { color: c.ink, strokeWidth: 1.2 },
    text: { color: c.ink, fontSize: 12, fontWeight: 420 },
    range: { category: [c.brand, c.voice, c["brand-ink"], c["voice-ink"], c.muted, c.faint] },
  };
}

async function draw(figure) {
  const source = document.getElementById(figure.dataset.chart);
  const plot = figure.querySelector(".plot");
  if (!source || !plot) return;
  const colours = tokens(plot);
  const spec = dress(JSON.parse(source.textContent), colours);
  const locale = locales[document.documentElement.lang] ?? locales.en;
  const height = parseInt(getComputedStyle(plot).getPropertyValue("--plot"), 10) || 250;
  plot.vega?.finalize();
  try {
    // `ast`: expressions are interpreted, not compiled; the pages' security policy forbids eval.
    plot.vega = await embed(plot, { width: "container", height, autosize: { type: "fit-x", contains: "padding" }, ...spec }, { renderer: "svg", actions: false, ast: true, config: config(colours), tooltip: { theme: "custom" }, formatLocale: locale.number, timeFormatLocale: locale.time });
    plot.classList.remove("vega-embed");
    // One picture, called by its sentence; who cannot see it reads the table below, not its marks one by one.
    plot.querySelector("svg")?.setAttribute("aria-hidden", "true");
    plot.dataset.drawn = "";
  } catch (problem) {
    console.error(problem);
    plot.textContent = word("chartFailed");
    plot.dataset.drawn = "failed";
  }
}

const drawn = new Set();

window.spilnoCharts = (figures) => {
  for (const figure of figures) {
    drawn.add(figure);
    draw(figure);
  }
};

document.addEventListener("themechange", () => {
  for (const figure of drawn) figure.isConnected ? draw(figure) : drawn.delete(figure);
});
