// The sections of the page of a log that answer one question each.

const STAT = [
  { key: "calls", title: "calls", kind: "count", width: 10 },
  { key: "errors", title: "failed", kind: "count", width: 9 },
  { key: "bytes", title: "bytes", kind: "bytes", width: 9 },
  { key: "total", title: "total", kind: "time", width: 10, bar: true },
  { key: "mean", title: "mean", kind: "time", width: 9 },
  { key: "p50", title: "median", kind: "time", width: 9 },
  { key: "p99", title: "99 %", kind: "time", width: 9 },
  { key: "max", title: "longest", kind: "time", width: 9 },
];
const EVENT = { key: "event", title: "event", kind: "event", width: 10 };

function part(title, hint, ...children) {
  return [
    el("h3", { text: title }),
    hint ? el("p", { class: "hint", text: hint }) : null,
    children,
  ];
}

// A button that shows the calls which match a search.
function leads(page, label, search) {
  return el("button", {
    type: "button",
    text: "Calls of " + label,
    onclick: () => page.find(search),
  });
}

function timeOf(page) {
  const open =
    page.tables.open.rows === 0
      ? null
      : part(
          "Calls that never returned",
          "They were open at the end of the log, or before a signal killed the program.",
          page.grid("open", {
            label: "open calls",
            sort: { key: "lasted", down: true },
            columns: [
              EVENT,
              { key: "pid", title: "pid", kind: "count", width: 9, format: String },
              { key: "exe", title: "program", kind: "text", width: 18, format: base },
              { key: "lasted", title: "lasted", kind: "time", width: 10, bar: true },
              { key: "call", title: "call", kind: "text", class: "call" },
              { key: "others", title: "who could end it", kind: "text" },
              {
                key: "stuck",
                title: "stuck",
                kind: "text",
                width: 8,
                format: (stuck) => (stuck ? "✗ stuck" : ""),
              },
            ],
            detail: (row, table) => [
              `${table.get(row, "call")} waits for ${table.get(row, "cause")} ` +
                table.get(row, "object"),
            ],
          }),
        );
  return [
    part(
      "By call",
      null,
      page.grid("by-call", {
        label: "time by call",
        sort: { key: "total", down: true },
        columns: [{ key: "call", title: "call", kind: "text", width: 18 }, ...STAT],
        detail: (row, table) => [
          leads(page, `call ${table.get(row, "call")}`, `name:${table.get(row, "call")}`),
        ],
      }),
    ),
    part(
      "By process",
      "Times of threads that wait at the same time add up.",
      page.grid("by-process", {
        label: "time by process",
        sort: { key: "total", down: true },
        columns: [
          { key: "pid", title: "pid", kind: "text", width: 9 },
          { key: "exe", title: "program", kind: "text", width: 24, format: base },
          ...STAT,
        ],
        detail: (row, table) => [
          table.get(row, "exe"),
          " ",
          leads(page, `process ${table.get(row, "pid")}`, `pid:${table.get(row, "pid")}`),
        ],
      }),
    ),
    part(
      "By what was waited for",
      null,
      page.some("blocked", "No call can wait.", {
        label: "waits",
        sort: { key: "total", down: true },
        columns: [
          { key: "cause", title: "for", kind: "text", width: 10 },
          { key: "object", title: "which", kind: "text" },
          { key: "exe", title: "program", kind: "text", width: 20, format: base },
          { key: "calls", title: "calls", kind: "count", width: 10 },
          { key: "total", title: "total", kind: "time", width: 10, bar: true },
          { key: "max", title: "longest", kind: "time", width: 10 },
          { ...EVENT, title: "longest" },
        ],
        detail: (row, table) => [table.get(row, "cause") + " " + table.get(row, "object")],
      }),
    ),
    open,
    habits(page),
  ];
}

function habits(page) {
  if (page.tables.habits.rows === 0) return null;
  return part(
    "Habits that cost time",
    null,
    page.grid("habits", {
      label: "habits",
      sort: { key: "count", down: true },
      columns: [
        { key: "rule", title: "rule", kind: "text", width: 18 },
        { key: "count", title: "times", kind: "count", width: 9 },
        { key: "message", title: "what", kind: "text" },
        { key: "exe", title: "program", kind: "text", width: 20, format: base },
        EVENT,
      ],
      detail: (row, table) => [table.get(row, "message")],
    }),
  );
}

