// A form came back with errors: go to the first of them, which may be far below on a phone.
export function invalid() {
  const first = document.querySelector("main [aria-invalid=true]:not([type=hidden])");
  if (!first) return;
  first.focus({ preventScroll: true });
  first.scrollIntoView({ block: "center" });
}
