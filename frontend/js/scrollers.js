// What is wider than its place and scrolls sideways must be reachable by keyboard, too.
import { all } from "./dom.js";

const focusable = "a[href], button, input, select, textarea, summary, [tabindex]";

function look(box) {
  const hidden = box.scrollWidth > box.clientWidth && !box.querySelector(focusable);
  if (hidden) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

const watcher = new ResizeObserver((entries) => entries.forEach((entry) => look(entry.target)));

export function scrollers(root) {
  for (const box of all(root, ".table-wrap")) watcher.observe(box);
}
