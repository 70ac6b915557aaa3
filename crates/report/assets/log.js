// The page of a log.

class LogPage {
  async show(meta, main) {
    this.meta = meta;
    document.title = `${base(meta.log)}: sysreel report`;
    const names = [
      "calls",
      "processes",
      "by-call",
      "by-process",
      "blocked",
      "open",
      "files",
      "searches",
      "network",
      "lookups",
      "by-error",
      "slowest",
      "habits",
    ];
    const tables = await Promise.all(names.map(tableOf));
    this.tables = Object.fromEntries(names.map((name, at) => [name, tables[at]]));
    this.grids = {};
    main.append(
      section("summary", "Summary", this.#summary()),
      section("processes", "What ran", this.#processes()),
      section("time", "Where time went", timeOf(this)),
      section("files", "Files", filesOf(this)),
      section("network", "Network", networkOf(this)),
      section("errors", "Errors", errorsOf(this)),
      section("slowest", "Slowest calls", slowestOf(this)),
      section("calls", "Calls", this.#calls()),
    );
  }

  grid(name, options) {
    const grid = new Grid({ id: name, table: this.tables[name], ...options });
    this.grids[name] = grid;
    return grid.element;
  }

  // As #grid, or a word if the table is empty.
  some(name, word, options) {
    return this.tables[name].rows === 0
      ? el("p", { class: "none", text: word })
      : this.grid(name, options);
  }

  #summary() {
    const { meta } = this;
    const fact = (name, value, bad) =>
      el(
        "div",
        { class: bad ? "fact bad" : "fact" },
        el("dt", { text: name }),
        el("dd", { text: value }),
      );
    const facts = el(
      "dl",
      { class: "facts" },
      fact("end", meta.exit || "not in the log", meta.exit !== "exited with 0"),
      fact("lasted", duration(meta.duration)),
      fact("processes", count(new Set(this.tables.processes.columns.get("pid").values).size)),
      fact("calls", count(meta.calls)),
      fact("failed", count(meta.failed)),
      fact("events", count(meta.events)),
      fact("log", meta.isWhole ? "whole" : "✗ not whole", !meta.isWhole),
    );
    const about = [
      ["command", meta.command || "(attached)"],
      ["in", meta.cwd],
      ["host", meta.host],
      ["start", meta.start],
      ["log", `${meta.log}, ${bytes(meta.size)}, recorder ${meta.recorder}`],
      ["ending", meta.ending],
    ];
    const rows = about.map(([name, text]) => [el("dt", { text: name }), el("dd", { text })]);
    return [facts, el("dl", { class: "about" }, rows.flat()), this.#losses()];
  }

  #losses() {
    const { meta } = this;
    const left = meta.leftOut.map(([name, number]) => `${count(number)} ${name}`);
    if (meta.leftOutOthers > 0) left.push(`${count(meta.leftOutOthers)} others`);
    const room =
      left.length === 0
        ? []
        : [
            `This page has ${plural(this.tables.calls.rows, "call")} of ${count(meta.calls)}: ` +
              "failures, effects and the slowest ones, and some of each kind. " +
              `Not on it: ${left.join(", ")}. The numbers above and ` +
              "in the other tables count all calls.",
          ];
    const masked = meta.masks
      ? ["Passwords and tokens are masked, as far as they are recognized."]
      : [];
    const list = (title, lines, bad) =>
      lines.length === 0
        ? null
        : [
            el("h3", { text: title }),
            el(
              "ul",
              { class: bad ? "lines bad" : "lines" },
              lines.map((text) => el("li", { text })),
            ),
          ];
    return [
      list("What is missing in the log", meta.missing, true),
      list("What the log cannot show", meta.incomplete),
      list("Notes of the recorder", meta.notes),
      list("What this page leaves out", [...room, ...masked]),
    ];
  }

  #processes() {
    const table = this.tables.processes;
    this.strip = new Strip(table, this.meta.duration, {
      opens: (pid) => this.find(`pid:${pid}`),
      ranged: ([from, to]) =>
        this.find(`from:${(from / 1e9).toFixed(6)} to:${(to / 1e9).toFixed(6)}`),
    });
    const bad = (row) => !["", "exec", "exit 0"].includes(table.get(row, "end"));
    const grid = this.grid("processes", {
      label: "processes",
      columns: [
        // Leads to the calls of the process.
        {
          key: "pid",
          title: "pid",
          kind: "event",
          width: 9,
          href: (row) => `#search=pid:${table.get(row, "pid")}`,
        },
        {
          key: "command",
          title: "program",
          kind: "text",
          indent: "depth",
          format: (text, row) =>
            text || `(${table.get(row, "origin")}) ${base(table.get(row, "exe"))}`,
        },
        { key: "start", title: "start", kind: "since", width: 13 },
        { key: "duration", title: "lasted", kind: "time", width: 10, bar: true },
        { key: "user", title: "user", kind: "time", width: 9 },
        { key: "system", title: "system", kind: "time", width: 9 },
        { key: "calls", title: "calls", kind: "count", width: 10 },
        { key: "failed", title: "failed", kind: "count", width: 9 },
        { key: "changed", title: "changed", kind: "count", width: 9 },
        {
          key: "end",
          title: "end",
          kind: "text",
          width: 14,
          marks: bad,
          format: (text, row) => (bad(row) ? "✗ " : "") + text,
        },
      ],
      chips: [
        { label: "All", test: null },
        { label: "Failed", test: bad },
        { label: "Changed files", test: (row) => table.get(row, "changed") > 0 },
      ],
      hint:
        "A process that executes another program has a row for each. CPU time is that of the " +
        "whole process, at its end.",
      detail: (row) => [
        table.get(row, "command") || table.get(row, "exe"),
        " ",
        el("button", {
          type: "button",
          text: "Its calls",
          onclick: () => this.find(`pid:${table.get(row, "pid")}`),
        }),
      ],
    });
    return [this.strip.element, grid];
  }

  #calls() {
    const table = this.tables.calls;
    return this.grid("calls", {
      label: "calls",
      sort: { key: "event", down: false },
      placeholder: "open pid:123 name:read errno:ENOENT",
      columns: [
        EVENT,
        { key: "start", title: "time", kind: "since", width: 13 },
        { key: "pid", title: "pid", kind: "count", width: 8, format: String },
        { key: "duration", title: "took", kind: "time", width: 9 },
        {
          key: "call",
          title: "call",
          kind: "text",
          class: "call",
          marks: (row) => table.get(row, "errno") !== "",
        },
      ],
      chips: [
        { label: "All", test: null },
        { label: "Failed", test: (row) => table.get(row, "errno") !== "" },
        { label: "Slow (over 1ms)", test: (row) => table.get(row, "duration") >= 1e6 },
      ],
      hint:
        "Words are searched in calls and errors; pid:, tid:, name:, errno:, failed:any, from: and " +
        "to: (seconds) test a column.",
      detail: (row) => [
        el("a", {
          href: "#event=" + table.get(row, "event"),
          text: "event " + table.get(row, "event"),
        }),
        ` of ${table.get(row, "pid")}/${table.get(row, "tid")} `,
        el("code", { text: table.get(row, "call") }),
      ],
    });
  }

  // Shows the calls that match a text.
  find(search) {
    const grid = this.grids.calls;
    grid.pick(0);
    grid.find(search);
    document.getElementById("calls").scrollIntoView();
    grid.grid.focus({ preventScroll: true });
    say(`Calls: ${grid.counted.textContent}`);
  }

  // Follows a link: to an event, or to a search.
  follow(target) {
    if (target.has("search")) {
      this.find(target.get("search"));
      return true;
    }
    if (!target.has("event")) return false;
    const grid = this.grids.calls,
      event = Number(target.get("event"));
    grid.pick(0);
    grid.find("");
    const { values } = this.tables.calls.columns.get("event");
    let nearest = -1;
    for (let row = 0; row < values.length && values[row] <= event; row++) nearest = row;
    grid.select(grid.shown.indexOf(Math.max(0, nearest)));
    document.getElementById("calls").scrollIntoView();
    grid.grid.focus({ preventScroll: true });
    if (values[nearest] === event) {
      say("");
    } else {
      const what = nearest < 0 ? "first call" : "call before it";
      say(
        `Event ${event} begins no call on this page. "sysreel show LOG ${event}" shows it; ` +
          `the ${what} on this page is selected.`,
      );
    }
    return true;
  }
}
