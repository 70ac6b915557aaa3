//! Compares docs/diff.md with the code.

use sysreel_inspect::diff::{CountedOnly, MARK, Op, Rule};

const DOCUMENT: &str = include_str!("../../../docs/diff.md");

#[test]
fn every_rule_is_documented() {
    for rule in Rule::ALL {
        let row = format!("| `{}` | {} | {} |", rule.id(), rule.severity(), rule.why());
        assert!(DOCUMENT.contains(&row), "docs/diff.md lacks: {row}");
    }
    let rows =
        DOCUMENT.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 2);
    assert_eq!(rows.count(), Rule::ALL.len());
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
