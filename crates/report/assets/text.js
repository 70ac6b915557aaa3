// Elements and texts. Text of a log gets into the page by textContent alone.

function el(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined),
  );
  return element;
}

function count(number) {
  return Number.isNaN(number) ? "" : number.toLocaleString("en");
}

// Three digits, cut and not rounded, as the views write numbers.
function scaled(value, size, unit) {
  const part = value / size;
  const digits = part < 10 ? 2 : part < 100 ? 1 : 0;
  return (Math.floor(part * 10 ** digits) / 10 ** digits).toFixed(digits) + unit;
}

function duration(ns) {
  if (Number.isNaN(ns)) return "";
  const [size, unit] = [
    [1e9, "s"],
    [1e6, "ms"],
    [1e3, "us"],
  ].find(([size]) => ns >= size) ?? [1, "ns"];
  return size === 1 ? ns + unit : scaled(ns, size, unit);
}

function bytes(number) {
  if (Number.isNaN(number)) return "";
  const units = [
    [2 ** 40, "T"],
    [2 ** 30, "G"],
    [2 ** 20, "M"],
    [2 ** 10, "K"],
  ];
  const [size, unit] = units.find(([size]) => number >= size) ?? [1, ""];
  return size === 1 ? String(number) : scaled(number, size, unit);
}

// A time from the start of the recording.
function since(ns) {
  return Number.isNaN(ns) ? "" : "+" + (ns / 1e9).toFixed(6);
}

function plural(number, one, many) {
  return count(number) + " " + (number === 1 ? one : (many ?? one + "s"));
}

// Says something without moving the focus.
function say(text) {
  document.getElementById("status").textContent = text;
}

// The last part of a path.
function base(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

function section(id, title, ...children) {
  const heading = el("h2", { id: id + "-title", text: title });
  return el("section", { id, "aria-labelledby": id + "-title" }, heading, ...children);
}
