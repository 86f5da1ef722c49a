// The preview of a post follows its text, pictures and link while one types.
import { all } from "./dom.js";

export function previews(root) {
  for (const card of all(root, "[data-preview]")) {
    if (card.dataset.watched) continue;
    card.dataset.watched = "1";
    const from = (name) => document.getElementById(card.dataset[name] ?? "");
    const text = from("textFrom");
    const follow = () => (card.querySelector(".text").textContent = text.value);
    text?.addEventListener("input", follow);
    if (text?.value) follow();

    const media = from("mediaFrom");
    media?.addEventListener("change", () => {
      const box = card.querySelector(".media");
      box.querySelectorAll('img[src^="blob:"]').forEach((image) => URL.revokeObjectURL(image.src));
      box.replaceChildren(...[...media.files].filter((file) => file.type.startsWith("image/")).map((file) => Object.assign(new Image(), { src: URL.createObjectURL(file), alt: "" })));
    });

    const link = from("linkFrom");
    const place = card.querySelector(".linkcard");
    const point = () => {
      const url = URL.canParse(link.value) ? new URL(link.value) : null;
      place.hidden = !url;
      if (!url) return;
      place.href = url.href;
      place.querySelector("b").textContent = decodeURI(url.pathname).length > 1 ? url.host + decodeURI(url.pathname) : url.host;
      place.querySelector("small").textContent = url.host;
    };
    link?.addEventListener("input", point);
    if (link?.value) point();
  }
}
