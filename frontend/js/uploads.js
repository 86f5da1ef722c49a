// Files on their way: each with a bar of its own, two at a time, and what came of them put where it belongs.
import { all, csrf, word } from "./dom.js";
import { toast } from "./toasts.js";

const AT_ONCE = 2;
const TAKEN = /^(image|video)\/|^application\/pdf$/;
const waiting = [];
let running = 0;

/** Uploads of a form (or of any) that are not done. */
const busy = (form) => document.querySelectorAll(form ? `#${CSS.escape(form.id)} .upload[data-on]` : ".upload[data-on]").length;

function megabytes(bytes) {
  return new Intl.NumberFormat(document.documentElement.lang || "en", { maximumFractionDigits: bytes < 1e7 ? 1 : 0 }).format(bytes / 1e6);
}

/** A file's line: its name, how far it is, and what one can do. */
function line(zone, file) {
  const row = zone.querySelector("template").content.firstElementChild.cloneNode(true);
  row.querySelector(".upload-name").textContent = file.name;
  const progress = row.querySelector("progress");
  progress.setAttribute("aria-label", file.name);
  const say = (text, tone = "") => {
    row.querySelector(".upload-state").textContent = text;
    row.dataset.tone = tone;
  };
  return { row, progress, button: row.querySelector("button"), say };
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    waiting.shift()().finally(() => {
      running -= 1;
      next();
    });
  }
}

function send(input, file, shown) {
  return new Promise((done) => {
    const { row, progress, button, say } = shown;
    if (!row.isConnected) return done();
    const request = new XMLHttpRequest();
    const failed = (text) => {
      delete row.dataset.on;
      progress.remove();
      say(text, "late");
      done();
    };
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      progress.value = event.loaded / event.total;
      say(event.loaded < event.total ? `${megabytes(event.loaded)} / ${megabytes(event.total)} MB` : word("uploadChecking"));
      if (event.loaded === event.total) progress.removeAttribute("value");
    });
    request.addEventListener("load", () => {
      if (request.status === 200 || request.status === 422) {
        row.remove();
        input.dispatchEvent(new CustomEvent("uploaded", { bubbles: true, detail: { html: request.responseText } }));
        return done();
      }
      const words = { 401: "signedOut", 403: "forbidden", 413: "uploadRefused" };
      failed(word(words[request.status] ?? "failed"));
    });
    request.addEventListener("error", () => failed(word("offline")));
    request.addEventListener("abort", () => {
      row.remove();
      done();
    });
    button.addEventListener("click", () => request.abort());
    const body = new FormData();
    body.append("files", file);
    request.open("POST", input.dataset.upload);
    request.setRequestHeader("X-CSRFToken", csrf());
    request.send(body);
  });
}

function take(input, files) {
  const zone = input.closest("[data-dropzone]");
  const list = zone.querySelector(".uploads");
  for (const file of files) {
    const shown = line(zone, file);
    list.append(shown.row);
    shown.button.addEventListener("click", () => shown.row.remove());
    const most = Number(input.dataset.most);
    if (most && file.size > most) {
      shown.progress.remove();
      shown.say(`${word("uploadTooLarge")} ${megabytes(most)} MB`, "late");
      continue;
    }
    shown.row.dataset.on = "";
    shown.say(word("uploadWaiting"));
    waiting.push(() => send(input, file, shown));
  }
  next();
}

/** New cards in the library, in place of those that were there already. */
function cards(event) {
  const list = document.querySelector("ul.library");
  const fresh = document.createElement("template");
  fresh.innerHTML = event.detail.html;
  const problems = document.querySelector("#upload-problems");
  problems?.append(...fresh.content.querySelectorAll(".error"));
  const made = [...fresh.content.querySelectorAll("li")];
  if (made.length && !list) return busy() ? undefined : location.reload();
  for (const one of made) {
    list.querySelector(`[data-id="${CSS.escape(one.dataset.id)}"]`)?.remove();
    list.prepend(one);
    window.htmx.process(one);
  }
}

export function uploads(root) {
  for (const input of all(root, "input[data-upload]")) {
    if (input.dataset.ready) continue;
    input.dataset.ready = "1";
    input.addEventListener("change", () => {
      take(input, [...input.files]);
      input.value = "";
    });
    if (input.closest(".library-upload")) input.addEventListener("uploaded", cards);
    // Dropped beside the field, a file is meant for it all the same.
    const zone = input.closest(".dropzone");
    const area = input.form;
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    area.addEventListener("dragover", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      zone.dataset.over = "";
    });
    area.addEventListener("dragleave", (event) => area.contains(event.relatedTarget) || delete zone.dataset.over);
    area.addEventListener("drop", (event) => {
      delete zone.dataset.over;
      if (!carries(event) || event.target === input) return;
      event.preventDefault();
      take(input, [...event.dataTransfer.files]);
    });
  }
}

export function uploadWatch() {
  // Pasted anywhere on the page, pictures and videos go to its field for files.
  document.addEventListener("paste", (event) => {
    const input = [...document.querySelectorAll("input[data-upload]")].filter((one) => one.offsetParent).at(-1);
    const files = [...(event.clipboardData?.files ?? [])].filter((file) => TAKEN.test(file.type));
    if (!input || !files.length) return;
    event.preventDefault();
    take(input, files);
  });
  // What is still on its way would be missing from what is saved.
  document.addEventListener(
    "submit",
    (event) => {
      if (!event.target.id || !busy(event.target)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      toast(word("uploadRunning"), "");
    },
    true,
  );
  window.addEventListener("beforeunload", (event) => busy() && event.preventDefault());
}
