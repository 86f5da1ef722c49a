// Files dropped or chosen are shown before they are sent. The native input does the rest.
import { all } from "./dom.js";

export function dropzones(root) {
  for (const zone of all(root, "[data-dropzone]")) {
    if (zone.dataset.watched) continue;
    zone.dataset.watched = "1";
    const target = zone.querySelector(".dropzone");
    const input = zone.querySelector('input[type="file"]');
    const thumbs = zone.querySelector(".thumbs");
    for (const name of ["dragenter", "dragover"]) target.addEventListener(name, () => (target.dataset.over = ""));
    for (const name of ["dragleave", "drop"]) target.addEventListener(name, () => delete target.dataset.over);
    if (input.dataset.upload) continue; // sent at once, and shown by its own line
    input.addEventListener("change", () => {
      thumbs.querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
      thumbs.replaceChildren(
        ...[...input.files].map((file) => {
          const figure = Object.assign(document.createElement("figure"), { className: "thumb" });
          if (file.type.startsWith("image/")) figure.append(Object.assign(new Image(), { src: URL.createObjectURL(file), alt: file.name }));
          figure.append(Object.assign(document.createElement("figcaption"), { textContent: file.name }));
          return figure;
        }),
      );
    });
    // A picture pasted into the form's text goes the same way.
    input.form?.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
      if (!files.length) return;
      event.preventDefault();
      const list = new DataTransfer();
      for (const file of [...(input.multiple ? input.files : []), ...files]) list.items.add(file);
      input.files = list.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}
