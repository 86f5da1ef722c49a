// Small things that several helpers need.
let texts;

/** A text in the page's language (written into the page by components/overlays.html). */
export function word(key) {
  texts ??= JSON.parse(document.getElementById("words")?.textContent || "{}");
  return texts[key] ?? key;
}

/** All elements within `root` that match, and `root` itself if it does. */
export function all(root, selector) {
  const found = [...root.querySelectorAll(selector)];
  return root.matches?.(selector) ? [root, ...found] : found;
}

/** Django's CSRF token: the newest, from its cookie, else as the frame hands it to htmx. */
export function csrf() {
  const newest = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  if (newest) return newest[1];
  const headers = document.body.getAttribute("hx-headers");
  return headers ? JSON.parse(headers)["X-CSRFToken"] : "";
}

/** POST a form; resolves to the Response. */
export function post(url, fields, options = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  return fetch(url, { method: "POST", body, headers: { "X-CSRFToken": csrf(), Accept: "application/json" }, credentials: "same-origin", ...options });
}

/** `run` after `ms` without another call. */
export function calm(run, ms) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), ms);
  };
}

/** Does htmx send what this element sends? */
export const isHtmx = (element) => ["get", "post", "put", "patch", "delete"].some((verb) => element.hasAttribute(`hx-${verb}`));
