//! The `sysreel` command: arguments, messages, progress and exit statuses.
//!
//! Recording, replay and everything that reads logs are in the libraries; each subcommand has one
//! file here, which turns arguments into options and an outcome into an exit status.

#![forbid(unsafe_code)]
// The print macros panic if a write fails and do not escape control characters; see `say`.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod ab;
mod args;
mod baseline;
mod browse;
mod diff;
mod divergence;
mod doctor;
mod exit;
mod export;
mod filter;
mod filter_arg;
mod front;
mod generate;
mod help;
mod html;
mod info;
mod pager;
mod print;
mod progress;
mod record;
mod record_browse;
mod replay;
mod report;
mod results;
mod rounds;
mod running;
mod say;
mod terminal;
mod tips;
mod verify;
mod views;
mod whole;

use args::{Args, Command, Record};
use clap::{Args as _, FromArgMatches};
use std::ffi::OsString;

fn main() {
    let words: Vec<OsString> = std::env::args_os().collect();
    let exit = match parse(&words) {
        Ok(command) => match command {
            // A lost message must not replace the status of the recorded program.
            Command::Record(args) => record::run(&args),
            Command::Print(args) => say::exit_checked(print::run(&args)),
            Command::Fds(args) => say::exit_checked(views::fds::run(&args)),
            Command::Grep(args) => say::exit_checked(views::grep::run(&args)),
            Command::Lint(args) => say::exit_checked(views::lint::run(&args)),
            Command::Show(args) => say::exit_checked(views::show::run(&args)),
            Command::Stream(args) => say::exit_checked(views::stream::run(&args)),
            Command::Net(args) => say::exit_checked(views::net::run(&args)),
            Command::Waits(args) => say::exit_checked(views::waits::run(&args)),
            Command::Stat(args) => say::exit_checked(views::stat::run(&args)),
            Command::Tree(args) => say::exit_checked(views::tree::run_tree(&args)),
            Command::Ps(args) => say::exit_checked(views::tree::run_ps(&args)),
            Command::Files(args) => say::exit_checked(views::files::run(&args)),
            Command::Env(args) => say::exit_checked(views::env::run(&args)),
            Command::Maps(args) => say::exit_checked(views::maps::run(&args)),
            Command::Browse(args) => say::exit_checked(browse::run(&args)),
            Command::Export(args) => say::exit_checked(export::run(&args)),
            Command::Report(args) => say::exit_checked(html::run(&args)),
            Command::Filter(args) => say::exit_checked(filter::run(&args)),
            Command::Info(args) => say::exit_checked(info::run(&args)),
            Command::Doctor(args) => say::exit_checked(doctor::run(&args)),
            Command::Diff(args) => say::exit_checked(diff::run(&args)),
            Command::Baseline(args) => say::exit_checked(baseline::run(&args)),
            Command::Ab(args) => say::exit_checked(ab::run(&args)),
            Command::Replay(args) => say::exit_checked(replay::run(&args)),
            Command::Verify(args) => say::exit_checked(verify::run(&args)),
            Command::Completions(args) => say::exit_checked(generate::print_completions(&args)),
            Command::Generate(args) => say::exit_checked(generate::run(&args)),
        },
        // clap returns --help and --version as errors too.
        Err(error) => {
            let words = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
            let error = tips::add(error, &words.collect::<Vec<_>>());
            say::exit_checked(say::arguments(&error))
        }
    };
    exit.leave();
}

/// Parses the words of the command line.
///
/// `record` is tried alone first: a program that is recorded waits for the definition of all
/// commands, half a millisecond. Mistakes and `--help` are answered by the whole definition.
fn parse(words: &[OsString]) -> Result<Command, clap::Error> {
    match words.get(1..).and_then(record_alone) {
        Some(record) => Ok(Command::Record(record)),
        None => {
            let matches = help::command().try_get_matches_from(words)?;
            Ok(Args::from_arg_matches(&matches)?.command)
        }
    }
}

/// Parses the words after `sysreel`. `None` if they are another command or wrong.
fn record_alone(words: &[OsString]) -> Option<Record> {
    const NAME: &str = "record";
    if words.first()? != NAME {
        return None;
    }
    let definition = Record::augment_args(clap::Command::new(NAME));
    let matches = definition.try_get_matches_from(words).ok()?;
    Record::from_arg_matches(&matches).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn record_is_the_same_alone() {
        for line in [
            "record true",
            "record -o x --force --capture-limit 1K -- ls -l --force",
            "record -p 1 -p 2 --tree --only %network,!openat",
            "record ls --only -x record",
            "record --fast=verify --cpu free sh -c true",
            "record --replayable --no-file-contents -q x",
        ] {
            let alone = record_alone(&words(line)).map(Command::Record).unwrap();
            let all = std::iter::once("sysreel".into()).chain(words(line));
            let matches = help::command().try_get_matches_from(all).unwrap();
            let whole = Args::from_arg_matches(&matches).unwrap().command;
            assert_eq!(format!("{alone:?}"), format!("{whole:?}"), "{line}");
        }
        for line in ["record", "record --help", "record --wrong x", "print x", "--version", ""] {
            assert!(record_alone(&words(line)).is_none(), "{line}");
        }
    }
}
