//! `sysreel replay`.

use crate::args::{Check as CheckArg, Replay as Args};
use crate::divergence;
use crate::exit::Exit;
use crate::progress::Bar;
use crate::say::{self, Out, Unwritten, say};
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
    // Without metadata and footer it is not known what the recording is and whether it can be
    // replayed.
    let opening = Findings::from_open(log.log());
    if !opening.is_whole() {
        return refused(args, &Error::NotReplayable(opening.to_string()));
    }
    let check = match args.check {
        CheckArg::Every => Check::Every,
        CheckArg::Fast => Check::Fast,
    };
    let patience = Duration::from_secs(args.patience);
    let options = Options { check, until: args.until, force: args.force, patience };
    let print_options = PrintOptions { event_numbers: true, ..PrintOptions::default() };
    let quiet = args.quiet || args.json;
    let events = log.log().summary().map_or(0, |summary| summary.events);
    let mut watcher = Watcher {
        log: &log,
        quiet,
        live: args.print.then(|| Live::new(&log, &print_options)),
        bar: if quiet || args.print { None } else { Bar::begin(events) },
        broken: None,
    };
    if !quiet && let Ok(files) = files_to_read(log.log(), args.until) {
        files.iter().for_each(|file| say!("reads {}", file.display()));
    }
    let outcome = Replay::prepare(log.log(), options).and_then(|replay| replay.run(&mut watcher));
    if let Some(error) = watcher.end() {
        return say::unwritten(&error).0;
    }
    match outcome {
        Ok(outcome) => tell(args, &outcome),
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
        say!("--force replays it all the same, as far as it goes");
    }
    exit
}

/// Writes what the program writes.
struct Watcher<'l> {
    log: &'l LogFile,
    quiet: bool,
    live: Option<Live<'l>>,
    bar: Option<Bar>,
    broken: Option<io::Error>,
}

impl Watcher<'_> {
    /// Nothing more comes. Answers what could not be written.
    fn end(self) -> Option<io::Error> {
        drop(self.bar);
        let finished = self.live.map(|live| live.finish(&mut io::stderr().lock()));
        self.broken.or(finished.and_then(Result::err))
    }
}

impl Observer for Watcher<'_> {
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
        // At once, so that both streams keep their order.
        let write = || match to {
            1 => Out::lock().and_then(|mut out| {
                out.write_all(bytes)?;
                out.flush()
            }),
            _ => io::stderr().write_all(bytes),
        };
        let written = match &self.bar {
            Some(bar) => bar.aside(write),
            None => write(),
        };
        self.broken = written.err();
    }
}

fn tell(args: &Args, outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Identical { events, calls, status } => {
            if args.json {
                let told = json!({"outcome": "identical", "events": events, "calls": calls,
                    "wait_status": status});
                return written(&told);
            }
            if !args.quiet {
                say!("replayed {events} events, {calls} system calls, all as recorded");
            }
            Exit::SUCCESS
        }
        Outcome::Stopped { event, tasks } => {
            if args.json {
                return written(&json!({"outcome": "stopped", "event": event, "tasks": tasks}));
            }
            say!("stopped after event {event}");
            for Position { task, ip, backtrace } in tasks {
                say!("task {task} stands at {ip:#x}");
                divergence::frames(backtrace);
            }
            Exit::SUCCESS
        }
        Outcome::Diverged(divergence) => divergence::tell(&args.file, divergence, &[], args.json),
    }
}

/// Writes a good result as JSON.
fn written(told: &serde_json::Value) -> Exit {
    match say::json_result(told) {
        Ok(()) => Exit::SUCCESS,
        Err(Unwritten(exit)) => exit,
    }
}
