// Light, dark or as the system. The cookie lets the server send the right page at once, without a flash.
export function theme() {
  const root = document.documentElement;
  const now = () => root.dataset.theme || "auto";
  const mark = () => document.querySelectorAll("[data-set-theme]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.setTheme === now())));
  const tell = () => document.dispatchEvent(new CustomEvent("themechange"));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-set-theme]");
    if (!button) return;
    const wish = button.dataset.setTheme;
    if (wish === "auto") delete root.dataset.theme;
    else root.dataset.theme = wish;
    document.cookie = `theme=${wish}; path=/; max-age=31536000; SameSite=Lax`;
    mark();
    tell();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => now() === "auto" && tell());
  mark();
}
