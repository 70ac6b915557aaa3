//! The first difference between a replay and its recording.

use crate::backtrace::Frame;
use serde::Serialize;
use std::fmt;

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

/// Where the fields of the struct lie, and what they are (ptrace(2), PTRACE_GET_SYSCALL_INFO).
const FIELDS: [(usize, usize, Field); 11] = [
    (0, 1, Field::Op),
    (4, 4, Field::Arch),
    (24, 8, Field::Number),
    (8, 8, Field::InstructionPointer),
    (16, 8, Field::StackPointer),
    (32, 8, Field::Argument(0)),
    (40, 8, Field::Argument(1)),
    (48, 8, Field::Argument(2)),
    (56, 8, Field::Argument(3)),
    (64, 8, Field::Argument(4)),
    (72, 8, Field::Argument(5)),
];

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

/// The first field in which two entries of calls differ, and what it is in each: their structs as
/// the kernel wrote them.
#[must_use]
pub fn first_difference(recorded: &[u8], actual: &[u8]) -> Option<(Field, String, String)> {
    FIELDS.into_iter().find_map(|(at, len, field)| {
        let part = |bytes: &[u8]| bytes.get(at..at + len).map(<[u8]>::to_vec).unwrap_or_default();
        let (recorded, actual) = (part(recorded), part(actual));
        (recorded != actual).then(|| (field, number(&recorded), number(&actual)))
    })
}

fn number(bytes: &[u8]) -> String {
    format!("{:#x}", bytes.iter().rev().fold(0u64, |number, &byte| number << 8 | u64::from(byte)))
}
