//! The invariants that a tool can check, so that no reviewer has to.
//!
//! Each rule is a function from the sources to complaints. A rule that would need an exception
//! changes here, in the open.

use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A tracked text file.
struct Source {
    path: String,
    text: String,
}

/// From the sources to complaints.
type Rule = fn(&[Source]) -> Vec<String>;

/// Which of our crates each crate may use: the arrows of ARCHITECTURE.md.
const MAY_USE: &[(&str, &[&str])] = &[
    ("format", &[]),
    ("abi", &[]),
    ("sys", &["format"]),
    ("record", &["format", "abi", "sys"]),
    ("replay", &["format", "abi", "sys"]),
    ("inspect", &["format", "abi"]),
    ("cli", &["format", "abi", "sys", "record", "replay", "inspect"]),
];

/// Packages for the command line alone.
const CLI_ONLY: &[&str] = &["clap", "anyhow", "indicatif"];

const MAX_FILE: usize = 400;
const MAX_FUNCTION: usize = 70;

/// Checks every rule; the error lists what is wrong.
pub(crate) fn run(root: &Path) -> Result<()> {
    let sources = sources(root)?;
    let rules: &[(&str, Rule)] = &[
        ("who may depend on whom", dependencies),
        ("unsafe lives in crates/sys", no_unsafe_elsewhere),
        ("bincode is named in one file", one_bincode),
        ("system call numbers live in crates/abi", no_numbers_elsewhere),
        ("only crates/cli/src/say.rs prints", no_printing),
        ("files and functions stay small", sizes),
        ("the project speaks of itself alone", no_places),
    ];
    let mut complaints = String::new();
    for (rule, check) in rules {
        for complaint in check(&sources) {
            writeln!(complaints, "{rule}: {complaint}")?;
        }
    }
    if !complaints.is_empty() {
        bail!("not tidy:\n{complaints}");
    }
    println!("tidy: {} files, {} rules", sources.len(), rules.len());
    Ok(())
}

/// Everything that git tracks and that is text.
fn sources(root: &Path) -> Result<Vec<Source>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    let names = String::from_utf8(listed.stdout).context("names in git are UTF-8")?;
    let sources: Vec<Source> = names
        .split_terminator('\0')
        .filter_map(|name| {
            Some(Source { path: name.to_owned(), text: fs::read_to_string(root.join(name)).ok()? })
        })
        .collect();
    // Without git (a source archive) nothing would be checked, and nothing may pass unchecked.
    if sources.iter().filter(|source| source.path.ends_with(".rs")).count() < 10 {
        bail!("git lists no sources here: run in a clone");
    }
    Ok(sources)
}

/// Rust sources below a folder.
fn rust<'a>(sources: &'a [Source], folder: &'a str) -> impl Iterator<Item = &'a Source> {
    sources
        .iter()
        .filter(move |source| source.path.starts_with(folder) && source.path.ends_with(".rs"))
}

/// The lines that are code, with their numbers: what stands behind `//` or between quotation marks
/// is left out.
fn code(source: &Source) -> impl Iterator<Item = (usize, String)> {
    (1..).zip(source.text.lines()).map(|(number, line)| {
        let outside: String = line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
        (number, outside.split("//").next().unwrap_or("").to_owned())
    })
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
    })
}

/// Does a word of the line begin so?
fn starts_word(line: &str, start: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(start).any(|(at, _)| !line[..at].ends_with(is_part))
}

fn dependencies(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (krate, allowed) in MAY_USE {
        let path = format!("crates/{krate}/Cargo.toml");
        let Some(manifest) = sources.iter().find(|source| source.path == path) else { continue };
        let normal = manifest.text.split("[dev-dependencies]").next().unwrap_or("");
        for line in normal.lines() {
            let package = line.split(['.', ' ', '=']).next().unwrap_or("");
            if let Some(ours) = package.strip_prefix("sysreel-")
                && !allowed.contains(&ours)
            {
                complaints.push(format!("{path} uses {package}"));
            }
            if *krate != "cli" && CLI_ONLY.contains(&package) {
                complaints.push(format!("{path} uses {package}, which is for the command line"));
            }
        }
    }
    complaints
}

fn no_unsafe_elsewhere(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in
        sources.iter().filter(|s| s.path.ends_with(".rs") && !s.path.starts_with("crates/sys/"))
    {
        for (number, line) in code(source) {
            if has_word(&line, "unsafe") {
                complaints.push(format!("{}:{number}", source.path));
            }
        }
    }
    for (krate, _) in MAY_USE.iter().filter(|(krate, _)| *krate != "sys") {
        let root = ["lib.rs", "main.rs"].map(|file| format!("crates/{krate}/src/{file}"));
        for source in sources.iter().filter(|source| root.contains(&source.path)) {
            if !source.text.contains("#![forbid(unsafe_code)]") {
                complaints.push(format!("{} does not forbid it", source.path));
            }
        }
    }
    complaints
}

