// The processes over time: a row for each process, a bar for each program that it ran. It zooms by
// keys, buttons, by dragging over a range, and by the wheel with Ctrl.

const LANE = 18;
const AXIS = 20;
const SHADES = 8;

// Makes lanes of the nodes of the tree. A node that an execve began goes on in the lane of the one
// before.
function lanesOf(table, end) {
  const lanes = [],
    ofNode = new Map();
  for (let row = 0; row < table.rows; row++) {
    const start = table.get(row, "start"),
      took = table.get(row, "duration");
    const bar = { row, start, end: Number.isNaN(took) ? end : start + took };
    const before =
      table.get(row, "origin") === "exec" ? ofNode.get(table.get(row, "parent")) : undefined;
    const lane = before ?? { pid: table.get(row, "pid"), bars: [], at: lanes.length };
    if (!before) lanes.push(lane);
    lane.bars.push(bar);
    ofNode.set(table.get(row, "node"), lane);
  }
  return lanes;
}

// A step of 1, 2 or 5 times a power of ten, of which about `parts` make `length`.
function stepOf(length, parts) {
  const power = 10 ** Math.floor(Math.log10(length / parts));
  return power * ([1, 2, 5].find((factor) => length / (power * factor) <= parts) ?? 10);
}

class Strip {
  // opens: what to do with the process of a lane; ranged: what to do with a range of time.
  constructor(table, end, { opens, ranged }) {
    Object.assign(this, { table, end: Math.max(end, 1), opens, ranged });
    this.lanes = lanesOf(table, this.end);
    this.cursor = -1;
    this.range = [0, this.end];
    this.element = this.#build();
    new ResizeObserver(() => this.draw()).observe(this.view);
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
      matchMedia(query).addEventListener("change", () => this.draw());
    }
  }

  #build() {
    const button = (label, text, onclick) =>
      el("button", { type: "button", "aria-label": label, title: label, text, onclick });
    this.shown = el("span", { class: "counted", role: "status" });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    const spacer = el("div", { class: "strip-height" });
    spacer.style.height = this.lanes.length * LANE + "px";
    this.view = el(
      "div",
      {
        class: "strip",
        tabindex: "0",
        role: "group",
        id: "strip",
        "aria-label": "Processes over time. The table below has the same processes.",
        "aria-describedby": "strip-keys",
        "aria-live": "polite",
        onkeydown: (event) => this.#key(event),
        onscroll: () => this.draw(),
      },
      this.canvas,
      spacer,
    );
    this.view.style.height = Math.min(this.lanes.length * LANE + AXIS + 4, 420) + "px";
    this.view.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.view.addEventListener("pointerdown", (event) => this.#press(event));
    this.view.addEventListener("pointermove", (event) => this.#move(event));
    this.view.addEventListener("pointerup", (event) => this.#release(event));
    this.view.addEventListener("dblclick", () => this.zoom(0, this.end));
    this.about = el("p", { class: "detail", role: "status", hidden: true });
    return el(
      "div",
      { class: "strip-frame" },
      el(
        "div",
        { class: "tools" },
        button("Zoom in", "+", () => this.#scale(0.5)),
        button("Zoom out", "−", () => this.#scale(2)),
        button("Earlier", "←", () => this.#pan(-0.25)),
        button("Later", "→", () => this.#pan(0.25)),
        button("The whole time", "All", () => this.zoom(0, this.end)),
        el("button", {
          type: "button",
          text: "Calls of this time",
          onclick: () => this.ranged(this.range),
        }),
        this.shown,
      ),
      this.view,
      this.about,
      el("p", {
        class: "hint",
        id: "strip-keys",
        text:
          "Drag over a range to zoom, double-click for all. Keys: + and − zoom, ← → move, " +
          "↑ ↓ choose a process, Enter shows its calls.",
      }),
    );
  }

  zoom(from, to) {
    const least = Math.min(1000, this.end);
    const length = Math.max(least, Math.min(to - from, this.end));
    const start = Math.max(0, Math.min(from, this.end - length));
    this.range = [start, start + length];
    this.draw();
  }

  // Zooms around a place: the middle, unless one is given.
  #scale(factor, at = (this.range[0] + this.range[1]) / 2) {
    const [from, to] = this.range;
    this.zoom(at - (at - from) * factor, at + (to - at) * factor);
  }

  #pan(part) {
    const step = (this.range[1] - this.range[0]) * part;
    this.zoom(this.range[0] + step, this.range[1] + step);
  }

  #time(event) {
    const box = this.canvas.getBoundingClientRect();
    const part = (event.clientX - box.left) / Math.max(1, box.width);
    return this.range[0] + part * (this.range[1] - this.range[0]);
  }

  #lane(event) {
    const y = event.clientY - this.canvas.getBoundingClientRect().top - AXIS + this.view.scrollTop;
    return Math.floor(y / LANE);
  }

  #wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.#scale(event.deltaY < 0 ? 0.8 : 1.25, this.#time(event));
  }

  #press(event) {
    if (event.button !== 0 || event.offsetX > this.canvas.clientWidth) return;
    this.drag = { from: this.#time(event), x: event.clientX, to: null };
    this.view.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (!this.drag) return;
    if (Math.abs(event.clientX - this.drag.x) > 4) this.drag.to = this.#time(event);
    this.draw();
  }

  #release(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (drag.to === null) this.select(this.#lane(event));
    else this.zoom(Math.min(drag.from, drag.to), Math.max(drag.from, drag.to));
  }

  select(at) {
    if (!(at >= 0 && at < this.lanes.length)) return;
    this.cursor = at;
    const top = at * LANE,
      height = this.view.clientHeight - AXIS - LANE;
    if (top < this.view.scrollTop || top > this.view.scrollTop + height) {
      this.view.scrollTop = Math.max(0, top - height / 2);
    }
    const lane = this.lanes[at],
      last = lane.bars.at(-1);
    const pid = String(lane.pid);
    this.about.hidden = false;
    const calls = lane.bars.reduce((sum, { row }) => sum + this.table.get(row, "calls"), 0);
    const failed = lane.bars.reduce((sum, { row }) => sum + this.table.get(row, "failed"), 0);
    const names = lane.bars.map(
      ({ row }) => this.table.get(row, "command") || this.table.get(row, "exe") || "?",
    );
    const end = this.table.get(last.row, "end") || "lives at the end of the log";
    this.about.replaceChildren(
      el("b", { text: `${pid}: ` }),
      names.join(" → "),
      ` — from ${since(lane.bars[0].start)} for ` +
        `${duration(last.end - lane.bars[0].start)}, ${end}, ` +
        `${plural(calls, "call")}, ${count(failed)} failed `,
      el("button", { type: "button", text: "Its calls", onclick: () => this.opens(lane.pid) }),
    );
    this.draw();
  }

  #key(event) {
    if (event.target !== this.view || event.ctrlKey || event.altKey || event.metaKey) return;
    const act = {
      "+": () => this.#scale(0.5),
      "=": () => this.#scale(0.5),
      "-": () => this.#scale(2),
      ArrowLeft: () => this.#pan(-0.25),
      ArrowRight: () => this.#pan(0.25),
      0: () => this.zoom(0, this.end),
      ArrowDown: () => this.select(Math.min(this.cursor + 1, this.lanes.length - 1)),
      ArrowUp: () => this.select(Math.max(this.cursor - 1, 0)),
      Home: () => this.select(0),
      End: () => this.select(this.lanes.length - 1),
      Enter: () => this.cursor >= 0 && this.opens(this.lanes[this.cursor].pid),
    }[event.key];
    if (!act) return;
    act();
    event.preventDefault();
  }

  draw() {
    const width = this.view.clientWidth,
      height = this.view.clientHeight;
    if (!width) return;
    const [from, to] = this.range;
    const lanes = plural(this.lanes.length, "process", "processes");
    this.shown.textContent = `${since(from)} to ${since(to)}, ${lanes}`;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = width + "px";
    this.canvas.style.height = height + "px";
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const color = (name) => this.#color(name);
    pen.font = "12px " + getComputedStyle(this.view).fontFamily;
    pen.textBaseline = "middle";
    const x = (time) => ((time - from) / (to - from)) * width;
    const first = Math.floor(this.view.scrollTop / LANE);
    const last = Math.min(this.lanes.length, Math.ceil((this.view.scrollTop + height) / LANE));
    for (let at = first; at < last; at++) {
      this.#drawLane(pen, at, AXIS + at * LANE - this.view.scrollTop, { x, width, color });
    }
    this.#drawAxis(pen, { x, width, height, color });
    if (this.drag?.to != null) {
      const [a, b] = [x(this.drag.from), x(this.drag.to)];
      pen.globalAlpha = 0.25;
      pen.fillStyle = color("--accent");
      pen.fillRect(Math.min(a, b), 0, Math.abs(b - a), height);
      pen.globalAlpha = 1;
    }
  }

  // A canvas knows no variables, nor light-dark().
  #color(name) {
    this.canvas.style.color = `var(${name})`;
    return getComputedStyle(this.canvas).color;
  }

  #drawLane(pen, at, y, { x, width, color }) {
    const lane = this.lanes[at];
    if (at === this.cursor) {
      pen.fillStyle = color("--chosen");
      pen.fillRect(0, y, width, LANE);
    }
    let label = null,
      labelAt = 0;
    for (const { row, start, end } of lane.bars) {
      const left = Math.max(0, x(start)),
        right = Math.min(width, x(end));
      if (right < 0 || left > width) continue;
      const name = base(this.table.get(row, "exe"));
      pen.fillStyle = color(`--shade-${shadeOf(name)}`);
      pen.fillRect(left, y + 2, Math.max(1, right - left), LANE - 4);
      const how = this.table.get(row, "end");
      if (how && how !== "exec" && how !== "exit 0") {
        // Not by the color alone.
        pen.fillStyle = color("--bad");
        pen.fillRect(Math.max(left, right - 3), y + 1, 3, LANE - 2);
      }
      label =
        `${name || "?"} ${lane.pid}` +
        (how === "" || how === "exec" || how === "exit 0" ? "" : ` ✗ ${how}`);
      labelAt = right - left > pen.measureText(label).width + 8 ? left + 4 : right + 4;
    }
    if (label === null) return;
    const room = pen.measureText(label).width;
    if (labelAt + room > width) labelAt = Math.max(2, width - room - 4);
    pen.fillStyle = color("--ink");
    pen.fillText(label, labelAt, y + LANE / 2 + 1);
  }

  #drawAxis(pen, { x, width, height, color }) {
    pen.fillStyle = color("--paper");
    pen.fillRect(0, 0, width, AXIS);
    const [from, to] = this.range;
    const step = stepOf(to - from, Math.max(2, width / 110));
    pen.fillStyle = color("--dim");
    for (let time = Math.ceil(from / step) * step; time <= to; time += step) {
      pen.globalAlpha = 0.25;
      pen.fillRect(x(time), AXIS - 4, 1, height);
      pen.globalAlpha = 1;
      pen.fillText(duration(Math.round(time)), Math.min(x(time) + 3, width - 50), AXIS / 2);
    }
  }
}

// The same program has the same color everywhere.
function shadeOf(name) {
  let hash = 7;
  for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) >>> 0;
  return hash % SHADES;
}
