//! The first difference between a replay and its recording.

use crate::frame::Frame;
use serde::Serialize;
use std::fmt;
use sysreel_format::syscall_info::{Info, What};

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The task stopped for another reason, or ended.
    Stop,
    /// The kind of syscall stop: entry or exit.
    Op,
    /// The architecture of the call.
    Arch,
    /// The instruction pointer.
    InstructionPointer,
    /// The stack pointer.
    StackPointer,
    /// The number of the call.
    Number,
    /// An argument.
    Argument(u8),
    /// The memory that an argument points to.
    Buffer {
        /// Which argument.
        argument: u8,
        /// The offset of the first different byte.
        offset: u64,
    },
    /// A general register, by its name.
    Register(&'static str),
    /// A register of the x87, SSE or AVX units, or of a later XSAVE component.
    ExtendedRegisters,
    /// A page of memory, by its address.
    Memory(u64),
    /// The siginfo of a signal.
    SignalInfo,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Stop => f.write_str("kind of stop"),
            Field::Op => f.write_str("kind of syscall stop"),
            Field::Arch => f.write_str("architecture"),
            Field::InstructionPointer => f.write_str("instruction pointer"),
            Field::StackPointer => f.write_str("stack pointer"),
            Field::Number => f.write_str("number of the call"),
            Field::Argument(argument) => write!(f, "argument {argument}"),
            Field::Buffer { argument, offset } => {
                write!(f, "buffer of argument {argument}, at byte {offset}")
            }
            Field::Register(name) => write!(f, "register {name}"),
            Field::ExtendedRegisters => f.write_str("extended registers (x87, SSE, AVX)"),
            Field::Memory(page) => write!(f, "memory, in the page at {page:#x}"),
            Field::SignalInfo => f.write_str("siginfo"),
        }
    }
}

/// The first difference between a replay and its recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// The number of the event in the log.
    pub event: u64,
    /// The task, by its ordinal in the log.
    pub task: u32,
    /// What differs.
    pub field: Field,
    /// The recorded value, for people.
    pub recorded: String,
    /// The value in the replay, for people.
    pub actual: String,
    /// The instruction pointer of the task.
    pub ip: u64,
    /// The frames of the task, innermost first.
    pub backtrace: Vec<Frame>,
    /// Likely causes, for people.
    pub likely: Vec<String>,
}

impl Divergence {
    /// Returns the usual causes of a difference in `field`.
    pub(crate) fn likely(field: Field) -> Vec<String> {
        let mut causes = match field {
            Field::Register(_) | Field::ExtendedRegisters | Field::Memory(_) => vec![
                "the program computed something else: it uses random numbers of the CPU (rdrand, \
                 rdseed) or depends on CPU features",
                "an earlier call returned something else, and no call in between shows it",
            ],
            Field::Buffer { .. } => vec![
                "random numbers of the CPU (rdrand, rdseed), which the log does not have",
                "bytes that the program never initialised, or that depend on the machine",
            ],
            Field::Stop | Field::SignalInfo => vec![
                "a call through the vsyscall page, which makes no stop",
                "another program wrote to shared memory during the recording",
                "a thread looked at memory that a call of another thread was about to write",
            ],
            _ => vec![
                "the program took another path: it uses random numbers of the CPU (rdrand, rdseed) \
                 or depends on CPU features",
                "a thread looked at memory that a call of another thread was about to write",
            ],
        };
        causes.push("the log was modified after it was recorded");
        causes.push("a bug in sysreel: its table misses memory that a call writes");
        causes.into_iter().map(str::to_owned).collect()
    }
}

/// Returns the first field in which the structs of two entries differ, and its value in each.
#[must_use]
pub fn first_difference(recorded: &Info, actual: &Info) -> Option<(Field, String, String)> {
    fields(recorded).into_iter().zip(fields(actual)).find_map(|((field, recorded), (_, actual))| {
        let shown = |value: Option<u64>| format!("{:#x}", value.unwrap_or(0));
        (recorded != actual).then(|| (field, shown(recorded), shown(actual)))
    })
}

/// Returns the fields of an entry, in the order in which they are compared.
fn fields(info: &Info) -> [(Field, Option<u64>); 11] {
    let call = match info.what {
        What::Entry(call) => Some(call),
        _ => None,
    };
    let arg = |i: u8| (Field::Argument(i), call.map(|call| call.args[usize::from(i)]));
    [
        (Field::Op, info.op.map(|op| op.0.into())),
        (Field::Arch, info.arch.map(u64::from)),
        (Field::Number, call.map(|call| call.nr)),
        (Field::InstructionPointer, info.ip),
        (Field::StackPointer, info.sp),
        arg(0),
        arg(1),
        arg(2),
        arg(3),
        arg(4),
        arg(5),
    ]
}

/// Renders the first 32 bytes of a buffer.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    let shown: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    format!("{}{more}", shown.join(" "))
}
