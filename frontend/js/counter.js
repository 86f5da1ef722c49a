// Characters left. The browser's own estimate shows at once; the server's count, made as the network counts, replaces it.
import { all, calm, post } from "./dom.js";

const segments = new Intl.Segmenter();
const estimate = (text) => [...segments.segment(text)].length;

export function counters(root) {
  for (const box of all(root, "[data-counter]")) {
    const source = document.getElementById(box.dataset.counter);
    if (!source || box.dataset.watched) continue;
    box.dataset.watched = "1";
    const counter = box.querySelector(".counter");
    const output = box.querySelector("output");
    const problems = box.querySelector(".problems");
    const form = new Intl.NumberFormat(document.documentElement.lang);
    let limit = box.dataset.limit ? Number(box.dataset.limit) : null;
    let request;

    const show = (length) => {
      const left = limit === null ? null : limit - length;
      output.value = form.format(left === null ? length : left).replace("-", "−");
      counter.style.setProperty("--part", limit ? Math.min(length / limit, 1) : 0);
      counter.dataset.state = left === null ? "" : left < 0 ? "over" : left < limit * 0.1 ? "near" : "";
    };
    const list = (found) => {
      problems.replaceChildren(
        ...found.map((problem) => {
          const item = document.createElement("li");
          item.innerHTML = `<svg class="icon" aria-hidden="true"><use href="${document.body.dataset.icons}#warning"/></svg>`;
          item.append(Object.assign(document.createElement("span"), { textContent: problem.text ?? problem }));
          return item;
        }),
      );
    };
    const check = calm(async () => {
      request?.abort();
      request = new AbortController();
      const fields = new FormData();
      fields.set("text", source.value);
      if (box.dataset.include) document.querySelectorAll(box.dataset.include).forEach((one) => one.name && ((one.type !== "checkbox" && one.type !== "radio") || one.checked) && fields.append(one.name, one.value));
      try {
        const answer = await post(box.dataset.url, fields, { signal: request.signal });
        if (!answer.ok) return;
        const said = await answer.json();
        limit = said.limit ?? null;
        show(said.length);
        list(said.problems ?? []);
      } catch (problem) {
        if (problem.name !== "AbortError") console.info("check failed; the estimate stays", problem);
      }
    }, 250);

    const look = () => {
      show(estimate(source.value));
      if (box.dataset.url) check();
    };
    source.addEventListener("input", look);
    if (box.dataset.include) document.querySelectorAll(box.dataset.include).forEach((one) => one.addEventListener("change", look));
    look();
  }
}