fn one_bincode(sources: &[Source]) -> Vec<String> {
    let only = "crates/format/src/meta.rs";
    rust(sources, "crates/")
        .filter(|source| source.path != only)
        .flat_map(|source| {
            code(source)
                .filter(|(_, line)| has_word(line, "bincode"))
                .map(|(number, _)| format!("{}:{number} names it; only {only} may", source.path))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Calls are told apart by what the table says they do. crates/sys makes calls of its own, by
/// libc's names.
fn no_numbers_elsewhere(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in rust(sources, "crates/") {
        if ["crates/abi/", "crates/sys/"].iter().any(|free| source.path.starts_with(free))
            || is_test(&source.path)
        {
            continue;
        }
        for (number, line) in code(source) {
            if ["SYS_", "__NR_", "Sysno"].iter().any(|mark| starts_word(&line, mark)) {
                complaints.push(format!("{}:{number}", source.path));
            }
        }
    }
    complaints
}

fn no_printing(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in rust(sources, "crates/").filter(|source| !is_test(&source.path)) {
        let library = source.text.split("#[cfg(test)]").next().unwrap_or("").lines().count();
        for (number, line) in code(source).filter(|(number, _)| *number <= library) {
            if ["println!", "eprintln!", "print!", "eprint!", "dbg!"]
                .iter()
                .any(|mark| has_word(&line, mark.trim_end_matches('!')) && line.contains(mark))
            {
                complaints.push(format!("{}:{number}", source.path));
            }
        }
    }
    complaints
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs")
}

/// Tables and lists of constants may be long; they are read by row.
fn is_table(path: &str) -> bool {
    ["crates/abi/src/table", "crates/abi/src/consts", "crates/abi/src/special"]
        .iter()
        .any(|folder| path.starts_with(folder))
}

fn sizes(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in rust(sources, "").filter(|source| !is_table(&source.path)) {
        let lines = source.text.lines().count();
        if lines > MAX_FILE {
            complaints.push(format!(
                "{} has {lines} lines; split it where it does two things",
                source.path
            ));
        }
        for (name, lines) in functions(&source.text).filter(|(_, lines)| *lines > MAX_FUNCTION) {
            complaints.push(format!("{}: fn {name} has {lines} lines", source.path));
        }
    }
    complaints
}

/// Functions with their length, by indentation: the sources are formatted by rustfmt, so a function
/// ends at the first closing brace that stands where its first line does.
fn functions(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    (0..lines.len()).filter_map(move |at| {
        let trimmed = lines[at].trim_start();
        let indent = lines[at].len() - trimmed.len();
        let starts = [
            "fn ",
            "pub fn ",
            "pub(crate) fn ",
            "pub(super) fn ",
            "const fn ",
            "pub const fn ",
            "pub(crate) const fn ",
        ];
        let rest = starts.iter().find_map(|start| trimmed.strip_prefix(start))?;
        let end = lines[at..].iter().position(|line| {
            line.len() > indent
                && line.starts_with(&" ".repeat(indent))
                && line[indent..].starts_with('}')
        })?;
        let name = rest.split(['(', '<']).next().unwrap_or(rest);
        Some((name, end + 1))
    })
}

/// Paths of somebody's machine, hosts of registries.
fn no_places(sources: &[Source]) -> Vec<String> {
    // In pieces, so that this very line does not have what it looks for.
    let marks = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
    ];
    let mut complaints = Vec::new();
    for source in
        sources.iter().filter(|s| s.path != "Cargo.lock" && !s.path.starts_with("fixtures/logs/"))
    {
        for (number, line) in (1..).zip(source.text.lines()) {
            for mark in marks.iter().filter(|mark| line.contains(**mark)) {
                complaints.push(format!("{}:{number} has {mark}", source.path));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Vec<Source> {
        vec![Source { path: path.into(), text: text.into() }]
    }

    #[test]
    fn the_repository_is_tidy() {
        run(&crate::root()).unwrap();
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        assert_eq!(
            dependencies(&source(
                "crates/inspect/Cargo.toml",
                "sysreel-sys.workspace = true\nclap = \"4\""
            ))
            .len(),
            2
        );
        assert!(
            dependencies(&source("crates/inspect/Cargo.toml", "sysreel-abi.workspace = true"))
                .is_empty()
        );
        assert_eq!(
            no_unsafe_elsewhere(&source(
                "crates/abi/src/x.rs",
                "unsafe { }\n// unsafe\nunsafe_code"
            ))
            .len(),
            1
        );
        assert_eq!(no_unsafe_elsewhere(&source("crates/abi/src/lib.rs", "//! x")).len(), 1);
        assert_eq!(one_bincode(&source("crates/format/src/lib.rs", "use bincode::x;")).len(), 1);
        assert_eq!(
            no_numbers_elsewhere(&source("crates/record/src/x.rs", "libc::SYS_read")).len(),
            1
        );
        assert_eq!(no_printing(&source("crates/abi/src/x.rs", "println!(\"\")")).len(), 1);
        assert!(
            no_printing(&source("crates/abi/src/x.rs", "#[cfg(test)]\nprintln!(\"\")")).is_empty()
        );
        let long = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(80));
        assert_eq!(sizes(&source("crates/abi/src/x.rs", &long)).len(), 1);
        assert_eq!(sizes(&source("crates/abi/src/x.rs", &"\n".repeat(401))).len(), 1);
        assert_eq!(no_places(&source("README.md", concat!("see /ho", "me/me/x"))).len(), 1);
    }
}
