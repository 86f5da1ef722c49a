// The board of ideas: cards are dragged between columns and up and down. The menu of a card does the same by keyboard.
import { all, post, word } from "./dom.js";
import { toast } from "./toasts.js";

export function boards(root) {
  for (const board of all(root, "[data-ideas]")) {
    let held = null;
    board.addEventListener("dragstart", (event) => {
      held = event.target.closest?.("[data-idea]");
      if (!held) return;
      held.dataset.held = "1";
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", held.dataset.idea);
    });
    board.addEventListener("dragend", () => {
      if (held) delete held.dataset.held;
      held = null;
    });
    board.addEventListener("dragover", (event) => {
      const column = event.target.closest("[data-state]");
      if (!held || !column) return;
      event.preventDefault();
      const list = column.querySelector("ul");
      const below = [...list.children].find((one) => one !== held && event.clientY < one.getBoundingClientRect().top + one.offsetHeight / 2);
      list.insertBefore(held, below ?? null);
    });
    board.addEventListener("drop", async (event) => {
      const column = event.target.closest("[data-state]");
      if (!held || !column) return;
      event.preventDefault();
      const card = held;
      const index = [...column.querySelectorAll("[data-idea]")].indexOf(card);
      for (const one of board.querySelectorAll("[data-state]")) {
        const count = one.querySelector("h2 .muted");
        if (count) count.textContent = one.querySelectorAll("[data-idea]").length;
      }
      const answer = await post(board.dataset.ideas, { id: card.dataset.idea, state: column.dataset.state, index }).catch(() => null);
      if (!answer?.ok) {
        toast(word(answer ? "failed" : "offline"), "late");
        location.reload();
      }
    });
  }
}
