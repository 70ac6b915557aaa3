"""Compares Arrow and Parquet files with the table of calls."""

import csv

import duckdb
import pyarrow.feather
import pyarrow.parquet

arrow = pyarrow.feather.read_table("out.arrow")
parquet = pyarrow.parquet.read_table("out.parquet")
assert arrow.schema.metadata[b"sysreel.schema"] == b"sysreel/export-arrow/1"
assert arrow.column_names == parquet.column_names
assert arrow.to_pylist() == parquet.to_pylist()
tasks = pyarrow.feather.read_table("out.arrow-tasks").to_pylist()
assert tasks == pyarrow.parquet.read_table("out.parquet-tasks").to_pylist()
assert {task["signal"] for task in tasks} >= {"SIGKILL"}, tasks

rows = list(csv.DictReader(open("out.csv", newline="")))
assert len(rows) == arrow.num_rows > 100
for row, found in zip(rows, arrow.to_pylist()):
    for name in ["event", "call", "args", "result", "errno", "path", "fd", "duration_ns"]:
        value = "" if found[name] is None else str(found[name])
        assert row[name] == value, (name, row, found)

connection = duckdb.connect()
count = "SELECT count(*), count(errno), count(DISTINCT call) FROM "
connection.register("by_arrow", arrow)
by_parquet = connection.execute(count + "'out.parquet'").fetchall()
assert connection.execute(count + "by_arrow").fetchall() == by_parquet
errors = sum(row["errno"] != "" for row in rows)
assert by_parquet == [(len(rows), errors, len({row["call"] for row in rows}))]
print("the same")
