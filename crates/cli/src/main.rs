//! sysreel, the flight recorder for Linux programs.
//!
//! Arguments, progress, exit codes; everything else is in the libraries.

#![forbid(unsafe_code)]

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
mod rounds;
mod running;
mod verify;

use args::{Args, Command};
use clap::Parser;
use exit::Exit;

fn main() {
    let exit = match Args::try_parse() {
        Ok(args) => match args.command {
            Command::Record(args) => record::run(&args),
            Command::Print(args) => print::run(&args),
            Command::Info(args) => info::run(&args),
            Command::Doctor(args) => doctor::run(&args),
            Command::Diff(args) => diff::run(&args),
            Command::Baseline(args) => baseline::run(&args),
            Command::Ab(args) => ab::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Verify(args) => verify::run(&args),
        },
        Err(error) => {
            // --help and --version come as errors too, which go to standard output.
            let is_usage = error.use_stderr();
            _ = error.print();
            if !is_usage {
                Exit::SUCCESS
            } else if std::env::args_os().nth(1).is_some_and(|word| word == "record") {
                Exit::NOT_RECORDED
            } else {
                Exit::USAGE
            }
        }
    };
    exit.leave();
}