function filesOf(page) {
  const of = (key) => (row, table) => table.get(row, key) > 0;
  return [
    page.some("files", "No file was used.", {
      label: "files",
      columns: [
        { key: "path", title: "path", kind: "text", class: "call" },
        { key: "uses", title: "uses", kind: "text", width: 26 },
        { key: "read", title: "read", kind: "bytes", width: 9 },
        { key: "written", title: "written", kind: "bytes", width: 9 },
        { key: "missing", title: "not found", kind: "count", width: 10 },
        { key: "errors", title: "errors", kind: "text", width: 16 },
        { key: "programs", title: "programs", kind: "count", width: 10 },
        { ...EVENT, title: "first" },
      ],
      chips: [
        { label: "All", test: null },
        { label: "Changed", test: of("changed") },
        { label: "Read", test: of("read") },
        { label: "Not found", test: of("missing") },
        { label: "Errors", test: (row, table) => table.get(row, "errors") !== "" },
      ],
      detail: (row, table) => [
        `${table.get(row, "path")}: ${table.get(row, "uses")} ${table.get(row, "errors")} `,
        el("a", { href: "#event=" + table.get(row, "event"), text: "first use" }),
        " ",
        el("a", { href: "#event=" + table.get(row, "last"), text: "last use" }),
      ],
    }),
    page.tables.searches.rows === 0
      ? null
      : part(
          "Searches",
          "Names that were looked for in one directory after another.",
          page.grid("searches", {
            label: "searches",
            sort: { key: "times", down: true },
            columns: [
              { key: "name", title: "name", kind: "text", width: 24 },
              { key: "tried", title: "not in", kind: "text" },
              { key: "found", title: "found in", kind: "text" },
              { key: "times", title: "times", kind: "count", width: 9 },
              EVENT,
            ],
            chips: [
              { label: "All", test: null },
              { label: "In vain", test: (row, table) => table.get(row, "found") === "" },
            ],
            detail: (row, table) => [
              `${table.get(row, "name")}: not in ${table.get(row, "tried")}`,
            ],
          }),
        ),
  ];
}

function networkOf(page) {
  return [
    page.some("network", "Nothing used the network.", {
      label: "network",
      columns: [
        { key: "role", title: "role", kind: "text", width: 10 },
        { key: "protocol", title: "protocol", kind: "text", width: 10 },
        { key: "address", title: "address", kind: "text" },
        { key: "names", title: "names", kind: "text" },
        {
          key: "outcome",
          title: "outcome",
          kind: "text",
          width: 15,
          marks: (row, table) => table.get(row, "outcome") !== "ok",
        },
        { key: "exe", title: "program", kind: "text", width: 16, format: base },
        { key: "sockets", title: "sockets", kind: "count", width: 9 },
        { key: "received", title: "received", kind: "bytes", width: 10 },
        { key: "sent", title: "sent", kind: "bytes", width: 9 },
        EVENT,
      ],
      chips: [
        { label: "All", test: null },
        {
          label: "Internet",
          test: (row, table) => ["tcp", "udp", "ip"].includes(table.get(row, "protocol")),
        },
        { label: "Failed", test: (row, table) => table.get(row, "outcome") !== "ok" },
      ],
      detail: (row, table) => [
        `${table.get(row, "address")} ${table.get(row, "names")} by ${table.get(row, "exe")}`,
      ],
    }),
    page.tables.lookups.rows === 0
      ? null
      : part(
          "Names that were looked up",
          null,
          page.grid("lookups", {
            label: "names",
            columns: [
              { key: "name", title: "name", kind: "text" },
              { key: "record", title: "record", kind: "text", width: 9 },
              { key: "answers", title: "answers", kind: "text" },
              { key: "code", title: "code", kind: "text", width: 12 },
              { key: "asked", title: "asked", kind: "count", width: 9 },
              { key: "exe", title: "program", kind: "text", width: 16, format: base },
              EVENT,
            ],
          }),
        ),
  ];
}

function errorsOf(page) {
  return page.some("by-error", "No call failed.", {
    label: "errors",
    sort: { key: "errors", down: true },
    columns: [
      { key: "errno", title: "error", kind: "text", width: 18 },
      { key: "call", title: "call", kind: "text", width: 18 },
      { key: "errors", title: "times", kind: "count", width: 10, bar: true },
      ...STAT.slice(3),
    ],
    hint: "Many failures are the normal case: a name is looked for in one directory after another.",
    detail: (row, table) => [
      leads(
        page,
        `${table.get(row, "call")} that failed with ${table.get(row, "errno")}`,
        `name:${table.get(row, "call")} errno:${table.get(row, "errno")}`,
      ),
    ],
  });
}

function slowestOf(page) {
  return page.some("slowest", "No call returned.", {
    label: "slowest calls",
    sort: { key: "duration", down: true },
    columns: [
      EVENT,
      { key: "duration", title: "took", kind: "time", width: 10, bar: true },
      { key: "pid", title: "pid", kind: "count", width: 9, format: String },
      { key: "call", title: "call", kind: "text", class: "call" },
    ],
    detail: (row, table) => [table.get(row, "call")],
  });
}
