//! The invariants that a tool can check, so that no reviewer has to.
//!
//! Each rule is a function from the sources to complaints, in a file of its own. It works on syn's
//! syntax tree or on tokens, never on lines, so neither a comment nor a string can mislead it.

mod layers;
mod manifests;
mod places;
mod report;
mod sizes;
mod source;
mod tokens;
mod width;

use anyhow::{Result, bail};
use source::{Repository, Source};
use std::fmt::Write;
use std::path::Path;

/// Check the invariants of ARCHITECTURE.md that a tool can check
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print the import circles between the modules of each crate, with the imports that make them
    #[arg(long)]
    circles: bool,
}

/// A rule, as a function from the sources to complaints.
type Rule = fn(&Repository) -> Vec<String>;

const RULES: &[(&str, Rule)] = &[
    ("dependencies of a crate", manifests::dependencies),
    ("unsafe code outside crates/sys", tokens::no_unsafe),
    ("bincode outside crates/format/src/meta.rs", tokens::one_bincode),
    ("system call number outside crates/abi", tokens::no_numbers),
    ("printing outside crates/cli/src/say.rs", tokens::no_printing),
    ("long file", sizes::files),
    ("long function", sizes::functions),
    ("long line", width::lines),
    ("module layers", layers::layers),
    ("import circle", layers::circles),
    ("place that means nothing elsewhere", places::places),
];

/// Checks every rule. The error lists what is wrong.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let repository = source::read(root)?;
    if args.circles {
        print!("{}", layers::describe(&repository));
        return Ok(());
    }
    let mut complaints = String::new();
    for (rule, check) in RULES {
        for complaint in check(&repository) {
            writeln!(complaints, "{rule}: {complaint}")?;
        }
    }
    print!("{}", report::report(&repository));
    if !complaints.is_empty() {
        bail!("not tidy:\n{complaints}");
    }
    Ok(())
}

/// Crates, by their folder in crates/, in the order of dependency.
const CRATES: &[&str] = &[
    "format", "abi", "sys", "record", "replay", "inspect", "views", "export", "report", "browse",
    "cli",
];

/// The crate that a file belongs to: `xtask`, or a folder of crates/.
fn crate_of(path: &str) -> Option<&str> {
    match path.split_once('/')? {
        ("crates", rest) => rest.split('/').next(),
        ("xtask", _) => Some("xtask"),
        _ => None,
    }
}

/// True for tables and lists of constants, which may be long: they are read row by row.
fn is_table(path: &str) -> bool {
    ["crates/abi/src/table", "crates/abi/src/consts", "crates/abi/src/special"]
        .iter()
        .any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        if let Err(complaints) = run(&crate::root(), &Args { circles: false }) {
            panic!("{complaints:#}");
        }
    }
}
