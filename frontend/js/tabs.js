// On a phone the tabs scroll sideways: the current one is brought into sight.
import { all } from "./dom.js";

export function tabs(root) {
  for (const bar of all(root, ".tabs")) {
    const here = bar.querySelector("[aria-current], [aria-selected='true']");
    if (here) bar.scrollLeft = here.offsetLeft - (bar.clientWidth - here.offsetWidth) / 2 - bar.offsetLeft;
  }
}
