//! Exports of committed logs, for tests.

use std::path::PathBuf;

use sysreel_inspect::abi::Filter;
use sysreel_inspect::{LogFile, open};
use sysreel_views::Select;

use crate::{Exported, Options, Target, export, find};

/// Opens a committed log.
pub(crate) fn log(name: &str) -> LogFile {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1");
    open(&PathBuf::from(format!("{folder}/{name}.reel"))).unwrap()
}

/// Exports committed logs whose calls match a filter.
pub(crate) fn exported(format: &str, logs: &[&str], filter: Option<&str>) -> (Vec<u8>, Exported) {
    let mut logs: Vec<_> = logs.iter().map(|name| log(name)).collect();
    let filter = filter.map(|text| Filter::parse(text).unwrap());
    let options = Options { select: Select { filter, ..Select::default() }, ..Options::default() };
    let mut out = Vec::new();
    let format = find(format).unwrap();
    let exported = export(format, &mut logs, &options, Target::Out(&mut out)).unwrap();
    (out, exported)
}

/// As [`exported`], as text in which the folder of the logs is `LOGS`.
pub(crate) fn text(format: &str, logs: &[&str], filter: Option<&str>) -> String {
    let (out, _) = exported(format, logs, filter);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1");
    String::from_utf8(out).unwrap().replace(folder, "LOGS")
}
