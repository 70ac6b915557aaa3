//! A file of columns has the cells of the table of `csv`, and a database has its rows.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use parquet::basic::{LogicalType, Type};
use parquet::file::metadata::FileMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;
use sysreel_inspect::LogFile;

use crate::testing::{exported, log};
use crate::{Options, Target, export, find};

const LOGS: [&str; 3] = ["exec_arch", "signal_kinds", "synthetic_calls"];

/// Exports logs to a file in the temporary folder.
fn path(format: &str) -> PathBuf {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("sysreel-export-{}-{number}.{format}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut logs: Vec<LogFile> = LOGS.iter().map(|name| log(name)).collect();
    let options = Options::default();
    export(find(format).unwrap(), &mut logs, &options, Target::File(&path)).unwrap();
    path
}

/// Exports logs to a file without a name.
fn file(format: &str) -> File {
    let path = path(format);
    let file = File::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

fn text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) | Field::TimestampMicros(number) => number.to_string(),
        Field::Bool(truth) => u8::from(*truth).to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn columns_have_the_cells_of_the_table() {
    let reader = SerializedFileReader::new(file("parquet")).unwrap();
    let mut found = Vec::new();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let cells = row.get_column_iter().map(|(name, field)| (name.clone(), text(field)));
        // The table has no commands.
        found.push(cells.filter(|(name, _)| name != "command").collect::<BTreeMap<_, _>>());
    }
    let (table, _) = exported("csv", &LOGS, None);
    let mut table = csv::Reader::from_reader(&table[..]);
    let heading = table.headers().unwrap().clone();
    let expected = table.records().map(|record| {
        let record = record.unwrap();
        let cells = heading.iter().zip(record.iter());
        let name = |name: &str| if name == "unix_us" { "start" } else { name }.to_owned();
        cells.map(|(key, cell)| (name(key), cell.to_owned())).collect::<BTreeMap<_, _>>()
    });
    let expected: Vec<_> = expected.collect();
    assert!(expected.len() > 100, "{}", expected.len());
    assert_eq!(found, expected);
}

/// A file of tasks has what the rows of `ndjson` say of each.
#[test]
fn each_task_has_a_row() {
    let reader = SerializedFileReader::new(file("parquet-tasks")).unwrap();
    let mut found = BTreeMap::new();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let cells = row.get_column_iter().map(|(name, field)| (name.clone(), text(field)));
        let mut cells: BTreeMap<_, _> = cells.collect();
        let key = [cells.remove("log").unwrap(), cells.remove("task").unwrap()];
        assert_eq!(found.insert(key, cells), None);
    }
    let mut expected = BTreeMap::<[String; 2], BTreeMap<String, String>>::new();
    let (lines, _) = exported("ndjson", &LOGS, None);
    let mut log = String::new();
    for line in std::str::from_utf8(&lines).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let cell = |name: &str| match &row[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let key = [log.clone(), cell("task")];
        match row["row"].as_str().unwrap() {
            "log" => log = cell("log"),
            "task_start" => {
                let ended = ["end_ns", "how", "status", "signal", "utime_ns", "stime_ns"];
                let began = ["pid", "tid", "parent", "origin", "start_ns"];
                let mut cells: BTreeMap<_, _> =
                    began.iter().map(|name| ((*name).to_owned(), cell(name))).collect();
                cells.extend(ended.map(|name| (name.to_owned(), String::new())));
                cells.insert("start".to_owned(), cell("unix_us"));
                // Until it executes another one, it has the command of the one that made it.
                let maker = expected.get(&[log.clone(), cell("parent")]);
                let command = maker.map_or(String::new(), |maker| maker["command"].clone());
                cells.insert("command".to_owned(), command);
                expected.insert(key, cells);
            }
            "renamed" => {
                drop(expected.get_mut(&key).unwrap().insert("tid".to_owned(), cell("tid")))
            }
            "exec" => {
                let argv: Vec<String> = serde_json::from_value(row["argv"].clone()).unwrap();
                let command = sysreel_views::shell::command_line(&argv);
                expected.get_mut(&key).unwrap().insert("command".to_owned(), command);
            }
            "task_end" => {
                let Some(cells) = expected.get_mut(&key) else { continue };
                for name in ["how", "status", "signal", "utime_ns", "stime_ns"] {
                    cells.insert(name.to_owned(), cell(name));
                }
                cells.insert("end_ns".to_owned(), cell("start_ns"));
            }
            _ => {}
        }
    }
    assert!(expected.len() > 3, "{expected:?}");
    assert_eq!(found, expected);
}

