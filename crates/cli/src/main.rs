//! sysreel, the flight recorder for Linux programs.
//!
//! Arguments, progress, exit codes; everything else is in the libraries.

#![forbid(unsafe_code)]
// They panic when a write fails, and write control characters as they are: `say` does neither.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod ab;
mod args;
mod baseline;
mod diff;
mod divergence;
mod doctor;
mod exit;
mod front;
mod info;
mod judging;
mod print;
mod progress;
mod record;
mod replay;
mod results;
mod rounds;
mod running;
mod say;
mod verify;

use args::{Args, Command};
use clap::Parser;

fn main() {
    let exit = match Args::try_parse() {
        Ok(args) => match args.command {
            // The program's status, whatever became of our messages.
            Command::Record(args) => record::run(&args),
            Command::Print(args) => say::settled(print::run(&args)),
            Command::Info(args) => say::settled(info::run(&args)),
            Command::Doctor(args) => say::settled(doctor::run(&args)),
            Command::Diff(args) => say::settled(diff::run(&args)),
            Command::Baseline(args) => say::settled(baseline::run(&args)),
            Command::Ab(args) => say::settled(ab::run(&args)),
            Command::Replay(args) => say::settled(replay::run(&args)),
            Command::Verify(args) => say::settled(verify::run(&args)),
        },
        // --help and --version come as errors too.
        Err(error) => say::settled(say::arguments(&error)),
    };
    exit.leave();
}
