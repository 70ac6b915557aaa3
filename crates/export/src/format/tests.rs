//! The document has each format.

use super::FORMATS;
use std::collections::BTreeSet;

/// Returns the table of docs/export.md.
fn markdown() -> String {
    let mut text = "| format | file | logs | |\n|---|---|---|---|\n".to_owned();
    for format in FORMATS {
        let logs = if format.merges { "any number" } else { "one" };
        let feature = format.feature.map(|name| format!(" (feature `{name}`)"));
        text += &format!(
            "| [`{0}`](#{0}) | `.{1}` | {logs} | {2}{3} |\n",
            format.name,
            format.ending,
            format.about,
            feature.unwrap_or_default()
        );
    }
    text
}

#[test]
fn the_document_has_the_table_and_a_section_for_each() {
    let document = include_str!("../../../../docs/export.md");
    assert!(document.contains(&markdown()), "docs/export.md must contain:\n{}", markdown());
    for format in FORMATS {
        assert!(document.contains(&format!("\n## {}\n", format.name)), "{}", format.name);
    }
}

#[test]
fn names_are_unique() {
    let names: BTreeSet<_> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(names.len(), FORMATS.len());
}
