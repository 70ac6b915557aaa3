// A table with a search field, filters, sorting and a selected row. Only the rows in sight are
// elements, so it may have a hundred thousand.

const ROW = 24;
const MARGIN = 8;
const PRINTED = 50;
const FORMATS = { count, time: duration, bytes, since, text: (text) => text, event: String };

// What a search asks: words that occur in a text of the row, and tests of a column (`pid:12`).
function parseSearch(text, columns) {
  const words = [],
    tests = [];
  for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
    const [key, value] = word.split(/:(.*)/s);
    if (value && key === "failed") tests.push({ key: "errno", value: null });
    else if (value && (key === "from" || key === "to"))
      tests.push({ key, value: Number(value) * 1e9 });
    else if (value && columns.has(key)) tests.push({ key, value });
    else words.push(word);
  }
  return { words, tests };
}

class Grid {
  // options: id, label, table, columns ({key, title, kind, width, bar, wide}), sort ({key, down}),
  // chips ({label, test}), hint, placeholder, detail (a function of a row), indent (a key).
  constructor(options) {
    Object.assign(this, options);
    this.texts = [...this.table.columns].filter(([, column]) => column.texts);
    this.chip = 0;
    this.cursor = -1;
    this.printing = false;
    this.greatest = new Map();
    this.element = this.#build();
    this.order = Array.from({ length: this.table.rows }, (_, row) => row);
    this.#sort();
    this.#filter();
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    addEventListener("beforeprint", () => this.#print(true));
    addEventListener("afterprint", () => this.#print(false));
  }

  #build() {
    const id = "grid-" + this.id;
    this.search = el("input", {
      type: "search",
      "aria-label": "Search in " + this.label,
      "aria-controls": id,
      placeholder: this.placeholder ?? "Search",
      spellcheck: "false",
      oninput: () => this.#filter(),
    });
    this.chipButtons = (this.chips ?? []).map(({ label }, at) =>
      el("button", {
        type: "button",
        class: "chip",
        "aria-pressed": String(at === 0),
        text: label,
        onclick: () => this.pick(at),
      }),
    );
    this.counted = el("span", { class: "counted", role: "status" });
    this.head = el(
      "tr",
      { "aria-rowindex": "1" },
      this.columns.map((column) => {
        const button = el("button", {
          type: "button",
          text: column.title,
          onclick: () => this.sortBy(column.key),
        });
        column.head = el(
          "th",
          { scope: "col", class: column.kind === "text" ? "" : "number" },
          button,
        );
        return column.head;
      }),
    );
    this.body = el("tbody", {
      onclick: (event) => this.#click(event),
    });
    const cols = this.columns.map((column) => {
      const col = el("col");
      if (column.width) col.style.width = column.width + "ch";
      return col;
    });
    this.grid = el(
      "table",
      {
        id,
        role: "grid",
        tabindex: "0",
        "aria-label": this.label,
        "aria-colcount": this.columns.length,
        onkeydown: (event) => this.#key(event),
      },
      el("colgroup", null, cols),
      el("thead", null, this.head),
      this.body,
    );
    // Columns without a width share what is left: enough to read in a narrow window.
    const least = this.columns.reduce((sum, { width }) => sum + (width ?? 28), 0);
    this.grid.style.minWidth = least + "ch";
    this.scroller = el("div", { class: "scroller", onscroll: () => this.#draws() }, this.grid);
    this.details = el("p", { class: "detail", "aria-live": "polite", hidden: true });
    const left = this.table.leftOut
      ? el("p", {
          class: "hint",
          text: plural(this.table.leftOut, "more row") + " had no room on this page.",
        })
      : null;
    const hint = this.hint ? el("p", { class: "hint", text: this.hint }) : null;
    return el(
      "div",
      { class: "grid" },
      el("div", { class: "tools", role: "search" }, this.search, this.chipButtons, this.counted),
      hint,
      this.scroller,
      this.details,
      left,
    );
  }

  // Shows what matches a text.
  find(text) {
    this.search.value = text;
    this.#filter();
  }

  pick(at) {
    this.chip = at;
    this.chipButtons.forEach((button, other) =>
      button.setAttribute("aria-pressed", String(at === other)),
    );
    this.#filter();
  }

  sortBy(key) {
    const { kind } = this.columns.find((column) => column.key === key);
    const down =
      this.sort?.key === key
        ? !this.sort.down
        : kind !== "text" && kind !== "event" && kind !== "since";
    this.sort = { key, down };
    this.#sort();
    this.#filter();
  }

  #sort() {
    for (const column of this.columns) {
      const own = this.sort?.key === column.key;
      column.head.setAttribute(
        "aria-sort",
        own ? (this.sort.down ? "descending" : "ascending") : "none",
      );
    }
    this.order.sort((a, b) => a - b);
    if (!this.sort) return;
    const { key, down } = this.sort;
    const { values, texts } = this.table.columns.get(key);
    // Places of texts in their alphabetical order; no number is less than any.
    const ranks = texts && this.#ranks(texts);
    const rank = (row) =>
      texts ? (ranks[values[row]] ?? -1) : Number.isNaN(values[row]) ? -1 : values[row];
    this.order.sort((a, b) => (down ? rank(b) - rank(a) : rank(a) - rank(b)) || a - b);
  }

  #ranks(texts) {
    const sorted = texts.map((_, at) => at).sort((a, b) => (texts[a] < texts[b] ? -1 : 1));
    const ranks = [];
    sorted.forEach((at, rank) => {
      ranks[at] = rank;
    });
    return ranks;
  }

  #filter() {
    const selected = this.shown?.[this.cursor];
    const { words, tests } = parseSearch(this.search.value, this.table.columns);
    const chip = this.chips?.[this.chip]?.test;
    // Each text is looked at once, however many rows have it.
    const hits = words.map((word) =>
      this.texts.map(([, { values, texts }]) => {
        const found = texts.map((text) => text.toLowerCase().includes(word));
        return (row) => found[values[row]];
      }),
    );
    const passes = (row) =>
      hits.every((columns) => columns.some((hit) => hit(row))) &&
      tests.every((test) => this.#test(test, row));
    this.shown = this.order.filter((row) => (!chip || chip(row, this.table)) && passes(row));
    this.cursor = selected === undefined ? -1 : this.shown.indexOf(selected);
    const all = this.table.rows,
      some = this.shown.length;
    this.counted.textContent =
      some === all ? plural(all, "row") : `${count(some)} of ${plural(all, "row")}`;
    this.grid.setAttribute("aria-rowcount", some + 1);
    this.scroller.scrollTop = 0;
    this.showDetails();
    this.draw();
  }

  #test({ key, value }, row) {
    if (key === "from") return this.table.get(row, "start") >= value;
    if (key === "to") return this.table.get(row, "start") <= value;
    const own = this.table.get(row, key);
    return value === null ? own !== "" : String(own).toLowerCase() === value;
  }

