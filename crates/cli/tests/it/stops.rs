//! The stops of each task in a log, in the terms of the statements.

use crate::statements::End;
use data_encoding::HEXLOWER;
use std::fmt;

/// One stop or end of a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stop {
    /// The number of the event in the log.
    pub(crate) event: u64,
    /// The id of the task at that time.
    pub(crate) tid: u32,
    pub(crate) what: What,
    pub(crate) regions: Vec<Region>,
}

/// The kind of stop.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Entry(Call),
    Exit {
        rval: i64,
        error: bool,
        arch: String,
    },
    Seccomp {
        call: Call,
        data: u32,
    },
    Signal(String),
    Group(String),
    Event {
        what: String,
        message: Option<u64>,
    },
    Gone(End),
    /// An event that statements do not cover.
    Other(String),
}

/// A call as its entry or seccomp stop shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The name, if the table knows the call.
    pub(crate) name: Option<String>,
    pub(crate) arch: String,
    pub(crate) nr: u64,
    pub(crate) args: [u64; 6],
}

/// Memory captured at a stop.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Region {
    pub(crate) arg: u8,
    /// 0: what the argument points to; above: reached from there.
    pub(crate) role: u8,
    /// Which of several regions with the same role.
    pub(crate) index: u32,
    pub(crate) address: u64,
    /// How many bytes the call concerns.
    pub(crate) asked: u64,
    /// Cut by the capture limit.
    pub(crate) cut: bool,
    pub(crate) bytes: Vec<u8>,
    /// Why some or all of it could not be read.
    pub(crate) errno: Option<String>,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} ", self.event, self.tid)?;
        match &self.what {
            What::Entry(call) => write!(f, "entry {call}")?,
            What::Exit { rval, error, arch } => {
                write!(f, "exit {rval} error={} arch={arch}", u8::from(*error))?;
            }
            What::Seccomp { call, data } => write!(f, "seccomp {call} data={data}")?,
            What::Signal(name) => write!(f, "signal {name}")?,
            What::Group(name) => write!(f, "group {name}")?,
            What::Event { what, message } => {
                write!(f, "event {what}")?;
                message.map_or(Ok(()), |message| write!(f, " msg={message}"))?;
            }
            What::Gone(End::Exited(status)) => write!(f, "gone: exited {status}")?,
            What::Gone(End::Killed(name)) => write!(f, "gone: killed {name}")?,
            What::Gone(End::Superseded) => write!(f, "gone: superseded")?,
            What::Other(text) => write!(f, "{text}")?,
        }
        if self.regions.is_empty() {
            Ok(())
        } else {
            write!(f, " [{} regions]", self.regions.len())
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} arch={} nr={:x}", self.name.as_deref().unwrap_or("?"), self.arch, self.nr)?;
        self.args.iter().zip(0..).try_for_each(|(arg, i)| write!(f, " arg{i}={arg:x}"))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arg{}", self.arg)?;
        if self.role > 0 {
            write!(f, "@{:x} (role {}, index {})", self.address, self.role, self.index)?;
        }
        write!(f, " {}", short(&self.bytes))?;
        if self.asked != self.bytes.len() as u64 {
            write!(f, " of {}", self.asked)?;
        }
        if self.cut {
            write!(f, " cut")?;
        }
        self.errno.as_deref().map_or(Ok(()), |errno| write!(f, " {errno}"))
    }
}

/// Returns the first bytes, and how many there are.
pub(crate) fn short(bytes: &[u8]) -> String {
    let digits = HEXLOWER.encode(bytes.get(..32).unwrap_or(bytes));
    let more = if bytes.len() > 32 { "..." } else { "" };
    format!("{digits}{more} ({} bytes)", bytes.len())
}
