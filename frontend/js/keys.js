// Keyboard: `/` goes to the search, j and k walk the rows, Enter follows a row, `g` and a letter goes to a section.
const typing = (element) => element.closest("input, textarea, select, [contenteditable]") || element.closest("dialog[open]");

export function keys() {
  let went = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "/") {
      const search = document.querySelector('input[type="search"]');
      if (search) {
        event.preventDefault();
        search.focus();
      }
      return;
    }
    if (event.key === "g") {
      went = event.timeStamp;
      return;
    }
    if (event.timeStamp - went < 1200 && /^[1-9]$/.test(event.key)) {
      document.querySelectorAll(".side > a.side-link")[Number(event.key) - 1]?.click();
      return;
    }
    if (event.key !== "j" && event.key !== "k") return;
    const rows = [...document.querySelectorAll(".row")].filter((row) => row.querySelector("a, button"));
    if (!rows.length) return;
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.min(Math.max(here + (event.key === "j" ? 1 : -1), 0), rows.length - 1)];
    next.querySelector(".act a, .act button, a, button")?.focus();
  });
}
