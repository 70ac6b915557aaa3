//! `sysreel grep`.

use super::say_unmatched;
use crate::exit::Exit;
use crate::pager::was_quit;
use crate::say::{Out, say, unwritten};
use crate::terminal::PagerArgs;
use regex::bytes::{Regex, RegexBuilder};
use std::io::Write;
use std::path::PathBuf;
use sysreel_abi::Filter;
use sysreel_inspect::visible::{json, visible};
use sysreel_inspect::{Bound, Error, EventRange, Required, open};
use sysreel_views::Select;
use sysreel_views::grep::{Line, Options, grep};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("grep")))]
pub(crate) struct Args {
    /// The pattern: a regular expression over bytes
    pattern: String,
    /// The logs to search, or - for standard input
    #[arg(required = true, value_name = "LOG")]
    files: Vec<PathBuf>,
    /// Take the pattern as text, not as a regular expression
    #[arg(long)]
    fixed_strings: bool,
    /// Ignore the difference between upper and lower case
    #[arg(short, long)]
    ignore_case: bool,
    /// Search only in what matches: -F 'write and fd.path ~ "*.log"'
    ///
    /// docs/filter.md has the language.
    #[arg(short = 'F', long, value_name = "EXPR", value_parser = crate::filter_arg::parse)]
    filter: Option<Filter>,
    /// Start at WHERE: an event number, +SECONDS into the recording, or @SECONDS since 1970
    #[arg(long, value_name = "WHERE")]
    from: Option<Bound>,
    /// Stop after WHERE
    #[arg(long, value_name = "WHERE")]
    to: Option<Bound>,
    /// Show N bytes before and after a match
    #[arg(short = 'C', long, value_name = "N", default_value_t = 30)]
    context: usize,
    /// Show at most N matches in one buffer
    #[arg(short = 'm', long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..))]
    max_count: u32,
    /// Print a JSON object for each match; docs/schemas describes it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pager: PagerArgs,
}

pub(crate) fn run(args: &Args) -> Exit {
    let pattern = match parse(args) {
        Ok(pattern) => pattern,
        Err(error) => {
            say!("the pattern is not valid: {error}");
            return Exit::USAGE;
        }
    };
    let range = EventRange { from: args.from, to: args.to };
    let options = Options {
        select: Select { range, filter: args.filter.clone(), ..Select::default() },
        pattern,
        context: args.context,
        most: args.max_count as usize,
    };
    let mut out = match Out::paged(&args.pager) {
        Ok(out) => out,
        Err(error) => return unwritten(&error).0,
    };
    let (mut count, mut worst) = (0_u64, Exit::SUCCESS);
    for path in &args.files {
        let name = visible(&path.to_string_lossy()).into_owned();
        let found = open(path).and_then(|log| {
            let (mut findings, cut) = grep(&log, &options, &mut |found| {
                count += 1;
                match args.json {
                    true => {
                        let line = Line::new(&name, found);
                        writeln!(out, "{}", json(&line)?)
                    }
                    false if args.files.len() > 1 => writeln!(out, "{name}:{}", found.line()),
                    false => writeln!(out, "{}", found.line()),
                }
            })?;
            if cut > 0 && count == 0 {
                say!("{name}: of {cut} buffers only the beginning was captured and searched");
            }
            findings.left_out = Required::MEMORY.left_out(&log, None);
            Ok((findings, log.is_being_written()))
        });
        match found {
            Ok((mut findings, is_being_written)) => {
                findings.open_end &= !is_being_written;
                say_unmatched(path, &findings);
                if !findings.is_whole() {
                    say!("{}: {findings}", path.display());
                    worst = worst_of(worst, Exit::WITH_FINDINGS);
                }
            }
            Err(Error::Write(error)) if was_quit(&error) => return worst,
            Err(Error::Write(error)) => return unwritten(&error).0,
            Err(error) => {
                say!("{error}");
                worst = Exit::USAGE;
            }
        }
    }
    match out.finish() {
        Err(error) if !was_quit(&error) => return unwritten(&error).0,
        _ => {}
    }
    if worst == Exit::SUCCESS && count == 0 { Exit::NOT_FOUND_IN_LOG } else { worst }
}

/// A log that cannot be read outweighs one with missing parts.
fn worst_of(so_far: Exit, new: Exit) -> Exit {
    if so_far == Exit::USAGE { so_far } else { new }
}

fn parse(args: &Args) -> Result<Regex, String> {
    let pattern = match args.fixed_strings {
        true => regex::escape(&args.pattern),
        false => args.pattern.clone(),
    };
    // Bytes of a log are not always UTF-8.
    RegexBuilder::new(&pattern)
        .case_insensitive(args.ignore_case)
        .unicode(!args.pattern.is_ascii())
        .build()
        .map_err(|error| error.to_string())
}
