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

/// The text behind `sysreel --help` and `record --help`.
pub(crate) const HELP: &str = "\
Exit status:
  record  the command's own status, or its signal; 124 when an audit has findings,
          125 when sysreel could not record, or not keep everything, or others
          changed the log meanwhile, 126 when the command cannot be executed,
          127 when it was not found
  diff, ab, baseline check
          0 the same, 1 different at the gate, 2 wrong usage, 3 a log cannot be
          read or is not whole, or a run was not recorded, 4 the two cannot be
          compared, or there is no baseline
  replay  0 all as recorded, 1 it went another way, 2 wrong usage, 3 the log
          cannot be replayed, 4 not on this machine (--force)
  verify  0 the runs do the same, 1 they differ, 2 wrong usage, 3 the log is
          not one for it, or a run could not be recorded, 4 as replay
  others  0 done, 1 failed, 2 wrong usage, 3 done, but parts of the log are
          missing or damaged";

/// The text behind `sysreel diff --help`.
pub(crate) const DIFF_HELP: &str = "\
Exit status:
  0  no difference that the gate sees
  1  different
  2  wrong usage
  3  a log cannot be read, or is not whole; a run could not be recorded
  4  the two cannot be compared: other machine, kernel or C library, or one
     was recorded with less; there is no baseline for these surroundings";
