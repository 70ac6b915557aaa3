"""Asks each question of docs/fleet.md twice: DuckDB and Spark must give the same answer.

Prints the answers as JSON: a list of rows for each question.
"""
import datetime, decimal, json, os, re, sys

import duckdb
from pyspark.sql import SparkSession

questions = re.findall(r'```sql\n(.*?)```', open(sys.argv[1]).read(), re.S)
os.environ['TZ'] = 'UTC'
calls = duckdb.connect()
calls.execute("SET TimeZone = 'UTC'")
calls.execute("CREATE VIEW calls AS SELECT * FROM 'calls/*.parquet'")
spark = (SparkSession.builder.master('local[2]').config('spark.ui.enabled', 'false')
    .config('spark.driver.bindAddress', '127.0.0.1').config('spark.driver.host', '127.0.0.1')
    .config('spark.sql.session.timeZone', 'UTC').getOrCreate())
spark.read.parquet('calls').createOrReplaceTempView('calls')


def plain(value):
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return round(aware.timestamp() * 1_000_000)
    if isinstance(value, (float, decimal.Decimal)):
        return round(float(value), 3)
    return value


def rows(found): return [[plain(value) for value in row] for row in found]


answers = []
for question in questions:
    one = rows(calls.execute(question).fetchall())
    other = rows(spark.sql(question).collect())
    assert one == other, (question, one, other)
    answers.append(one)
print(json.dumps(answers))
