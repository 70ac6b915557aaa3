//! The exit statuses of every command.

use sysreel_sys::{Signal, signals};

/// How this process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    /// Killed by a signal, like the recorded program or by the signal that ended the recording.
    Signal(Signal),
}

impl Exit {
    pub(crate) const SUCCESS: Exit = Exit::Code(0);
    /// The log could not be read or the output not written.
    pub(crate) const FAILURE: Exit = Exit::Code(1);
    pub(crate) const USAGE: Exit = Exit::Code(2);
    /// The log was read, but parts of it are missing or damaged.
    pub(crate) const WITH_FINDINGS: Exit = Exit::Code(3);
    /// `grep` found nothing.
    pub(crate) const NOT_FOUND_IN_LOG: Exit = Exit::Code(1);
    /// `diff` found a difference at or above the gate.
    pub(crate) const DIFFERENT: Exit = Exit::Code(1);
    /// `diff` could not read a log, or only a part of it.
    pub(crate) const INCOMPLETE: Exit = Exit::Code(3);
    /// `diff` cannot compare these two logs.
    pub(crate) const NOT_COMPARABLE: Exit = Exit::Code(4);
    /// The replay diverged from the recording.
    pub(crate) const DIVERGED: Exit = Exit::Code(1);
    /// The log cannot be replayed.
    pub(crate) const NOT_REPLAYABLE: Exit = Exit::Code(3);
    /// The log cannot be replayed on this machine.
    pub(crate) const OTHER_MACHINE: Exit = Exit::Code(4);
    /// `record --audit` found changed bytes that the syscall table does not declare.
    pub(crate) const AUDIT_FINDINGS: Exit = Exit::Code(124);
    /// `record` failed or could not store everything. As in env(1), 125 means the tool itself.
    pub(crate) const NOT_RECORDED: Exit = Exit::Code(125);
    /// The command cannot be executed.
    pub(crate) const NOT_EXECUTABLE: Exit = Exit::Code(126);
    /// The command was not found.
    pub(crate) const NOT_FOUND: Exit = Exit::Code(127);

    /// Ends the process.
    pub(crate) fn leave(self) -> ! {
        match self {
            Exit::Code(code) => std::process::exit(code),
            Exit::Signal(signal) => signals::die_by(signal),
        }
    }
}

/// The exit statuses of some commands.
struct Statuses {
    commands: &'static str,
    /// Each status, as it is typed in a document, and what it means.
    meanings: &'static [(&'static str, &'static str)],
}

/// Every status of every command. Help texts and man pages are made from it; a test compares it
/// with docs/usage.md and docs/replay.md.
const TABLE: &[Statuses] = &[
    Statuses {
        commands: "record",
        meanings: &[
            ("N", "the command's exit status, or killed by the same signal"),
            ("2", "wrong usage, the command did not run"),
            ("124", "--audit has findings, or --fast=verify a difference"),
            ("125", "recording failed or is incomplete, or another process changed the log"),
            ("126", "the command cannot be executed"),
            ("127", "the command was not found"),
        ],
    },
    Statuses {
        commands: "print, info, stat, tree, ps, files, env, maps, net, fds, waits, stream, \
            show, lint, export, report",
        meanings: &[
            ("0", "success"),
            ("1", "the log cannot be read or the output cannot be written"),
            ("2", "wrong usage"),
            ("3", "success, but parts of the log are missing or damaged"),
        ],
    },
    Statuses {
        commands: "browse",
        meanings: &[
            ("0", "the user has left"),
            ("1", "the log cannot be read, or the terminal cannot be used"),
            ("2", "wrong usage, or no terminal"),
        ],
    },
    Statuses {
        commands: "grep",
        meanings: &[
            ("0", "something was found"),
            ("1", "nothing was found, or the output cannot be written"),
            ("2", "wrong usage, or a log cannot be read"),
            ("3", "parts of a log are missing or damaged"),
        ],
    },
    Statuses {
        commands: "doctor",
        meanings: &[
            ("0", "sysreel can record on this machine"),
            ("1", "it cannot"),
            ("2", "wrong usage"),
        ],
    },
    Statuses {
        commands: "completions, filter",
        meanings: &[("0", "success"), ("1", "the output cannot be written"), ("2", "wrong usage")],
    },
    Statuses {
        commands: "diff, ab, baseline check",
        meanings: &[
            ("0", "no difference at or above the gate"),
            ("1", "differences, or the result cannot be written"),
            ("2", "wrong usage"),
            ("3", "a log is unreadable or incomplete, or a run was not recorded"),
            ("4", "the logs are not comparable, or no baseline fits"),
        ],
    },
    Statuses {
        commands: "baseline record, review, accept, migrate",
        meanings: &[
            ("0", "success"),
            ("1", "the output cannot be written"),
            ("2", "wrong usage, nothing to review, or refused in CI"),
            ("3", "a run was not recorded, or a file cannot be written"),
        ],
    },
    Statuses {
        commands: "replay",
        meanings: &[
            ("0", "identical to the recording, or stopped at `--until EVENT`"),
            ("1", "the replay diverged, or the output cannot be written"),
            ("2", "wrong usage"),
            ("3", "the log cannot be replayed; the message says why"),
            ("4", "this machine differs from that of the recording; `--force` replays anyway"),
        ],
    },
    Statuses {
        commands: "verify",
        meanings: &[
            ("0", "the runs are the same"),
            ("1", "the runs differ, or the result cannot be written"),
            ("2", "wrong usage, or the run was not confirmed"),
            ("3", "the log cannot be replayed, or a run was not recorded"),
            ("4", "this machine differs from that of the recording; `--force` compares anyway"),
        ],
    },
];

