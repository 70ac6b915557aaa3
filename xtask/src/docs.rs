//! docs/syscalls.md: the table of system calls as a page, so that nobody has to read Rust to know
//! what is captured.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use sysreel_abi::number::{all_rows, calls};
use sysreel_abi::{Abi, Arg, ArgKind, Classes, Nr, Replay, Row};

const PAGE: &str = "docs/syscalls.md";

const HEAD: &str = "\
# System calls

<!-- Made by `cargo xtask docs` from crates/abi/src/table. Do not edit: a test compares. -->

What sysreel knows of each system call, and so what it captures: memory that goes *in* is read at
the entry stop, memory that comes *out* at the exit stop, *in and out* at both. How long it is
follows from the words behind it; `*size` is what `size` points to. Memory is read when the call
succeeded, unless the line says on which results the kernel writes it as well. What depends on a
command (ioctl, fcntl, prctl, futex, bpf and their like) has tables of its own in
crates/abi/src/special. A call without a line is recorded too, with its arguments as numbers and
without memory.

Names of arguments are the kernel's. In lists of constants `PROT_*` stands for all that begin so.
Replay: *emulate*, answered from the log; *execute*, made again and forced to the recorded outcome;
*special*, both, in code of its own; *refuse*, cannot be replayed. Numbers are those of x86_64,
i386, x32 (without its bit 30) and aarch64; `-` where the ABI has no such call.

[adding-a-syscall.md](adding-a-syscall.md) tells how to add one.
";

/// Writes the page.
pub(crate) fn run(root: &Path) -> Result<()> {
    fs::write(root.join(PAGE), page()).context(PAGE)
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut families: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (only, row) in all_rows() {
        families.entry(family(only, row)).or_default().push((row, only));
    }
    for ((_, title), mut rows) in families {
        rows.sort_by_key(|(row, _)| row.name);
        writeln!(
            page,
            "\n## {title}\n\n| call | arguments | result | classes | replay | numbers |"
        )
        .ok();
        writeln!(page, "| --- | --- | --- | --- | --- | --- |").ok();
        for (row, only) in rows {
            writeln!(page, "{}", line(row, only)).ok();
        }
    }
    page += &rowless();
    crate::markdown::wrap(&page)
}

/// Which section a row stands in, and where that stands. A call belongs to the first of its
/// classes; that it has to do with a descriptor says least about it.
fn family(only: Option<Abi>, row: &Row) -> (usize, String) {
    if let Some(abi) = only {
        return (100 + abi as usize, format!("Only on {abi}"));
    }
    let is_it =
        |(_, class): &&(&str, Classes)| row.class.contains(*class) && *class != Classes::DESC;
    match Classes::ALL.iter().enumerate().find(|(_, class)| is_it(class)) {
        Some((at, (name, _))) => (at, title(name).to_owned()),
        None if row.class.contains(Classes::DESC) => (50, "Descriptors of any kind".to_owned()),
        None => (60, "Others".to_owned()),
    }
}

fn title(class: &str) -> &str {
    match class {
        "file" => "Files",
        "network" => "Sockets",
        "process" => "Processes and threads",
        "memory" => "Memory",
        "signal" => "Signals",
        "ipc" => "Communication between processes",
        "clock" => "Clocks and timers",
        "creds" => "Users, capabilities, keys, security",
        "system" => "The whole machine",
        other => other,
    }
}

fn line(row: &Row, only: Option<Abi>) -> String {
    let args: Vec<String> = row.args.iter().map(argument).collect();
    let result = match row.result {
        ArgKind::Never => "-".to_owned(),
        kind => kind.to_string(),
    };
    let classes: Vec<&str> = row.class.names().collect();
    let numbers: Vec<String> = Abi::ALL.iter().map(|&abi| number(abi, row, only)).collect();
    let replay =
        if row.replay == Replay::Refuse { "**refuse**".to_owned() } else { row.replay.to_string() };
    format!(
        "| `{}` | {} | {} | {} | {replay} | {} |",
        row.name,
        args.join("; "),
        result,
        classes.join(", "),
        numbers.join(" ")
    )
}

fn argument(arg: &Arg) -> String {
    let words = arg.to_string();
    let rest = words.strip_prefix(arg.name).unwrap_or(&words);
    format!("`{}`{rest}", arg.name)
}

/// The number of a row in an ABI, if it is that ABI's row.
fn number(abi: Abi, row: &Row, only: Option<Abi>) -> String {
    let found = calls(abi).find(|(_, name, theirs)| {
        *name == row.name && theirs.is_some_and(|theirs| std::ptr::eq(theirs, row))
    });
    match found {
        Some((nr, _, _)) if only.is_none_or(|only| only == abi) => (nr & !Nr::X32_BIT).to_string(),
        _ => "-".to_owned(),
    }
}

/// The calls that have a number and no row.
fn rowless() -> String {
    let mut text = String::from(
        "\n## Without a line\n\nThey have a number, and no kernel of today implements them.\n\n",
    );
    for abi in Abi::ALL {
        let names: Vec<String> = calls(abi)
            .filter(|(_, _, row)| row.is_none())
            .map(|(nr, name, _)| format!("`{name}` ({})", nr & !Nr::X32_BIT))
            .collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        writeln!(text, "- {abi}: {names}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_table_says() {
        let there = fs::read_to_string(crate::root().join(PAGE)).unwrap();
        let made = page();
        let differs = there.lines().zip(made.lines()).find(|(there, made)| there != made);
        assert!(
            there == made,
            "{PAGE} is not what the table says; run `cargo xtask docs`: {differs:#?}"
        );
    }

    #[test]
    fn every_row_has_a_line() {
        let page = page();
        for (_, row) in all_rows() {
            assert!(page.contains(&format!("\n| `{}` | ", row.name)), "{}", row.name);
        }
        assert!(page.contains("| emulate | 0 3 0 63 |"), "read has these numbers");
    }
}
