//! `sysreel filter`: how an expression of the filter language is read.

use crate::exit::Exit;
use crate::say::{self, Unwritten};
use crate::terminal::PagerArgs;
use sysreel_abi::filter::{ByNumber, Explanation, Stage, Test};
use sysreel_abi::{Abi, Filter};
use sysreel_inspect::visible::visible;

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("filter")))]
pub(crate) struct Args {
    /// Show how EXPR is read, what decides each test, and at which calls `record --only` stops
    ///
    /// docs/filter.md has the language.
    #[arg(long, value_name = "EXPR", required = true, value_parser = crate::filter_arg::parse)]
    explain: Filter,
    #[command(flatten)]
    pager: PagerArgs,
}

/// The ABI of the programs of this machine.
const NATIVE: Abi = if cfg!(target_arch = "aarch64") { Abi::Aarch64 } else { Abi::X86_64 };
/// The width of lists of calls.
const WIDTH: usize = 100;

pub(crate) fn run(args: &Args) -> Exit {
    let explanation = args.explain.explain(NATIVE);
    let mut text = String::new();
    explain(&explanation, &mut text);
    match say::paged(&args.pager, |out| std::io::Write::write_all(out, text.as_bytes())) {
        Ok(()) => Exit::SUCCESS,
        Err(Unwritten(exit)) => exit,
    }
}

fn explain(of: &Explanation, out: &mut String) {
    *out += &format!("reads as: {}\n\n", visible(&of.reads));
    let tests: Vec<_> = of.tests.iter().map(|test| (visible(&test.text), decided(test))).collect();
    rows("test", "is decided", tests, out);
    if !of.fields.is_empty() {
        out.push('\n');
        let fields = of.fields.iter().map(|field| {
            let (kind, doc) = (field.field.kind().name(), field.field.doc());
            (field.to_string(), format!("{kind}. {doc}"))
        });
        rows("field", "values", fields.map(|(name, doc)| (visible(&name).into_owned(), doc)), out);
    }
    out.push('\n');
    calls(&of.by_number, out);
}

/// Writes two columns.
fn rows<N: AsRef<str>>(
    left: &str,
    right: &str,
    rows: impl IntoIterator<Item = (N, String)>,
    out: &mut String,
) {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = |text: &str| text.chars().count();
    let widest = rows.iter().map(|(name, _)| width(name.as_ref())).chain([width(left)]).max();
    let widest = widest.unwrap_or_default();
    let heading = std::iter::once((left, right));
    for (name, text) in heading.chain(rows.iter().map(|(name, text)| (name.as_ref(), &**text))) {
        *out += &format!("{name}{}  {text}\n", " ".repeat(widest - width(name)));
    }
}

/// Returns what decides a test.
fn decided(test: &Test) -> String {
    match (test.by_number, test.stage) {
        (true, _) => "by the number of the call",
        (false, Stage::Entry) => "when the call begins",
        (false, Stage::End) => "when the call has ended",
        (false, Stage::State) => "with the descriptors, directories and programs of that moment",
        (false, Stage::Memory) => "with the memory that calls read and write",
    }
    .to_owned()
}

/// Writes at which calls a recording with the filter stops.
fn calls(of: &ByNumber, out: &mut String) {
    let stops = of.always.len() + of.maybe.len() + of.needed;
    let all = of.always.len() + of.maybe.len() + of.never;
    *out += &format!(
        "record --only stops at {stops} of the {all} calls of {}, which seccomp tells apart by \
         their numbers:\n",
        of.abi.name()
    );
    for (calls, what) in [(&of.always, "match"), (&of.maybe, "may match")] {
        *out += &format!("- {} {what}{}\n", calls.len(), if calls.is_empty() { "" } else { ":" });
        list(calls, out);
    }
    *out += &format!("- {} others are needed to follow tasks and descriptors\n", of.needed);
}

/// Writes the names of calls, as many as fit on a line.
fn list(names: &[&str], out: &mut String) {
    const INDENT: &str = "   ";
    let mut line = INDENT.to_owned();
    for (at, name) in names.iter().enumerate() {
        let comma = if at + 1 == names.len() { "" } else { "," };
        if line.len() + 1 + name.len() + comma.len() > WIDTH {
            *out += &line;
            out.push('\n');
            INDENT.clone_into(&mut line);
        }
        line += &format!(" {name}{comma}");
    }
    if line.len() > INDENT.len() {
        *out += &line;
        out.push('\n');
    }
}