  #draws() {
    this.due ??= requestAnimationFrame(() => {
      this.due = null;
      this.draw();
    });
  }

  // Makes elements for the rows in sight.
  draw() {
    const rows = this.shown.length;
    const height = this.scroller.clientHeight || 400;
    const top = this.printing ? 0 : this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
    const last = this.printing
      ? Math.min(rows, PRINTED)
      : Math.min(rows, Math.ceil((top + height) / ROW) + MARGIN);
    const lines = [];
    for (let at = first; at < last; at++) lines.push(this.#row(at));
    if (rows === 0) {
      lines.push(
        el("tr", null, el("td", { colspan: this.columns.length, class: "none", text: "nothing" })),
      );
    }
    if (this.printing && last < rows) {
      const text = `and ${plural(rows - last, "more row")}, which are not printed`;
      lines.push(el("tr", null, el("td", { colspan: this.columns.length, class: "none", text })));
    }
    this.body.replaceChildren(this.#spacer(first), ...lines, this.#spacer(rows - last));
    const live = this.cursor >= first && this.cursor < last;
    if (live) this.grid.setAttribute("aria-activedescendant", `${this.id}-row-${this.cursor}`);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  #spacer(rows) {
    const cell = el("td", { colspan: this.columns.length });
    cell.style.height = rows * ROW + "px";
    return el("tr", { class: "spacer", "aria-hidden": "true", hidden: rows === 0 }, cell);
  }

  #row(at) {
    const row = this.shown[at];
    return el(
      "tr",
      {
        id: `${this.id}-row-${at}`,
        "aria-rowindex": at + 2,
        "data-at": at,
        "aria-selected": at === this.cursor ? "true" : "false",
      },
      this.columns.map((column) => this.#cell(column, row)),
    );
  }

  #cell(column, row) {
    const value = this.table.get(row, column.key);
    const text = (column.format ?? FORMATS[column.kind])(value, row);
    if (column.kind === "event") {
      return el(
        "td",
        { class: "number" },
        el("a", { href: column.href?.(row) ?? "#event=" + value, tabindex: "-1", text }),
      );
    }
    const cell = el("td", { class: column.kind === "text" ? column.class : "number", text });
    if (column.kind === "text") cell.title = text;
    if (column.indent)
      cell.style.paddingInlineStart = 0.5 + this.table.get(row, column.indent) + "em";
    if (column.bar) {
      const part = (100 * value) / (this.#greatest(column.key) || 1);
      cell.style.backgroundSize = part.toFixed(1) + "% 100%";
      cell.classList.add("bar");
    }
    if (column.marks?.(row, this.table)) cell.classList.add("bad");
    return cell;
  }

  #greatest(key) {
    if (!this.greatest.has(key)) {
      const { values } = this.table.columns.get(key);
      this.greatest.set(
        key,
        values.reduce((most, value) => (value > most ? value : most), 0),
      );
    }
    return this.greatest.get(key);
  }

  #click(event) {
    const at = event.target.closest("tr")?.dataset.at;
    if (at === undefined) return;
    this.select(Number(at), false);
  }

  // Selects the row at a place among those that are shown.
  select(at, scrolls = true) {
    if (this.shown.length === 0) return;
    this.cursor = Math.max(0, Math.min(at, this.shown.length - 1));
    if (scrolls) {
      const top = this.cursor * ROW,
        height = this.scroller.clientHeight - 2 * ROW;
      if (top < this.scroller.scrollTop || top > this.scroller.scrollTop + height) {
        this.scroller.scrollTop = Math.max(0, top - height / 2);
      }
    }
    this.showDetails();
    this.draw();
  }

  showDetails() {
    const row = this.shown[this.cursor];
    this.details.hidden = row === undefined || !this.detail;
    if (!this.details.hidden) this.details.replaceChildren(...this.detail(row, this.table));
  }

  #key(event) {
    if (event.target !== this.grid || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW) - 2);
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key in steps) {
      const to = this.cursor + steps[event.key];
      this.select(to === Infinity ? this.shown.length : Math.max(to, 0));
    } else if (event.key === "Enter" && this.cursor >= 0) {
      const link = this.body.querySelector("[aria-selected=true] a");
      if (link) location.hash = link.hash;
      this.opens?.(this.shown[this.cursor]);
    } else {
      return;
    }
    event.preventDefault();
  }

  // On paper there is no scrolling: the first rows are printed, and the others counted.
  #print(printing) {
    this.printing = printing;
    this.draw();
  }
}
