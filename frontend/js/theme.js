// How the page looks: light, dark or as the system; roomy or tight. Cookies let the server send the right page at
// once, without a flash. `data-set-theme="light|dark|auto"`, `data-set-density="roomy|tight"`.
const usual = { theme: "auto", density: "roomy" };

export function theme() {
  const root = document.documentElement;
  const now = (name) => root.dataset[name] || usual[name];
  const tell = () => document.dispatchEvent(new CustomEvent("themechange"));
  const mark = () => {
    for (const name of Object.keys(usual)) {
      document.querySelectorAll(`[data-set-${name}]`).forEach((button) => button.setAttribute("aria-pressed", String(button.getAttribute(`data-set-${name}`) === now(name))));
    }
  };
  document.addEventListener("click", (event) => {
    for (const name of Object.keys(usual)) {
      const wish = event.target.closest(`[data-set-${name}]`)?.getAttribute(`data-set-${name}`);
      if (!wish) continue;
      if (wish === usual[name]) delete root.dataset[name];
      else root.dataset[name] = wish;
      document.cookie = `${name}=${wish}; path=/; max-age=31536000; SameSite=Lax`;
      mark();
      tell();
    }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => now("theme") === "auto" && tell());
  mark();
}
