"""Asks a file of columns for a moment: an engine reads the row group that has it alone."""

import duckdb
import pyarrow.dataset
import pyarrow.parquet

meta = pyarrow.parquet.ParquetFile("out.parquet").metadata
column = meta.schema.names.index("start")
spans = [meta.row_group(at).column(column).statistics for at in range(meta.num_row_groups)]
assert len(spans) == 2 and meta.row_group(0).num_rows == 122880, spans
assert all(span.has_min_max for span in spans), spans

table = pyarrow.parquet.read_table("out.parquet", columns=["start"])
starts = table["start"].to_pylist()
assert (spans[0].min, spans[1].max) == (min(starts), max(starts))
# Calls of tasks that ran at the same time may lie on both sides.
assert spans[0].min < spans[1].min and spans[0].max < spans[1].max

last = starts[-1]
fragment, = pyarrow.dataset.dataset("out.parquet").get_fragments()
late = pyarrow.dataset.field("start") >= last
assert [group.id for group in fragment.subset(filter=late).row_groups] == [1]
wanted = sum(start >= last for start in starts)
assert fragment.to_table(filter=late).num_rows == wanted > 0
asked = "SELECT count(*) FROM 'out.parquet' WHERE start >= ?"
assert duckdb.execute(asked, [last]).fetchone() == (wanted,)
read = """SELECT row_group_id FROM parquet_metadata('out.parquet')
    WHERE path_in_schema = 'start' AND stats_max_value::TIMESTAMPTZ >= ?"""
assert duckdb.execute(read, [last]).fetchall() == [(1,)]
print("the same")
