//! `sysreel replay`.

use crate::args::{Check as CheckArg, Replay as Args};
use crate::exit::Exit;
use std::io::{self, Write};
use sysreel_inspect::open;
use sysreel_replay::{Check, Divergence, Error, Observer, Options, Outcome, Replay};

pub(crate) fn run(args: &Args) -> Exit {
    let log = match open(&args.file) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("sysreel: {error}");
            return Exit::NOT_REPLAYABLE;
        }
    };
    let check = match args.check {
        CheckArg::Every => Check::Every,
        CheckArg::Fast => Check::Fast,
    };
    let options = Options { check, until: args.until, force: args.force };
    let mut watcher = Watcher { quiet: args.quiet || args.json, broken: None };
    let outcome = Replay::prepare(log.log(), options).and_then(|replay| replay.run(&mut watcher));
    if let Some(error) = watcher.broken {
        eprintln!("sysreel: cannot write what the program has written: {error}");
        return Exit::FAILURE;
    }
    match outcome {
        Ok(outcome) => tell(args, &outcome),
        Err(error) => {
            eprintln!("sysreel: {}: {error}", args.file.display());
            match error {
                Error::OtherMachine(_) => {
                    eprintln!("sysreel: --force replays it all the same, as far as it goes");
                    Exit::OTHER_MACHINE
                }
                _ => Exit::NOT_REPLAYABLE,
            }
        }
    }
}

/// Writes what the program writes.
struct Watcher {
    quiet: bool,
    broken: Option<io::Error>,
}

impl Observer for Watcher {
    fn replayed(&mut self, _event: u64) {}

    fn output(&mut self, to: u32, bytes: &[u8]) {
        if self.quiet || self.broken.is_some() {
            return;
        }
        // Unbuffered, so that both streams keep their order.
        let written = match to {
            1 => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
            _ => io::stderr().write_all(bytes),
        };
        self.broken = written.err();
    }
}

fn tell(args: &Args, outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Identical { events, calls, .. } => {
            if args.json {
                println!("{}", serde_json::json!({"outcome": "identical", "events": events, "calls": calls}));
            } else if !args.quiet {
                eprintln!("sysreel: replayed {events} events, {calls} system calls, all as recorded");
            }
            Exit::SUCCESS
        }
        Outcome::Stopped { event, tasks } => {
            if args.json {
                let tasks: Vec<_> =
                    tasks.iter().map(|(task, ip)| serde_json::json!({"task": task, "ip": ip})).collect();
                println!("{}", serde_json::json!({"outcome": "stopped", "event": event, "tasks": tasks}));
            } else {
                eprintln!("sysreel: stopped after event {event}");
                for (task, ip) in tasks {
                    eprintln!("sysreel:   task {task} stands at {ip:#x}");
                }
            }
            Exit::SUCCESS
        }
        Outcome::Diverged(divergence) => {
            diverged(args, divergence);
            Exit::DIVERGED
        }
    }
}

fn diverged(args: &Args, divergence: &Divergence) {
    if args.json {
        println!("{}", serde_json::json!({"outcome": "diverged", "divergence": divergence}));
        return;
    }
    let Divergence { event, task, field, recorded, actual, ip, likely } = divergence;
    eprintln!("sysreel: {} diverged at event {event}, task {task}, at {ip:#x}", args.file.display());
    eprintln!("sysreel:   different: {field}");
    eprintln!("sysreel:   recorded:  {recorded}");
    eprintln!("sysreel:   actual:    {actual}");
    eprintln!("sysreel: likely causes:");
    for cause in likely {
        eprintln!("sysreel:   - {cause}");
    }
}
