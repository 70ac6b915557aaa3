//! `sysreel stream`.

use super::{Output, To, failed, finished, unwritten};
use crate::exit::Exit;
use regex::bytes::{Regex, RegexBuilder};
use std::path::PathBuf;
use sysreel_abi::Filter;
use sysreel_inspect::{Bound, Error, EventRange, open};
use sysreel_views::Select;
use sysreel_views::stream::{Form, Options, REQUIRED, Way, Writer, stream};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("stream")))]
pub(crate) struct Args {
    /// The log to read, or - for standard input
    file: PathBuf,
    /// Only what matches: -F 'net.port == 80', -F 'fd.path ~ "/run/**"'
    ///
    /// docs/filter.md has the language.
    #[arg(short = 'F', long, value_name = "EXPR", value_parser = crate::filter_arg::parse)]
    filter: Option<Filter>,
    /// Only the stream that the syscall at event N reads or writes
    #[arg(short, long, value_name = "N")]
    event: Option<u64>,
    /// Only streams in which REGEX matches, also across buffers
    #[arg(long = "match", value_name = "REGEX", value_parser = parse_pattern)]
    pattern: Option<Regex>,
    /// Only what programs read
    #[arg(long, conflicts_with = "written")]
    read: bool,
    /// Only what programs wrote
    #[arg(long)]
    written: bool,
    /// Show a hexdump
    #[arg(long, conflicts_with_all = ["raw", "json"])]
    hex: bool,
    /// Write the bytes and nothing else
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Print a JSON object for each piece; docs/schemas describes it
    #[arg(long)]
    json: bool,
    /// Start at WHERE: an event number, +SECONDS into the recording, or @SECONDS since 1970
    #[arg(long, value_name = "WHERE")]
    from: Option<Bound>,
    /// Stop after WHERE
    #[arg(long, value_name = "WHERE")]
    to: Option<Bound>,
    #[command(flatten)]
    out: To,
}

fn parse_pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).unicode(!text.is_ascii()).build().map_err(|error| error.to_string())
}

pub(crate) fn run(args: &Args) -> Exit {
    let range = EventRange { from: args.from, to: args.to };
    let options = Options {
        select: Select { range, filter: args.filter.clone(), ..Select::default() },
        of_event: args.event,
        way: match (args.read, args.written) {
            (true, _) => Some(Way::Read),
            (_, true) => Some(Way::Written),
            _ => None,
        },
        pattern: args.pattern.clone(),
    };
    let form = match (args.hex, args.raw, args.json) {
        (true, ..) => Form::Hex,
        (_, true, _) => Form::Raw,
        (_, _, true) => Form::Json,
        _ => Form::Text,
    };
    let log = match open(&args.file) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    let out = match Output::open(&args.out) {
        Ok(out) => out,
        Err(exit) => return exit,
    };
    let mut writer = Writer::new(form, out);
    let mut has_pieces = false;
    let streamed = stream(&log, &options, &mut |piece| {
        has_pieces = true;
        writer.piece(piece)
    });
    if writer.missing() > 0 {
        crate::say::say!(
            "{}: {} bytes were not captured; record with --capture-limit to get them",
            args.file.display(),
            writer.missing()
        );
    }
    match streamed {
        Ok(mut findings) => {
            match writer.into_inner().finish().or_else(|e| unwritten(&e, &args.out)) {
                Ok(()) => {
                    let selects = args.filter.is_some() || args.pattern.is_some();
                    findings.unmatched |= selects && !has_pieces;
                    findings.left_out = REQUIRED.left_out(&log, args.filter.as_ref());
                    finished(&args.file, &log, findings)
                }
                Err(exit) => exit,
            }
        }
        Err(Error::Write(error)) => match unwritten(&error, &args.out) {
            Ok(()) => Exit::SUCCESS,
            Err(exit) => exit,
        },
        Err(error) => failed(&error),
    }
}
