//! The kinds of differences, by name, and how much each matters.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::near::similar;

/// How much a difference matters. A gate is a least severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Counted, and listed only on request.
    Info,
    /// Worth knowing.
    Note,
    /// Worth checking.
    Warn,
    /// Fails by default in CI.
    Error,
}

impl Severity {
    /// All severities, in ascending order.
    pub const ALL: [Self; 4] = [Self::Info, Self::Note, Self::Warn, Self::Error];

    /// Returns the name of the severity.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == text)
            .ok_or_else(|| format!("unknown severity `{text}`: expected info, note, warn or error"))
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $severity:ident, $why:literal;)*) => {
        /// The kind of a difference. The meaning of an id never changes, because policies and
        /// baselines name it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the id: `fs.read.new`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// Returns the default severity. A difference may have another one depending on its
            /// place or result: see docs/diff.md.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Returns the meaning in a sentence.
            #[must_use]
            pub const fn why(self) -> &'static str {
                match self { $(Self::$name => $why,)* }
            }
        }
    };
}

rules! {
    /// The program exits with another status.
    ExitStatus = "exit.status", Error, "exits with another status";
    /// A signal ends the program in one run only, or another signal does.
    ExitSignal = "exit.signal", Error, "is ended by a signal in one run only";
    /// A log is not complete.
    RunIncomplete = "run.incomplete", Error, "a log does not show all of its run";
    /// A program is executed that the first run did not execute.
    ExecNew = "exec.new", Error, "executes another program";
    /// A program is no longer executed.
    ExecGone = "exec.gone", Warn, "no longer executes a program";
    /// A program is executed with other arguments.
    ExecArgv = "exec.argv", Warn, "executes a program with other arguments";
    /// A program inherits another environment, directory, umask, ignored signal or open file.
    ExecState = "exec.state", Warn, "executes a program in another state";
    /// The first program gets another environment, umask, user or the like.
    RunState = "run.state", Note, "is started in another state";
    /// A program is executed more or less often.
    ProcessCount = "process.count", Warn, "creates more or fewer processes of the same kind";
    /// A connection to a new address.
    NetConnectNew = "net.connect.new", Error, "connects or sends to another address";
    /// A socket listens at a new address.
    NetListenNew = "net.listen.new", Error, "listens at another address";
    /// A connection to a new unix socket.
    NetUnixNew = "net.unix.new", Error, "connects to another unix socket";
    /// A network endpoint is no longer used.
    NetGone = "net.gone", Note, "no longer uses a network endpoint";
    /// A file is written that the first run did not write.
    FsWriteNew = "fs.write.new", Error, "writes, creates or changes another file";
    /// A file is removed that the first run did not remove.
    FsDeleteNew = "fs.delete.new", Error, "removes another file";
    /// A file is renamed that the first run did not rename.
    FsRenameNew = "fs.rename.new", Error, "renames or links another file";
    /// A file is no longer changed.
    FsChangeGone = "fs.change.gone", Warn, "no longer writes, creates, removes or renames a file";
    /// Other changes of permissions or owners.
    FsPerm = "fs.perm", Error, "changes permissions or owners in another way";
    /// Other permissions or flags of a new file.
    FsCreate = "fs.create", Warn, "creates a file with other permissions or in another way";
    /// Other flags decide which file is reached or replaced.
    FsFlags = "fs.flags", Warn, "reaches or replaces a file by other flags";
    /// A file is locked that the first run did not lock.
    LockNew = "lock.new", Note, "locks another file, or in another way";
    /// A file is no longer locked.
    LockLost = "lock.lost", Warn, "no longer locks a file";
    /// Other operations on the kernel, other processes or privileges.
    Privilege = "privilege", Error, "acts differently on privileges, other processes or the kernel";
    /// An IPC object is made, used or removed in another way.
    Ipc = "ipc", Warn, "uses IPC objects in another way";
    /// A signal is sent that the first run did not send.
    SignalSent = "signal.sent", Warn, "sends other signals";
    /// A signal arrives that did not arrive in the first run.
    SignalReceived = "signal.received", Note, "receives other signals";
    /// A file that is a secret by custom or policy is read.
    SecretRead = "secret.read", Error, "reads a secret";
    /// An effect that the policy forbids.
    PolicyForbid = "policy.forbid", Error, "does what the policy forbids";
    /// Something happens more often than the policy allows.
    PolicyBudget = "policy.budget", Error, "does something more often than the policy allows";
    /// Calls that do not come in the order the policy asserts.
    PolicyAssert = "policy.assert", Error, "breaks a sequence that the policy asserts";
    /// The same operation on the same resource has another result.
    ErrChanged = "err.changed", Warn, "the same operation has another result";
    /// A file is no longer flushed to the disk.
    DurabilityLost = "durability.lost", Warn, "no longer flushes a file to the disk";
    /// A file is renamed, or left, before what was written is on the disk, unlike in the other run.
    DurabilityOrder = "durability.order", Warn,
        "flushes a file to the disk before or after another point than before";
    /// A file is flushed that the first run did not flush.
    DurabilityNew = "durability.new", Note, "flushes another file to the disk";
    /// A file is read that the first run did not read.
    FsReadNew = "fs.read.new", Note, "reads another file";
    /// A file is no longer read.
    FsReadGone = "fs.read.gone", Note, "no longer reads a file";
    /// Other bytes are written to the same file.
    FsWriteContent = "fs.write.content", Note, "writes other bytes to the same file";
    /// Other bytes are sent to the same address, or written to an inherited descriptor.
    StreamContent = "stream.content", Note, "writes other bytes to the same stream";
    /// A mark in one run only.
    MarkChanged = "mark.changed", Note, "a mark is set in one run only";
    /// A thread in one run only.
    ThreadCount = "thread.count", Note, "creates more or fewer threads";
    /// A call in one run only.
    CallNew = "call.new", Note, "makes a new call";
    /// A call that is no longer made.
    CallGone = "call.gone", Note, "no longer makes a call";
    /// A call has another argument.
    CallArgument = "call.argument", Note, "makes a call with other arguments";
    /// Streams too different to be compared within the budget.
    GaveUp = "gave-up", Note, "could not be compared within the budget";
    /// A lookup of a name that does not exist.
    ProbeNew = "probe.new", Info, "looks up a name that does not exist";
    /// An operation is retried more or less often.
    RetryCount = "retry.count", Info, "retries an operation more or less often";
    /// The same bytes are read or written in other pieces.
    Chunking = "chunking", Info, "reads or writes the same bytes in other pieces";
    /// The same calls in another order.
    OrderOnly = "order-only", Info, "makes the same calls in another order";
    /// The same calls took more or less time.
    TimingOnly = "timing-only", Info, "takes more or less time for the same calls";
    /// The runs were recorded in different surroundings.
    EnvDrift = "env-drift", Info, "was recorded in other surroundings";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|rule| rule.id() == text).ok_or_else(|| {
            let near = similar(text, Self::ALL.iter().map(|rule| rule.id()));
            let near: Vec<_> = near.into_iter().map(|rule| format!("`{rule}`")).collect();
            let near = match near.is_empty() {
                true => String::new(),
                false => format!("; did you mean {}?", near.join(" or ")),
            };
            format!("unknown rule `{text}`{near} (`sysreel diff --explain` lists all rules)")
        })
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_back_and_are_unique() {
        for &rule in Rule::ALL {
            assert_eq!(rule.id().parse(), Ok(rule));
            assert!(Rule::ALL.iter().filter(|other| other.id() == rule.id()).count() == 1);
        }
        assert!("fs.read".parse::<Rule>().is_err());
        assert_eq!("warn".parse(), Ok(Severity::Warn));
        assert!(Severity::Info < Severity::Note && Severity::Warn < Severity::Error);
    }
}
