//! Compares docs/diff.md with the code.

use sysreel_inspect::diff::{CountedOnly, MARK, Op, explain};

const DOCUMENT: &str = include_str!("../../../docs/diff.md");

#[test]
fn the_table_of_rules_is_that_of_the_code() {
    let section = DOCUMENT.split("\n## Rules\n\n").nth(1).unwrap();
    let table: String = section.split_inclusive('\n').take_while(|l| l.starts_with('|')).collect();
    assert_eq!(table, explain::table());
}

#[test]
fn operations_classes_and_the_mark_are_documented() {
    for op in Op::ALL.iter().filter(|op| op.is_effect()) {
        assert!(DOCUMENT.contains(&format!("`{op}`")), "{op}");
    }
    for class in CountedOnly::ALL {
        assert!(DOCUMENT.contains(&format!("`{}`", class.name())), "{}", class.name());
    }
    assert!(DOCUMENT.contains(std::str::from_utf8(MARK).unwrap()));
}
