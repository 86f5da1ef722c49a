// name in templates: `{% icon "name" %}` -> Lucide icon (ISC licence), or a drawing of our own (starts with "<").
export const icons = {
  // the loop
  today: "sun", initiatives: "flag", plan: "calendar-days", inbox: "inbox", community: "users-round", results: "chart-no-axes-column",
  networks: "share-2", library: "library", settings: "settings-2", more: "ellipsis", menu: "menu",
  // doing
  add: "plus", plus: "plus", edit: "pencil", delete: "trash-2", save: "check", send: "send", copy: "copy", search: "search", filter: "list-filter",
  upload: "upload", download: "download", external: "arrow-up-right", link: "link", share: "share", undo: "undo-2", refresh: "refresh-cw",
  archive: "archive", duplicate: "copy-plus", drag: "grip-vertical", eye: "eye", lock: "lock", key: "key-round", logout: "log-out", print: "printer", history: "history",
  // going
  back: "arrow-left", next: "arrow-right", up: "arrow-up", down: "arrow-down", left: "chevron-left", right: "chevron-right", chevron: "chevron-down", close: "x", switch: "chevrons-up-down",
  // states
  check: "check", done: "circle-check", behind: "trending-down", ahead: "trending-up", warning: "triangle-alert", info: "info", help: "circle-question-mark",
  clock: "clock", waiting: "hourglass", uncertain: "circle-question-mark", failed: "circle-x", hand: "hand", missed: "calendar-x", held: "circle-pause", dot: "dot", minus: "minus", bell: "bell",
  // things
  brief: "clipboard-list", target: "target", event: "calendar-heart", achievement: "trophy", format: "repeat", initiative: "flag", person: "user-round", people: "users-round",
  image: "image", video: "clapperboard", text: "text", story: "smartphone", post: "square-pen", file: "file-text", table: "table-2", mail: "mail", message: "message-circle", question: "message-circle-question-mark", feedback: "lightbulb",
  money: "wallet", book: "book-open", globe: "globe", plug: "plug", shield: "shield-check", log: "scroll-text", agreement: "handshake", contingency: "life-buoy", home: "house",
  // the switches
  light: "sun", dark: "moon", auto: "sun-moon", language: "languages", desktop: "monitor",
  // the mark: two voices, one ring in the other
  mark: '<circle cx="9.2" cy="12" r="7.2" stroke-width="3"/><circle cx="14.8" cy="12" r="7.2" stroke-width="3"/>',
};
