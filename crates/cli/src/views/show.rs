//! `sysreel show`.

use super::{To, failed, finished, write};
use crate::exit::Exit;
use std::path::PathBuf;
use sysreel_inspect::{Findings, open};
use sysreel_views::show::{Options, Show, show};

#[derive(Debug, clap::Args)]
#[command(after_help = crate::exit::help(Some("show")))]
pub(crate) struct Args {
    /// The log to read
    file: PathBuf,
    /// The numbers of the events, as `print --event-numbers` shows them
    #[arg(required = true, value_name = "EVENT")]
    events: Vec<u64>,
    /// Show at most N bytes of each buffer, or `all`
    #[arg(long, value_name = "N", default_value = "256", value_parser = parse_bytes)]
    bytes: usize,
    /// Show N calls on the same descriptor before and after
    #[arg(short = 'C', long, value_name = "N", default_value_t = 3)]
    neighbors: usize,
    /// Print a JSON object for each event; docs/schemas describes it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    out: To,
}

fn parse_bytes(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(usize::MAX),
        number => number.parse().map_err(|_| "expected a number or `all`".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> Exit {
    let mut log = match open(&args.file) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    let mut shown: Vec<(Show, Findings)> = Vec::new();
    for event in &args.events {
        let options = Options { event: *event, bytes: args.bytes, neighbors: args.neighbors };
        match show(&mut log, &options) {
            Ok(found) => shown.push(found),
            Err(error) => return failed(&error),
        }
    }
    let missing = shown.iter().filter(|(show, _)| show.kind.is_none()).map(|(show, _)| show.event);
    let missing: Vec<u64> = missing.collect();
    let findings = shown.first().map(|(_, findings)| findings.clone()).unwrap_or_default();
    let written = write((args.json, &args.out), &findings, shown.iter().map(|s| &s.0));
    match written {
        Err(exit) => exit,
        Ok(()) if !missing.is_empty() => {
            for event in missing {
                crate::say::say!("{} has no event {event}", args.file.display());
            }
            // It may be among those that are missing.
            match finished(&args.file, &log, findings) {
                Exit::SUCCESS => Exit::FAILURE,
                exit => exit,
            }
        }
        Ok(()) => finished(&args.file, &log, findings),
    }
}
