// Starts the page.

const KEYS = [
  ["/", "search in this section"],
  ["?", "these keys"],
  ["Esc", "leave a search field, and empty it"],
  ["↑ ↓ PgUp PgDn Home End", "move in a table"],
  ["Enter", "follow the link of the selected row"],
];

function keysDialog() {
  const close = el("button", { type: "button", text: "Close" });
  const list = el(
    "dl",
    { class: "about" },
    KEYS.flatMap(([key, text]) => [el("dt", { text: key }), el("dd", { text })]),
  );
  const dialog = el("dialog", { "aria-label": "Keys" }, el("h2", { text: "Keys" }), list, close);
  close.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  return dialog;
}

// The search field of the section that is used, or the first one in sight.
function searchField() {
  const own = document.activeElement?.closest("section")?.querySelector("input[type=search]");
  const fields = [...document.querySelectorAll("input[type=search]")];
  const inSight = (field) => {
    const { top, bottom } = field.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  };
  return own ?? fields.find(inSight) ?? fields.at(-1);
}

function onKey(event, dialog) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const inField = event.target instanceof HTMLInputElement;
  if (event.key === "Escape" && inField) {
    event.target.value = "";
    event.target.dispatchEvent(new Event("input"));
    event.target.blur();
  } else if (event.key === "/" && !inField) {
    searchField()?.focus();
  } else if (event.key === "?" && !inField) {
    dialog.showModal();
  } else {
    return;
  }
  event.preventDefault();
}

async function start() {
  const main = document.getElementById("main");
  const meta = await jsonOf("meta");
  const page = meta.kind === "diff" ? new DiffPage() : new LogPage();
  await page.show(meta, main);
  const links = [...main.querySelectorAll("section")].map((section) =>
    el(
      "li",
      null,
      el("a", { href: "#" + section.id, text: section.querySelector("h2").textContent }),
    ),
  );
  const dialog = keysDialog();
  const keys = el(
    "li",
    null,
    el("button", { type: "button", text: "Keys (?)", onclick: () => dialog.showModal() }),
  );
  document.getElementById("sections").append(...links, keys);
  document.getElementById("title").textContent =
    meta.kind === "diff" ? "Comparison" : base(meta.log);
  addEventListener("keydown", (event) => onKey(event, dialog));
  const follow = () => {
    const hash = location.hash.slice(1);
    if (!hash.includes("=")) return;
    if (!page.follow(new URLSearchParams(hash))) say(`There is no ${hash} on this page.`);
  };
  addEventListener("hashchange", follow);
  follow();
  document.documentElement.dataset.ready = "";
}

start().catch((error) => {
  document.getElementById("main").append(
    el("p", {
      class: "bad",
      role: "alert",
      text: `This page cannot be shown: ${error.message}. It needs a browser of 2024 or later.`,
    }),
  );
});
