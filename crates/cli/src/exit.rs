//! Exit codes, in one place.

use sysreel_sys::{Signal, signals};

/// How this process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// With a code.
    Code(i32),
    /// As the recorded program, or because of the signal that ended the recording: by a signal.
    Signal(Signal),
}

impl Exit {
    /// Everything went well.
    pub(crate) const SUCCESS: Exit = Exit::Code(0);
    /// The log could not be read, or the output not be written.
    pub(crate) const FAILURE: Exit = Exit::Code(1);
    /// The arguments are wrong.
    pub(crate) const USAGE: Exit = Exit::Code(2);
    /// The log was read, and parts of it are missing or damaged.
    pub(crate) const WITH_FINDINGS: Exit = Exit::Code(3);
    /// `diff` has found a difference that its gate sees.
    pub(crate) const DIFFERENT: Exit = Exit::Code(1);
    /// `diff` could not read a log, or not all of it.
    pub(crate) const INCOMPLETE: Exit = Exit::Code(3);
    /// What `diff` was given cannot be compared.
    pub(crate) const NOT_COMPARABLE: Exit = Exit::Code(4);
    /// A replay went another way than its recording.
    pub(crate) const DIVERGED: Exit = Exit::Code(1);
    /// The log cannot be replayed.
    pub(crate) const NOT_REPLAYABLE: Exit = Exit::Code(3);
    /// The log cannot be replayed on this machine.
    pub(crate) const OTHER_MACHINE: Exit = Exit::Code(4);
    /// `record --audit` has found bytes that the table does not announce.
    pub(crate) const AUDIT_FINDINGS: Exit = Exit::Code(124);
    /// `record` could not record, or not keep all of it (env(1): the tool itself failed).
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

/// Every status of every command. `--help`, README.md and docs/replay.md are made of it, or held to
/// it by a test.
const TABLE: &[Statuses] = &[
    Statuses {
        commands: "record",
        meanings: &[
            ("N", "the command's own status, or its signal"),
            ("2", "wrong usage: the command did not run"),
            ("124", "--audit has findings"),
            ("125", "sysreel could not record, or not keep everything, or others changed the log"),
            ("126", "the command cannot be executed"),
            ("127", "the command was not found"),
        ],
    },
    Statuses {
        commands: "print, info",
        meanings: &[
            ("0", "done"),
            ("1", "the log cannot be read, or the output not be written"),
            ("2", "wrong usage"),
            ("3", "done, but parts of the log are missing or damaged"),
        ],
    },
    Statuses {
        commands: "doctor",
        meanings: &[("0", "sysreel can record here"), ("1", "it cannot"), ("2", "wrong usage")],
    },
    Statuses {
        commands: "diff, ab, baseline check",
        meanings: &[
            ("0", "no difference that the gate sees"),
            ("1", "different, or the result cannot be written"),
            ("2", "wrong usage"),
            ("3", "a log cannot be read or is not whole, or a run was not recorded"),
            ("4", "the two cannot be compared, or there is no baseline for this"),
        ],
    },
    Statuses {
        commands: "baseline record, review, accept",
        meanings: &[
            ("0", "done"),
            ("1", "the output cannot be written"),
            ("2", "wrong usage, nothing to review, or not to be done in CI"),
            ("3", "a run was not recorded, or a file cannot be written"),
        ],
    },
    Statuses {
        commands: "replay",
        meanings: &[
            ("0", "all as recorded, or stopped at `--until EVENT`"),
            ("1", "the program went another way, or the output cannot be written"),
            ("2", "wrong usage"),
            ("3", "the log cannot be replayed; the message says why"),
            ("4", "this machine is another one; `--force` tries all the same"),
        ],
    },
    Statuses {
        commands: "verify",
        meanings: &[
            ("0", "the runs do the same"),
            ("1", "they differ, or the result cannot be written"),
            ("2", "wrong usage, or the run was not confirmed"),
            ("3", "the log is not one for it, or a run could not be recorded"),
            ("4", "this machine is another one; `--force` tries all the same"),
        ],
    },
];

/// What holds for all commands.
const PIPES: &str =
    "A command whose reader has gone away (`| head`) ends by SIGPIPE: 141 in a shell.";

/// The text behind `--help`: the statuses of every command, or of the one that is named.
pub(crate) fn help(command: Option<&str>) -> String {
    let mut text = "Exit status:\n".to_owned();
    for Statuses { commands, meanings } in TABLE {
        if command.is_some_and(|command| !commands.starts_with(command)) {
            continue;
        }
        text += &format!("  {commands}\n");
        for (status, meaning) in *meanings {
            text += &format!("    {status:<4} {meaning}\n");
        }
    }
    text + PIPES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of README.md.
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
    fn the_documents_have_the_table() {
        let readme = include_str!("../../../README.md");
        assert!(readme.contains(&markdown()), "README.md shall have:\n{}", markdown());
        let replay = include_str!("../../../docs/replay.md");
        let of_replay = TABLE.iter().find(|statuses| statuses.commands == "replay").unwrap();
        for (status, meaning) in of_replay.meanings {
            let row = format!("| {status} | {meaning} |\n");
            assert!(replay.contains(&row), "docs/replay.md shall have {row}");
        }
    }

    #[test]
    fn every_status_is_in_the_table() {
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
