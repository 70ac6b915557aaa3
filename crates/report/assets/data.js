"use strict";

// Reads the blocks of data of the page. Each is base64 of a zlib stream.

async function bytesOf(name) {
  const element = document.getElementById("data-" + name);
  if (!element) return null;
  const text = element.textContent;
  // Once it is read it only takes memory.
  element.remove();
  const packed = Uint8Array.fromBase64
    ? Uint8Array.fromBase64(text)
    : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function jsonOf(name) {
  return JSON.parse(new TextDecoder().decode(await bytesOf(name)));
}

// A table: columns of numbers, or of places in a list of texts. Numbers above 2^53 lose their last
// digits.
class Table {
  constructor(bytes) {
    const view = new DataView(bytes.buffer);
    const headLength = view.getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headLength)));
    this.rows = head.rows;
    this.leftOut = head.leftOut;
    this.columns = new Map();
    let at = 4 + headLength;
    for (const column of head.columns) {
      const values = this.#numbers(bytes, at, column);
      this.columns.set(column.name, { values, texts: column.texts });
      at += column.planes * this.rows;
    }
  }

  #numbers(bytes, at, { planes, growing }) {
    const values = new Float64Array(this.rows);
    for (let plane = 0, scale = 1; plane < planes; plane++, scale *= 256) {
      const start = at + plane * this.rows;
      for (let row = 0; row < this.rows; row++) values[row] += bytes[start + row] * scale;
    }
    if (growing) {
      for (let row = 0, before = 0; row < this.rows; row++) {
        const step = values[row] % 2 ? -(values[row] + 1) / 2 : values[row] / 2;
        before += step;
        values[row] = before;
      }
    }
    // They are stored plus one; zero is none.
    for (let row = 0; row < this.rows; row++) values[row] = values[row] ? values[row] - 1 : NaN;
    return values;
  }

  // Returns a value: a text, a number, or NaN for none.
  get(row, name) {
    const column = this.columns.get(name);
    const value = column.values[row];
    return column.texts ? (column.texts[value] ?? "") : value;
  }
}

async function tableOf(name) {
  const bytes = await bytesOf(name);
  return bytes && new Table(bytes);
}
