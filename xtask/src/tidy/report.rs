//! What `cargo xtask tidy` prints in any case: how much there is, and how much is excepted.

use super::source::Repository;
use super::{crate_of, is_table, layers, sizes, width};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The figures of one crate.
#[derive(Default)]
struct Figures {
    files: usize,
    functions: usize,
    /// Lines, name, path.
    longest_function: (usize, String),
    /// Width and place, of Rust, lines in strings left out.
    longest_line: (usize, String),
    tables: usize,
    wide_lines: usize,
}

pub(super) fn report(repository: &Repository) -> String {
    let mut crates: BTreeMap<&str, Figures> = BTreeMap::new();
    for (source, rust) in repository.rust("") {
        let figures = crates.entry(crate_of(&source.path).unwrap_or("other")).or_default();
        figures.files += 1;
        figures.tables += usize::from(is_table(&source.path) && source.text.lines().count() > 400);
        for function in sizes::all(rust) {
            figures.functions += 1;
            if function.lines > figures.longest_function.0 {
                let place = format!("{}:{} {}", source.path, function.line, function.name);
                figures.longest_function = (function.lines, place);
            }
        }
        let (long, excepted) = width::wide(source);
        figures.wide_lines += excepted.len();
        for (line, width) in long {
            if width > figures.longest_line.0 {
                figures.longest_line = (width, format!("{}:{line}", source.path));
            }
        }
    }
    let circles = layers::exceptions_by_crate(repository);
    let total = |get: fn(&Figures) -> usize| crates.values().map(get).sum::<usize>();
    let mut text = format!(
        "tidy: {} files, {} of them Rust, {} functions, {} rules\n",
        repository.sources.len(),
        total(|figures| figures.files),
        total(|figures| figures.functions),
        super::RULES.len()
    );
    let (length, place) = crates.values().map(|f| &f.longest_function).max().unwrap();
    writeln!(text, "longest function: {length} lines, {place}").unwrap();
    let (width, place) = crates.values().map(|f| &f.longest_line).max().unwrap();
    match width {
        0 => writeln!(text, "longest line of Rust: at most 100 characters").unwrap(),
        _ => writeln!(text, "longest line of Rust: {width} characters, {place}").unwrap(),
    }
    writeln!(text, "exceptions   files in circles  long tables  wide lines in strings").unwrap();
    for (krate, figures) in &crates {
        let circles = circles.get(*krate).copied().unwrap_or(0);
        if circles + figures.tables + figures.wide_lines > 0 {
            let (tables, wide) = (figures.tables, figures.wide_lines);
            writeln!(text, "  {krate:<10} {circles:>16}  {tables:>11}  {wide:>21}").unwrap();
        }
    }
    text
}
