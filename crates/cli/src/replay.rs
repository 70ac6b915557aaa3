//! `sysreel replay`.

use crate::args::{Check as CheckArg, Replay as Args};
use crate::divergence;
use crate::exit::Exit;
use crate::progress::Bar;
use crate::say::{self, Out, Unwritten, say};
use crate::terminal::palette_of_stderr;
use serde_json::json;
use std::io::{self, Write};
use std::time::Duration;
use sysreel_format::Event;
use sysreel_inspect::print::{Live, Options as PrintOptions};
use sysreel_inspect::{Findings, LogFile, open};
use sysreel_replay::{Check, Error, Observer, Options, Outcome, Position, Replay, files_to_read};

pub(crate) fn run(args: &Args) -> Exit {
    let log = match open(&args.file) {
        Ok(log) => log,
        Err(error) => {
            say!("{error}");
            return Exit::NOT_REPLAYABLE;
        }
    };
    // Metadata and footer say whether the recording can be replayed.
    let opening = Findings::from_open(log.log());
    if !opening.is_whole() {
        return refused(args, &Error::NotReplayable(opening.to_string()));
    }
    let check = match args.check {
        CheckArg::Every => Check::Every,
        CheckArg::Fast => Check::Fast,
    };
    let patience = args.patience.map(Duration::from_secs);
    let options = Options { check, until: args.until, force: args.force, patience };
    let palette = palette_of_stderr();
    let print_options = PrintOptions { event_numbers: true, palette, ..PrintOptions::default() };
    let quiet = args.quiet || args.json;
    let events = log.log().summary().map_or(0, |summary| summary.events);
    let mut observer = Console {
        log: &log,
        quiet,
        live: args.print.then(|| Live::new(&log, &print_options)),
        bar: if quiet || args.print { None } else { Bar::begin(events) },
        broken: None,
    };
    if !quiet && let Ok(files) = files_to_read(log.log(), args.until) {
        files.iter().for_each(|file| say!("reads {}", file.display()));
    }
    let outcome = Replay::prepare(log.log(), options).and_then(|replay| replay.run(&mut observer));
    if let Some(error) = observer.finish() {
        return say::unwritten(&error).0;
    }
    match outcome {
        Ok(outcome) => report(args, &outcome),
        Err(error) => refused(args, &error),
    }
}

fn refused(args: &Args, error: &Error) -> Exit {
    let (exit, outcome) = match error {
        Error::OtherMachine(_) => (Exit::OTHER_MACHINE, "other machine"),
        _ => (Exit::NOT_REPLAYABLE, "not replayable"),
    };
    if args.json
        && let Err(Unwritten(exit)) =
            say::json_result(&json!({"outcome": outcome, "why": error.to_string()}))
    {
        return exit;
    }
    say!("{}: {error}", args.file.display());
    if exit == Exit::OTHER_MACHINE {
        say!("use --force to replay it anyway, as far as possible");
    }
    exit
}

/// Writes the program's output, the printed syscalls and the progress bar during a replay.
struct Console<'l> {
    log: &'l LogFile,
    quiet: bool,
    live: Option<Live<'l>>,
    bar: Option<Bar>,
    /// The first failed write.
    broken: Option<io::Error>,
}

impl Console<'_> {
    /// Ends the printing. Returns the first failed write.
    fn finish(self) -> Option<io::Error> {
        drop(self.bar);
        let finished = self.live.map(|live| live.finish(&mut io::stderr().lock()));
        self.broken.or(finished.and_then(Result::err))
    }
}

impl Observer for Console<'_> {
    fn replayed(&mut self, event: &Event<'_>) {
        if let Some(bar) = &mut self.bar {
            bar.step();
        }
        if let Some(live) = &mut self.live
            && let Err(error) = live.event(self.log, event, &mut io::stderr().lock())
        {
            self.broken.get_or_insert(error);
        }
    }

    fn output(&mut self, to: u32, bytes: &[u8]) {
        if self.quiet || self.broken.is_some() {
            return;
        }
        // Flushed at once, to keep the order of both streams.
        let write = || match to {
            1 => Out::lock().and_then(|mut out| {
                out.write_all(bytes)?;
                out.flush()
            }),
            _ => io::stderr().write_all(bytes),
        };
        let written = match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        };
        self.broken = written.err();
    }
}

fn report(args: &Args, outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Identical { events, calls, status } => {
            if args.json {
                return print_json(&json!({"outcome": "identical", "events": events,
                    "calls": calls, "wait_status": status}));
            }
            if !args.quiet {
                say!("replayed {events} events, {calls} syscalls: identical to the recording");
            }
            Exit::SUCCESS
        }
        Outcome::Stopped { event, tasks } => {
            if args.json {
                return print_json(&json!({"outcome": "stopped", "event": event, "tasks": tasks}));
            }
            say!("stopped after event {event}");
            for Position { task, ip, backtrace } in tasks {
                say!("task {task} is at {ip:#x}");
                divergence::print_backtrace(backtrace);
            }
            Exit::SUCCESS
        }
        Outcome::Diverged(divergence) => divergence::report(&args.file, divergence, &[], args.json),
    }
}

/// Prints the JSON result of a successful replay.
fn print_json(value: &serde_json::Value) -> Exit {
    match say::json_result(value) {
        Ok(()) => Exit::SUCCESS,
        Err(Unwritten(exit)) => exit,
    }
}