/// Applies to all commands.
const PIPES: &str =
    "If its output is closed (`| head`), sysreel is killed by SIGPIPE (141 in a shell).";

/// Returns the statuses of a command (`print`, `baseline check`), each with what it means.
pub(crate) fn meanings(command: &str) -> Option<&'static [(&'static str, &'static str)]> {
    let statuses = TABLE.iter().find(|statuses| statuses.names().any(|name| name == command))?;
    Some(statuses.meanings)
}

impl Statuses {
    /// The commands with their full names: `baseline record, review` is `baseline record` and
    /// `baseline review`.
    fn names(&self) -> impl Iterator<Item = String> {
        let group = self.commands.strip_prefix("baseline ");
        let (prefix, list) = group.map_or(("", self.commands), |list| ("baseline ", list));
        list.split(", ").map(move |name| format!("{prefix}{name}"))
    }
}

/// Returns the end of the `--help` text of a command: its statuses. `None`: of `sysreel` itself,
/// which says where they are.
pub(crate) fn help(command: Option<&str>) -> String {
    let Some(command) = command else {
        return "`sysreel COMMAND --help` describes a command, its options and exit statuses."
            .to_owned();
    };
    let mut text = "Exit status:\n".to_owned();
    for (status, meaning) in meanings(command).unwrap_or_default() {
        text += &format!("  {status:<4} {meaning}\n");
    }
    text + PIPES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the table of docs/usage.md.
    fn markdown() -> String {
        let mut text = "| command | exit status | |\n|---|---|---|\n".to_owned();
        for Statuses { commands, meanings } in TABLE {
            let mut first = *commands;
            for (status, meaning) in *meanings {
                text += &format!("| {first} | {status} | {meaning} |\n");
                first = "";
            }
        }
        text + "\n" + PIPES + "\n"
    }

    #[test]
    fn the_documents_contain_the_table() {
        let usage = include_str!("../../../docs/usage.md");
        assert!(usage.contains(&markdown()), "docs/usage.md must contain:\n{}", markdown());
        let document = include_str!("../../../docs/replay.md");
        let replay = TABLE.iter().find(|statuses| statuses.commands == "replay").unwrap();
        for (status, meaning) in replay.meanings {
            let row = format!("| {status} | {meaning} |\n");
            assert!(document.contains(&row), "docs/replay.md must contain {row}");
        }
    }

    #[test]
    fn the_table_lists_every_status() {
        let listed: Vec<_> =
            TABLE.iter().flat_map(|statuses| statuses.meanings).map(|(s, _)| *s).collect();
        for exit in [
            Exit::SUCCESS,
            Exit::FAILURE,
            Exit::USAGE,
            Exit::WITH_FINDINGS,
            Exit::DIFFERENT,
            Exit::INCOMPLETE,
            Exit::NOT_COMPARABLE,
            Exit::DIVERGED,
            Exit::NOT_REPLAYABLE,
            Exit::OTHER_MACHINE,
            Exit::AUDIT_FINDINGS,
            Exit::NOT_RECORDED,
            Exit::NOT_EXECUTABLE,
            Exit::NOT_FOUND,
        ] {
            let Exit::Code(code) = exit else { panic!("{exit:?}") };
            assert!(listed.contains(&code.to_string().as_str()), "{exit:?}");
        }
    }
}
