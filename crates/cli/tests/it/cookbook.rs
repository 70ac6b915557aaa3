//! docs/cookbook.md: every line is run, and prints what the document says.
//!
//! `UPDATE_EXPECT=1` writes the output into the document.

use std::fs;
use std::path::Path;

use crate::stage::Stage;

/// Longer outputs are shown up to this many lines.
const SHOWN: usize = 16;
/// The end of a cut output.
const CUT: &str = "...\n";

#[test]
fn every_line_prints_what_the_document_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("docs/cookbook.md");
    let document = fs::read_to_string(&path).unwrap();
    let stage = Stage::new();
    for log in ["build.reel", "hang.reel", "server.reel"] {
        fs::copy(root.join("fixtures/cookbook").join(log), stage.path(log)).unwrap();
    }
    let (mut made, mut wrong, mut count) = (String::new(), Vec::new(), 0);
    for (at, part) in document.split("```\n").enumerate() {
        if at > 0 {
            made += "```\n";
        }
        let Some(command) = part.strip_prefix("$ sysreel ").filter(|_| at % 2 == 1) else {
            made += part;
            continue;
        };
        let (line, expected) = command.split_once('\n').unwrap();
        let words = shlex::split(line).unwrap();
        let ran = stage.sysreel(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(ran.status.success(), "{line}: {ran:?}");
        let output = ran.text();
        let mut shown: String = output.split_inclusive('\n').take(SHOWN).collect();
        if shown.len() < output.len() {
            shown += CUT;
        }
        assert!(!shown.trim().is_empty(), "{line} prints nothing");
        if shown != expected {
            wrong.push(format!("$ sysreel {line}\n{shown}--- instead of\n{expected}"));
        }
        made += &format!("$ sysreel {line}\n{shown}");
        count += 1;
    }
    assert!(count >= 30, "{count}");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, made).unwrap();
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
