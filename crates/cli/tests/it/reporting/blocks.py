"""Reads the data of a page without its script: blocks(page) returns a dictionary of documents and
tables, a table as a list of rows.

A second reader of what crates/report/src/table.rs describes.
"""

import base64
import json
import re
import struct
import zlib


def numbers(planes, rows, growing):
    values = [sum(plane[row] << (8 * at) for at, plane in enumerate(planes)) for row in range(rows)]
    if growing:
        before = 0
        for row, value in enumerate(values):
            before += (value >> 1) ^ -(value & 1)
            values[row] = before
    return [None if value == 0 else value - 1 for value in values]


def table(data):
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4:4 + length])
    at, rows, columns = 4 + length, head["rows"], {}
    for column in head["columns"]:
        planes = []
        for _ in range(column["planes"]):
            planes.append(data[at:at + rows])
            at += rows
        values = numbers(planes, rows, column["growing"])
        if "texts" in column:
            values = [None if value is None else column["texts"][value] for value in values]
        columns[column["name"]] = values
    assert at == len(data), "bytes after the last plane"
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def blocks(page):
    found = {}
    pattern = r'<script type="application/octet-stream" id="data-([^"]*)">([^<]*)</script>'
    for name, text in re.findall(pattern, page):
        data = zlib.decompress(base64.b64decode(text, validate=True))
        found[name] = json.loads(data) if name == "meta" else table(data)
    return found
