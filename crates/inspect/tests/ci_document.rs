//! The policies in docs/ci.md are valid.

use std::path::Path;
use sysreel_inspect::diff::policy::{Lookup, Policy};

const DOCUMENT: &str = include_str!("../../../docs/ci.md");

#[test]
fn policies_in_the_document_are_valid() {
    let blocks: Vec<&str> =
        DOCUMENT.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    let lookup = Lookup { folder: Path::new("/ws"), variable: &|_| Some("/x/cargo".into()) };
    for block in blocks {
        Policy::parse(Path::new("ci.md"), block, &lookup)
            .unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}
