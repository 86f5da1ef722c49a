// Posts of the plan by keyboard, the same on the calendar, the board and the lanes. A post is an element with
// data-entry (ITEM@SECONDS), data-start (wall clock) and data-title; where it leads is its own link.
import { act, askTime, daysLater } from "./moves.js";

const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const days = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

/** The nearest post in a direction: mostly ahead, little aside. */
function nearest(posts, from, [x, y]) {
  const here = from.getBoundingClientRect();
  const middle = (box) => [box.left + box.width / 2, box.top + box.height / 2];
  const [cx, cy] = middle(here);
  let best = null;
  let least = Infinity;
  for (const one of posts) {
    if (one === from) continue;
    const [px, py] = middle(one.getBoundingClientRect());
    const ahead = (px - cx) * x + (py - cy) * y;
    if (ahead < 4) continue;
    const aside = Math.abs((px - cx) * y) + Math.abs((py - cy) * x);
    const far = ahead + aside * 3;
    if (far < least) [best, least] = [one, far];
  }
  return best;
}

/** `urls`: move, copy, remove, create (any may be missing), `__id__` stands for the post. `changed(id)`: draw anew. */
export function planKeys(root, urls, changed, create) {
  const to = (url, post) => url.replace("__id__", post.dataset.entry);
  const move = async (post, start) => {
    const said = start && (await act(to(urls.move, post), { start }, changed));
    if (said) changed(said.id);
  };
  root.addEventListener("keydown", async (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const post = event.target.closest("[data-entry]");
    if (event.key === "n" && create) {
      event.preventDefault();
      return create(post?.dataset.start.slice(0, 10));
    }
    if (!post) return;
    const direction = arrows[event.key];
    if (direction && !event.shiftKey) {
      event.preventDefault();
      nearest(root.querySelectorAll("[data-entry]"), post, direction)?.focus();
    } else if (direction && urls.move) {
      event.preventDefault();
      move(post, daysLater(post.dataset.start, days[event.key]));
    } else if (event.key === "m" && urls.move) {
      event.preventDefault();
      move(post, await askTime(post.dataset.title, post.dataset.start));
    } else if (event.key === "d" && urls.copy) {
      event.preventDefault();
      const said = await act(to(urls.copy, post), {}, changed);
      if (said) changed(said.id);
    } else if ((event.key === "Delete" || event.key === "Backspace") && urls.remove) {
      event.preventDefault();
      if (await act(to(urls.remove, post), {}, changed)) changed();
    }
  });
}
