"""Compares the tables of paths, sockets and memory with the views, and all with the database."""

import collections
import datetime
import hashlib
import json
import shlex
import sqlite3
import subprocess

import duckdb
import pyarrow.feather
import pyarrow.parquet


def rows(name):
    found = pyarrow.parquet.read_table(f"out.parquet-{name}")
    assert found.schema.metadata[b"sysreel.schema"] == f"sysreel/export-parquet-{name}/1".encode()
    assert pyarrow.feather.read_table(f"out.arrow-{name}").to_pylist() == found.to_pylist()
    return found.to_pylist()


calls = {row["event"]: row for row in pyarrow.parquet.read_table("out.parquet").to_pylist()}

USES = {"rename_away": "renames_away", "rename_here": "renames_here", "map_write": "maps_write"}
KINDS = """open read write create maybe_create truncate delete rename_away rename_here change probe
    list execute map map_write""".split()
files = json.load(open("files.json"))["files"]
table = rows("files")
assert [row["path"] for row in table] == [file["path"] for file in files]
for row, file in zip(table, files):
    same = ["is_cut", "first_event", "last_event", "bytes_read", "bytes_written", "not_found",
        "changed", "leads_to", "renamed_to", "renamed_from", "more_by"]
    assert [row[key] for key in same] == [file[key] for key in same], (row, file)
    for kind in KINDS:
        assert row[USES.get(kind, kind + "s")] == file["uses"].get(kind, 0), (kind, row, file)
    assert row["failed"] == sum(file["errors"].values())
    assert (row["errors"] or "") == ",".join(file["errors"])
    exes = {by["exe"] for by in file["by"] if by["exe"]}
    assert shlex.split(row["exes"] or "") == sorted(exes), (row, file)
    if row["first_event"] in calls:
        assert row["start"] == calls[row["first_event"]]["start"]
        assert row["start_ns"] == calls[row["first_event"]]["start_ns"]
    if row["last_event"] in calls:
        assert row["last_ns"] == calls[row["last_event"]]["start_ns"]
renamed = [row for row in table if row["renamed_to"] and row["path"].endswith("/one")]
assert renamed[0]["renamed_to"].endswith("/two") and renamed[0]["bytes_written"] == 6

endpoints = json.load(open("net.json"))["endpoints"]
sums = collections.defaultdict(lambda: [0, 0, 0])
sockets = rows("sockets")
for row in sockets:
    key = tuple(row[name] or "" for name in ["role", "protocol", "address", "outcome", "exe"])
    for at, value in enumerate([1, row["received"], row["sent"]]):
        sums[key][at] += value
    first = calls[row["first_event"]]
    assert (first["task"], first["pid"], first["start"]) == (row["task"], row["pid"], row["start"])
    last = calls[row["last_event"]]
    assert row["last_ns"] >= last["start_ns"] + (last["duration_ns"] or 0)
wanted = {}
for end in endpoints:
    key = tuple(end[name] or "" for name in ["role", "protocol", "address", "outcome", "exe"])
    wanted[key] = [end["sockets"], end["received"], end["sent"]]
assert sums == wanted, (dict(sums), wanted)
refused = [row for row in sockets if row["outcome"] == "ECONNREFUSED"]
assert (refused[0]["address"], refused[0]["peer"]) == ("127.0.0.1:1", None), refused
for row in refused + [row for row in sockets if row["role"] == "connect"]:
    assert row["connect_ns"] == calls[row["first_event"]]["duration_ns"], row
accepted = [row for row in sockets if row["role"] == "accept"]
connected = [row for row in sockets if row["role"] == "connect" and row["outcome"] == "ok"]
assert accepted[0]["local"] == connected[0]["peer"], sockets
assert (accepted[0]["received"], connected[0]["sent"]) == (5, 5), sockets

base = sqlite3.connect("out.sqlite")
regions = rows("regions")
names = ["event", "arg", "direction", "depth", "idx", "address", "asked", "got", "errno"]
order = sorted(tuple(str(row[name]) for name in names) for row in regions)
of_base = base.execute(f"SELECT {', '.join(names)} FROM regions").fetchall()
assert order == sorted(tuple(str(value) for value in row) for row in of_base)
hashes = {tuple(row[name] for name in names): row["sha256"] for row in regions}
asked = "SELECT count(*), sum(got), count(DISTINCT sha256) FROM read_parquet('out.parquet-regions')"
assert duckdb.execute(asked).fetchone() == (
    len(regions), sum(row["got"] for row in regions), len({row["sha256"] for row in regions}))
written = {row["sha256"] for row in regions if row["call"] == "write" and row["got"] == 6}
assert hashlib.sha256(b"hello\n").hexdigest() in written, written
for row in base.execute(f"SELECT {', '.join(names)}, data FROM regions").fetchall():
    assert hashes[row[:-1]] == hashlib.sha256(row[-1]).hexdigest(), row


def plain(value):
    """A value as SQLite has it."""
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    return int(value) if isinstance(value, bool) else value


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
for table, name in {"calls": "", "tasks": "-tasks", "files": "-files", "sockets": "-sockets",
        "regions": "-regions"}.items():
    found = pyarrow.parquet.read_table(f"out.parquet{name}")
    columns = ", ".join(found.column_names[1:])
    question = f"SELECT logs.name AS log, {columns} FROM {table} JOIN logs USING (log)"
    asked = subprocess.run(["sqlite3", "-json", "-readonly", "out.sqlite", question],
        check=True, capture_output=True, text=True)
    of_base = [json.dumps(row, sort_keys=True) for row in json.loads(asked.stdout)]
    of_file = [{key: plain(value) for key, value in row.items()} for row in found.to_pylist()]
    of_file = [json.dumps(row, sort_keys=True) for row in of_file]
    assert len(of_file) > 0 and sorted(of_base) == sorted(of_file), table
print("the same")
