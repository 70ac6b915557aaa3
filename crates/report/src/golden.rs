//! The data of pages of committed logs: `UPDATE_EXPECT=1 cargo test -p sysreel-report golden`
//! writes crates/report/golden.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use miniz_oxide::inflate::decompress_to_vec_zlib;
use serde_json::Value;
use sysreel_inspect::open;

use crate::{Options, write_log};

const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1");

/// Returns the blocks of a page as text: documents as JSON, tables with a line for each row.
fn data_of(page: &str) -> String {
    let mut out = String::new();
    for block in page.split(r#"<script type="application/octet-stream" id="data-"#).skip(1) {
        let (name, rest) = block.split_once(r#"">"#).unwrap();
        let (data, _) = rest.split_once("</script>").unwrap();
        let bytes = decompress_to_vec_zlib(&BASE64.decode(data.as_bytes()).unwrap()).unwrap();
        writeln!(out, "== {name}").unwrap();
        match name {
            "meta" => {
                let meta: Value = serde_json::from_slice(&bytes).unwrap();
                writeln!(out, "{}", serde_json::to_string_pretty(&meta).unwrap()).unwrap();
            }
            _ => table(&bytes, &mut out),
        }
    }
    out
}

/// Reads a table as docs/report.md describes it.
fn table(bytes: &[u8], out: &mut String) {
    let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap();
    let (head, mut planes) = rest.split_at(length);
    let head: Value = serde_json::from_slice(head).unwrap();
    let rows = usize::try_from(head["rows"].as_u64().unwrap()).unwrap();
    let mut cells = vec![Vec::new(); rows];
    let mut names = Vec::new();
    for column in head["columns"].as_array().unwrap() {
        names.push(column["name"].as_str().unwrap());
        let mut before = 0_u64;
        let count = usize::try_from(column["planes"].as_u64().unwrap()).unwrap();
        let (own, others) = planes.split_at(count * rows);
        planes = others;
        for (row, cells) in cells.iter_mut().enumerate() {
            let byte = |plane: usize| u64::from(own[plane * rows + row]) << (8 * plane);
            let mut value: u64 = (0..count).map(byte).sum();
            if column["growing"] == true {
                let step = (value >> 1) ^ (value & 1).wrapping_neg();
                before = before.wrapping_add(step);
                value = before;
            }
            cells.push(match (value.checked_sub(1), column["texts"].as_array()) {
                (None, _) => "-".to_owned(),
                (Some(number), None) => number.to_string(),
                (Some(at), Some(texts)) => texts[usize::try_from(at).unwrap()].to_string(),
            });
        }
    }
    assert!(planes.is_empty(), "{} bytes after the last plane", planes.len());
    writeln!(out, "{}", names.join("\t")).unwrap();
    for cells in cells {
        writeln!(out, "{}", cells.join("\t")).unwrap();
    }
    if head["leftOut"] != 0 {
        writeln!(out, "and {} more", head["leftOut"]).unwrap();
    }
}

#[test]
fn data_of_committed_logs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    for name in ["exec_arch", "attach_read", "synthetic_unknown"] {
        let log = open(&PathBuf::from(format!("{LOGS}/{name}.reel"))).unwrap();
        let mut out = Vec::new();
        write_log(&log, &Options::default(), &mut out).unwrap();
        let data = data_of(&String::from_utf8(out).unwrap()).replace(LOGS, "LOGS");
        expect_test::expect_file![folder.join(format!("{name}.txt"))].assert_eq(&data);
    }
}
