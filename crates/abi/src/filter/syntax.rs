//! The syntax tree of a filter, and its canonical text.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use super::field::{FieldRef, Stage};
use super::pattern::Pattern;
use super::quote::write_text;
use super::token::Unit;
use crate::desc::Classes;

/// A filter or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Or(Vec<Expr>),
    And(Vec<Expr>),
    Not(Box<Expr>),
    /// Every call; only in lists.
    All,
    /// A call by name.
    Call(String),
    /// A class of calls.
    Class(Classes, String),
    /// A value exists and is not 0 or empty.
    Exists(Quantifier, Operand),
    /// The relation is `==`, `<` or `<=`: the others are negations of these.
    Compare(Quantifier, Operand, Relation, Operand),
    In(Quantifier, Operand, Vec<(Operand, Option<Operand>)>),
    Matches(Quantifier, Operand, Pattern),
    Contains(Quantifier, Operand, Vec<u8>),
    Under(Process),
    Between(Place, Place),
}

/// Which values of a field must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Relation {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// Returns the relation with its sides exchanged.
    pub(super) const fn flipped(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }

    pub(super) const fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// A value of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Number(i128, Unit),
    Text(Vec<u8>),
    /// A constant with a value that does not depend on the call: an error, a signal.
    Constant(String, i128),
    /// A constant whose value depends on what it is compared with.
    Name(String),
    Address(IpAddr, u8),
    Field(FieldRef),
    Function(Function, Box<Operand>),
    /// The bits that both have.
    Mask(Box<Operand>, Box<Operand>),
}

/// A function of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// The number of bytes of a string.
    Len,
    /// The last component of a path.
    Base,
    /// The directory of a path: all but its last component.
    Dir,
    /// The extension of a path: what follows the last dot of its last component.
    Ext,
    /// ASCII letters in lower case.
    Lower,
}

impl Function {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("len", Self::Len),
        ("base", Self::Base),
        ("dir", Self::Dir),
        ("ext", Self::Ext),
        ("lower", Self::Lower),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

/// A process that `under` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Process {
    /// By its pid.
    Pid(u32),
    /// By a pattern for the path of its program or the last part of it.
    Program(Pattern),
}

/// A place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The event with this number.
    Event(u64),
    /// This many nanoseconds after the first event.
    Time(u64),
    /// A mark of the program.
    Mark(Vec<u8>),
}

impl Operand {
    /// Calls a function for each field in it.
    pub(super) fn fields<'e>(&'e self, each: &mut dyn FnMut(&'e FieldRef)) {
        match self {
            Self::Field(field) => each(field),
            Self::Function(_, of) => of.fields(each),
            Self::Mask(left, right) => {
                left.fields(each);
                right.fields(each);
            }
            Self::Number(..)
            | Self::Text(_)
            | Self::Constant(..)
            | Self::Name(_)
            | Self::Address(..) => {}
        }
    }
}

impl Expr {
    /// Calls a function for each field in it.
    pub(super) fn fields<'e>(&'e self, each: &mut dyn FnMut(&'e FieldRef)) {
        match self {
            Self::Or(parts) | Self::And(parts) => {
                parts.iter().for_each(|part| part.fields(each));
            }
            Self::Not(part) => part.fields(each),
            Self::Exists(_, operand) | Self::Matches(_, operand, _) => operand.fields(each),
            Self::Contains(_, operand, _) => operand.fields(each),
            Self::Compare(_, left, _, right) => {
                left.fields(each);
                right.fields(each);
            }
            Self::In(_, operand, items) => {
                operand.fields(each);
                for (first, last) in items {
                    first.fields(each);
                    last.iter().for_each(|last| last.fields(each));
                }
            }
            Self::All | Self::Call(_) | Self::Class(..) | Self::Under(_) | Self::Between(..) => {}
        }
    }

    /// Returns what must be known to evaluate it, which is also its cost.
    pub(super) fn stage(&self) -> Stage {
        let mut stage = if self.has_under() { Stage::State } else { Stage::Entry };
        self.fields(&mut |field| stage = stage.max(field.field.stage()));
        stage
    }

