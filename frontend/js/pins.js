// A press on a picture says which place a comment is about; existing pins are put where they belong.
// Positions come as data, because inline styles written by the server would need every number escaped by hand.

import { all } from "./dom.js";

function put(pin, x, y) {
  pin.style.left = `${x * 100}%`;
  pin.style.top = `${y * 100}%`;
}

export function pins(root) {
  for (const picture of all(root, "[data-pin]")) {
    if (picture.dataset.ready) continue;
    picture.dataset.ready = "1";
    for (const pin of all(picture, ".pin")) put(pin, Number(pin.dataset.x), Number(pin.dataset.y));
    picture.addEventListener("click", (event) => {
      const box = picture.querySelector("img").getBoundingClientRect();
      const x = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const y = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
      const form = picture.closest("form");
      for (const old of all(form, ".pin-new")) old.remove();
      const pin = document.createElement("span");
      pin.className = "pin pin-new";
      pin.textContent = "+";
      put(pin, x, y);
      picture.append(pin);
      form.elements.media.value = picture.dataset.pin;
      form.elements.x.value = x.toFixed(4);
      form.elements.y.value = y.toFixed(4);
      form.elements.text.focus();
    });
  }
}
