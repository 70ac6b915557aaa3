"""Asks each question of docs/fleet.md twice: DuckDB and Spark must give the same answer.

Prints the answers as JSON: a list of rows for each question.
"""
import datetime, decimal, json, os, re, sys

import duckdb
from pyspark.sql import SparkSession

questions = re.findall(r'```sql\n(.*?)```', open(sys.argv[1]).read(), re.S)
os.environ['TZ'] = 'UTC'
duck = duckdb.connect()
duck.execute("SET TimeZone = 'UTC'")
spark = (SparkSession.builder.master('local[2]').config('spark.ui.enabled', 'false')
    .config('spark.driver.bindAddress', '127.0.0.1').config('spark.driver.host', '127.0.0.1')
    .config('spark.sql.session.timeZone', 'UTC').getOrCreate())
for table in ['calls', 'files', 'sockets']:
    duck.execute(f"CREATE VIEW {table} AS SELECT * FROM '{table}/*.parquet'")
    spark.read.parquet(table).createOrReplaceTempView(table)


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
    one = rows(duck.execute(question).fetchall())
    other = rows(spark.sql(question).collect())
    assert one == other, (question, one, other)
    answers.append(one)
print(json.dumps(answers))
