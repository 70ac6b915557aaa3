//! A file of columns has the cells of the table of `csv`.

use std::collections::BTreeMap;
use std::fs::File;

use parquet::basic::{LogicalType, Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use sysreel_inspect::LogFile;

use crate::testing::{exported, log};
use crate::{Options, Target, export, find};

const LOGS: [&str; 3] = ["exec_arch", "signal_kinds", "synthetic_calls"];

/// Exports logs to a file in the temporary folder, and removes its name.
fn file() -> File {
    let name = format!("sysreel-export-{}.parquet", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut logs: Vec<LogFile> = LOGS.iter().map(|name| log(name)).collect();
    let options = Options::default();
    export(find("parquet").unwrap(), &mut logs, &options, Target::File(&path)).unwrap();
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
        other => panic!("{other:?}"),
    }
}

#[test]
fn columns_have_the_cells_of_the_table() {
    let reader = SerializedFileReader::new(file()).unwrap();
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

/// What engines refuse or read as something else does not occur.
#[test]
fn every_engine_knows_the_types() {
    let reader = SerializedFileReader::new(file()).unwrap();
    let metadata = reader.metadata().file_metadata().clone();
    let schema = metadata.key_value_metadata().unwrap();
    let named = |pair: &parquet::file::metadata::KeyValue| {
        (pair.key.as_str(), pair.value.as_deref())
            == ("sysreel.schema", Some(super::parquet::SCHEMA.1))
    };
    assert!(schema.iter().any(named), "{schema:?}");
    for column in metadata.schema_descr().columns() {
        let logical = column.logical_type_ref();
        match (column.physical_type(), logical) {
            (Type::INT64 | Type::INT32, None) | (Type::BYTE_ARRAY, Some(LogicalType::String)) => {}
            (Type::INT64, Some(LogicalType::Timestamp(time))) => {
                assert!(time.is_adjusted_to_u_t_c && column.name() == "start");
                assert_eq!(time.unit, parquet::basic::TimeUnit::MICROS);
            }
            other => panic!("{}: {other:?}", column.name()),
        }
    }
}
