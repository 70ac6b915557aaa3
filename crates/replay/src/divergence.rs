//! The first difference between a replay and its recording.

use crate::backtrace::Frame;
use serde::Serialize;
use std::fmt;
use sysreel_format::syscall_info::{Info, What};

/// What was different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The task stopped for another reason, or ended.
    Stop,
    /// Entry or exit.
    Op,
    /// The architecture of the call.
    Arch,
    /// The instruction that made it.
    InstructionPointer,
    /// The stack pointer.
    StackPointer,
    /// The number of the call.
    Number,
    /// An argument.
    Argument(u8),
    /// What an argument points to.
    Buffer {
        /// Which argument.
        argument: u8,
        /// Where in it the first difference is.
        offset: u64,
    },
    /// A general register, by its name.
    Register(&'static str),
    /// A register of the x87, SSE or AVX units, or one that came later.
    ExtendedRegisters,
    /// A page of memory, by its address.
    Memory(u64),
    /// The signal's own account of why it came.
    SignalInfo,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Stop => f.write_str("the stop itself"),
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

/// Where and how a replay differs from its recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// The number of the event in the log.
    pub event: u64,
    /// The task, as the log numbers them.
    pub task: u32,
    /// What was different.
    pub field: Field,
    /// What was recorded.
    pub recorded: String,
    /// What was found.
    pub actual: String,
    /// The instruction pointer of the task.
    pub ip: u64,
    /// Where the task stands, the innermost call first.
    pub backtrace: Vec<Frame>,
    /// What may be behind it.
    pub likely: Vec<&'static str>,
}

impl Divergence {
    /// What a difference of this kind usually comes from.
    pub(crate) fn likely(field: Field) -> Vec<&'static str> {
        let mut causes = match field {
            Field::Register(_) | Field::ExtendedRegisters | Field::Memory(_) => vec![
                "an answer of a call was another one, some calls before, and no call has shown it",
                "the program computed something else: by the CPU's own random numbers (rdrand), or \
                 by its features",
            ],
            Field::Buffer { .. } => {
                vec!["bytes that the program never set, or that differ with the machine"]
            }
            Field::Stop | Field::SignalInfo => {
                vec!["memory that another program has written to during the recording"]
            }
            _ => vec![
                "the program chose another way: by the CPU's own random numbers (rdrand), or by \
                 its features",
            ],
        };
        causes.push("the log was changed since it was recorded");
        causes.push("a defect of sysreel: a call whose written memory its table does not know");
        causes
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

/// The fields of an entry, in the order in which they are compared.
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