/// A table of the database has the columns and rows of the file of columns, in any order; instead
/// of the name of a log it has its number.
#[test]
fn the_database_has_the_rows_of_the_files_of_columns() {
    let path = path("sqlite");
    let base = Connection::open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    for (table, format) in [
        ("calls", "parquet"),
        ("tasks", "parquet-tasks"),
        ("files", "parquet-files"),
        ("sockets", "parquet-sockets"),
        ("regions", "parquet-regions"),
    ] {
        let reader = SerializedFileReader::new(file(format)).unwrap();
        let row = |row: parquet::record::Row| {
            row.get_column_iter().map(|(_, field)| text(field)).collect::<Vec<_>>()
        };
        let rows = reader.get_row_iter(None).unwrap();
        let mut expected: Vec<Vec<String>> = rows.map(|found| row(found.unwrap())).collect();
        let schema = reader.metadata().file_metadata().schema_descr();
        let names: Vec<&str> = schema.columns().iter().map(|column| column.name()).collect();
        let columns = names.get(1..).unwrap().join(", ");
        let question = format!("SELECT logs.name, {columns} FROM {table} JOIN logs USING (log)");
        let mut found = rows_of(&base, &question, names.len());
        // No committed log has a socket; tests of the command do.
        assert_eq!(found.is_empty(), table == "sockets", "{table}");
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{table}");
    }
}

fn rows_of(base: &Connection, question: &str, columns: usize) -> Vec<Vec<String>> {
    let mut statement = base.prepare(question).unwrap();
    let cell = |value: ValueRef<'_>| match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    let rows = statement.query_map((), |row| {
        (0..columns).map(|at| row.get_ref(at).map(cell)).collect::<Result<Vec<_>, _>>()
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// What engines refuse or read as something else does not occur.
#[test]
fn every_engine_knows_the_types() {
    let metadata_of = |format| {
        let reader = SerializedFileReader::new(file(format)).unwrap();
        reader.metadata().file_metadata().clone()
    };
    for (format, schema) in [
        ("parquet", super::parquet::SCHEMA),
        ("parquet-tasks", super::tasks::SCHEMA),
        ("parquet-files", super::files::SCHEMA),
        ("parquet-sockets", super::sockets::SCHEMA),
        ("parquet-regions", super::regions::SCHEMA),
    ] {
        types(&metadata_of(format), schema);
    }
}

fn types(metadata: &FileMetaData, schema: &str) {
    let pairs = metadata.key_value_metadata().unwrap();
    let named = |pair: &parquet::file::metadata::KeyValue| {
        (pair.key.as_str(), pair.value.as_deref()) == (super::columns::KEY, Some(schema))
    };
    assert!(pairs.iter().any(named), "{pairs:?}");
    for column in metadata.schema_descr().columns() {
        let logical = column.logical_type_ref();
        match (column.physical_type(), logical) {
            (Type::INT64 | Type::INT32 | Type::BOOLEAN, None)
            | (Type::BYTE_ARRAY, Some(LogicalType::String)) => {}
            (Type::INT64, Some(LogicalType::Timestamp(time))) => {
                assert!(time.is_adjusted_to_u_t_c && column.name() == "start");
                assert_eq!(time.unit, parquet::basic::TimeUnit::MICROS);
            }
            other => panic!("{}: {other:?}", column.name()),
        }
    }
}
