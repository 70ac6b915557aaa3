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

use args::{Args, Command};
use clap::FromArgMatches;

fn main() {
    let parsed = help::command().try_get_matches();
    let exit = match parsed.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => match args.command {
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
            let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
            let error = tips::add(error, &words.collect::<Vec<_>>());
            say::exit_checked(say::arguments(&error))
        }
    };
    exit.leave();
}
