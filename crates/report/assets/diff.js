// The page of a comparison.

// Around how many differences the calls are open from the start.
const OPEN = 20;

class DiffPage {
  async show(meta, main) {
    this.meta = meta;
    document.title = "sysreel report: " + meta.headline;
    main.append(
      section("summary", "Result", this.#summary()),
      section("differences", "Differences", this.#differences()),
      section("text", "As text", this.#text()),
    );
  }

  #summary() {
    const { meta } = this;
    const cannot = meta.incomparable.length > 0;
    const word = cannot ? "✗ not comparable" : meta.fails ? "✗ differs" : "✓ passes";
    const verdict = el(
      "p",
      { class: meta.fails || cannot ? "verdict bad" : "verdict good" },
      el("b", { text: word }),
      " ",
      cannot ? "" : meta.headline,
    );
    const whys = meta.incomparable.map((text) => el("li", { text }));
    const sides = el(
      "table",
      { class: "sides" },
      el(
        "thead",
        null,
        el(
          "tr",
          null,
          ["", "log", "events", "processes", "missing"].map((text) =>
            el("th", { scope: "col", text }),
          ),
        ),
      ),
      el(
        "tbody",
        null,
        meta.sides.map((side, at) =>
          el(
            "tr",
            null,
            el("th", { scope: "row", text: "AB"[at] }),
            el("td", { text: side.log }),
            el("td", { class: "number", text: count(side.events) }),
            el("td", { class: "number", text: count(side.processes) }),
            el("td", { text: side.losses.join("; ") || (side.whole ? "nothing" : "something") }),
          ),
        ),
      ),
    );
    return [verdict, whys.length > 0 ? el("ul", { class: "lines bad" }, whys) : null, sides];
  }

  #differences() {
    const { findings } = this.meta;
    if (findings.length === 0) {
      return el("p", { class: "none", text: "No difference is listed." });
    }
    const severities = [...new Set(findings.map(({ severity }) => severity))];
    this.search = el("input", {
      type: "search",
      placeholder: "Search",
      "aria-label": "Search in differences",
      spellcheck: "false",
      oninput: () => this.#filter(),
    });
    this.severity = null;
    this.chips = [null, ...severities].map((severity) =>
      el("button", {
        type: "button",
        class: "chip",
        "aria-pressed": String(severity === null),
        text: severity ?? "All",
        onclick: (event) => {
          this.severity = severity;
          this.chips.forEach((chip) =>
            chip.setAttribute("aria-pressed", String(chip === event.currentTarget)),
          );
          this.#filter();
        },
      }),
    );
    this.counted = el("span", { class: "counted", role: "status" });
    this.articles = findings.map((finding, at) => this.#finding(finding, at));
    const { more, withoutContext } = this.meta;
    const left = [
      more > 0 ? `${plural(more, "more difference")} had no room on this page.` : null,
      withoutContext > 0
        ? `The calls around the last ${plural(withoutContext, "difference")} are not shown.`
        : null,
    ].filter(Boolean);
    const tools = el(
      "div",
      { class: "tools", role: "search" },
      this.search,
      this.chips,
      this.counted,
    );
    this.#filter();
    return [tools, this.articles, left.map((text) => el("p", { class: "hint", text }))];
  }

  #filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    this.meta.findings.forEach((finding, at) => {
      const text = `${finding.rule} ${finding.text} ${finding.process}`.toLowerCase();
      const matches =
        (!this.severity || finding.severity === this.severity) &&
        words.every((word) => text.includes(word));
      this.articles[at].hidden = !matches;
      shown += matches;
    });
    const all = this.meta.findings.length;
    this.counted.textContent =
      shown === all ? plural(all, "difference") : `${count(shown)} of ${plural(all, "difference")}`;
  }

  #finding(finding, at) {
    const number = at + 1;
    const kind = { "+": "added", "-": "removed", "~": "changed" }[finding.sign];
    const calls = el("details", { open: at < OPEN });
    const has = finding.sides.some(({ lines }) => lines.length > 0);
    if (has) {
      const fill = () => {
        if (calls.open && calls.children.length === 1) calls.append(this.#sides(finding));
      };
      calls.append(el("summary", { text: "Calls around it" }));
      calls.addEventListener("toggle", fill);
      fill();
      addEventListener("beforeprint", () => {
        calls.open = true;
        fill();
      });
    }
    return el(
      "article",
      {
        class: "finding " + kind,
        id: "finding-" + number,
        "aria-labelledby": `finding-${number}-title`,
        tabindex: "-1",
      },
      el(
        "h3",
        { id: `finding-${number}-title` },
        el("a", {
          class: "anchor",
          href: "#finding=" + number,
          text: "#" + number,
          title: "Link to this difference",
        }),
        " ",
        el("span", { class: "severity " + finding.severity, text: finding.severity }),
        " ",
        el("span", { class: "sign", text: finding.sign, title: kind }),
        " ",
        el("code", { text: finding.rule }),
        " ",
        el("span", { class: "what", text: finding.text }),
      ),
      el("p", { class: "where" }, finding.process, this.#events(finding)),
      finding.content.length > 0
        ? el(
            "pre",
            { class: "content" },
            finding.content.map((line) =>
              el("span", {
                class: line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "",
                text: line + "\n",
              }),
            ),
          )
        : null,
      finding.consequences.length > 0
        ? el(
            "ul",
            { class: "so" },
            finding.consequences.map(([sign, text]) => el("li", { text: "so " + text })),
            finding.more > 0
              ? el("li", { text: `and ${count(finding.more)} more that follow` })
              : null,
          )
        : null,
      has ? calls : null,
    );
  }

  #events({ events }) {
    const of = events
      .map((event, at) => (event === null ? null : `${"AB"[at]}: event ${event}`))
      .filter(Boolean);
    return of.length > 0 ? ` (${of.join(", ")})` : "";
  }

  // The calls of both sides beside each other, with those of the difference on one line.
  #sides({ sides, events }) {
    const before = Math.max(...sides.map(({ at }) => at ?? 0));
    const after = Math.max(...sides.map(({ lines, at }) => lines.length - (at ?? 0)));
    const rows = [];
    for (let step = -before; step < after; step++) {
      rows.push(
        el(
          "tr",
          { class: step === 0 ? "here" : "" },
          sides.map(({ lines, at }, side) => {
            const line = at === null ? undefined : lines[at + step];
            const text = (step === 0 && line ? "▶ " : "") + (line ?? "");
            return el(
              "td",
              { "aria-label": line ? null : "no call", "data-side": "AB"[side] },
              el("code", { text }),
            );
          }),
        ),
      );
    }
    const head = ["A", "B"].map((name, side) =>
      el("th", {
        scope: "col",
        text:
          events[side] === null
            ? `${name}: does not do it${sides[side].lines.length > 0 ? " here" : ""}`
            : `${name}: around event ${events[side]}`,
      }),
    );
    return el(
      "div",
      { class: "scroller wide" },
      el(
        "table",
        { class: "beside" },
        el("caption", { class: "unseen", text: "Calls of the same thread before and after" }),
        el("thead", null, el("tr", null, head)),
        el("tbody", null, rows),
      ),
    );
  }

  #text() {
    const { text, moreText } = this.meta;
    return el(
      "details",
      null,
      el("summary", { text: "What sysreel diff writes" }),
      el("pre", { class: "text", tabindex: "0", text }),
      moreText > 0
        ? el("p", { class: "hint", text: `${bytes(moreText)} more had no room.` })
        : null,
    );
  }

  follow(target) {
    const article = document.getElementById("finding-" + target.get("finding"));
    if (!target.has("finding") || !article) return false;
    article.hidden = false;
    const calls = article.querySelector("details");
    if (calls) calls.open = true;
    article.scrollIntoView();
    article.focus({ preventScroll: true });
    return true;
  }
}