    /// Whether any part of it is `under`.
    pub(super) fn has_under(&self) -> bool {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().any(Self::has_under),
            Self::Not(part) => part.has_under(),
            Self::Under(_) => true,
            _ => false,
        }
    }

    /// Returns it with the cheap parts of each `and` and `or` first.
    pub(super) fn by_cost(self) -> Self {
        let sorted = |parts: Vec<Self>| {
            let mut parts: Vec<Self> = parts.into_iter().map(Self::by_cost).collect();
            parts.sort_by_cached_key(Self::stage);
            parts
        };
        match self {
            Self::Or(parts) => Self::Or(sorted(parts)),
            Self::And(parts) => Self::And(sorted(parts)),
            Self::Not(part) => Self::Not(Box::new(part.by_cost())),
            other => other,
        }
    }

    /// Writes a part of an `and`, an `or` or a negation.
    fn part(&self, f: &mut fmt::Formatter<'_>, in_and: bool) -> fmt::Result {
        match self {
            Self::Or(_) => write!(f, "({self})"),
            Self::And(_) if in_and => write!(f, "({self})"),
            _ => write!(f, "{self}"),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str, in_and| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    f.write_str(word)?;
                }
                part.part(f, in_and)?;
            }
            Ok(())
        };
        match self {
            Self::Or(parts) => joined(f, parts, " or ", false),
            Self::And(parts) => joined(f, parts, " and ", true),
            Self::Not(part) => match &**part {
                Self::Compare(quantifier, left, Relation::Equal, right) => {
                    write!(f, "{quantifier}{left} != {right}")
                }
                Self::Matches(quantifier, left, pattern) => {
                    write!(f, "{quantifier}{left} !~ {pattern}")
                }
                Self::In(quantifier, left, items) => {
                    write!(f, "{quantifier}{left} not in ")?;
                    write_items(f, items)
                }
                Self::Contains(quantifier, left, bytes) => {
                    write!(f, "{quantifier}{left} not contains ")?;
                    write_text(f, bytes)
                }
                part => {
                    f.write_str("not ")?;
                    part.part(f, true)
                }
            },
            Self::All => f.write_str("all"),
            Self::Call(name) => f.write_str(name),
            Self::Class(_, name) => write!(f, "%{name}"),
            Self::Exists(quantifier, operand) => write!(f, "{quantifier}{operand}"),
            Self::Compare(quantifier, left, relation, right) => {
                write!(f, "{quantifier}{left} {} {right}", relation.sign())
            }
            Self::In(quantifier, left, items) => {
                write!(f, "{quantifier}{left} in ")?;
                write_items(f, items)
            }
            Self::Matches(quantifier, left, pattern) => {
                write!(f, "{quantifier}{left} ~ {pattern}")
            }
            Self::Contains(quantifier, left, bytes) => {
                write!(f, "{quantifier}{left} contains ")?;
                write_text(f, bytes)
            }
            Self::Under(Process::Pid(pid)) => write!(f, "under {pid}"),
            Self::Under(Process::Program(pattern)) => write!(f, "under {pattern}"),
            Self::Between(from, to) => write!(f, "between {from} {to}"),
        }
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, items: &[(Operand, Option<Operand>)]) -> fmt::Result {
    f.write_char('{')?;
    for (at, (first, last)) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{first}")?;
        if let Some(last) = last {
            write!(f, "..{last}")?;
        }
    }
    f.write_char('}')
}

impl fmt::Display for Quantifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "",
            Self::All => "all ",
        })
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value, unit) => write_number(f, *value, *unit),
            Self::Text(bytes) => write_text(f, bytes),
            Self::Constant(name, _) | Self::Name(name) => f.write_str(name),
            Self::Address(address, bits) => {
                match address {
                    IpAddr::V4(address) => write!(f, "{address}")?,
                    IpAddr::V6(address) => write!(f, "[{address}]")?,
                }
                let most = if address.is_ipv4() { 32 } else { 128 };
                if *bits < most { write!(f, "/{bits}") } else { Ok(()) }
            }
            Self::Field(field) => write!(f, "{field}"),
            Self::Function(function, of) => write!(f, "{}({of})", function.name()),
            Self::Mask(left, right) => write!(f, "{left} & {right}"),
        }
    }
}

/// Writes a number in the largest unit that divides it.
fn write_number(f: &mut fmt::Formatter<'_>, value: i128, unit: Unit) -> fmt::Result {
    let units: &[(i128, &str)] = match unit {
        Unit::None => &[],
        Unit::Time => &[(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")],
        Unit::Bytes => &[(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"), (1, "B")],
    };
    match units.iter().find(|(factor, _)| value % factor == 0) {
        Some((factor, name)) => write!(f, "{}{name}", value / factor),
        None => write!(f, "{value}"),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(number) => write!(f, "{number}"),
            Self::Time(nanos) => {
                f.write_char('+')?;
                write_number(f, (*nanos).into(), Unit::Time)
            }
            Self::Mark(name) => write_text(f, name),
        }
    }
}
