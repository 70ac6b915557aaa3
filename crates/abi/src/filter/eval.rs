//! Evaluates a filter over what is known: at the entry of a call, at its end, or only by its
//! number.

use std::net::IpAddr;
use std::ops::ControlFlow;

use super::constants;
use super::field::FieldRef;
use super::syntax::{Expr, Function, Operand, Place, Process, Quantifier, Relation};
use crate::arch::Abi;
use crate::desc::{ArgKind, Classes};

/// The answer of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The filter does not match.
    No,
    /// The answer depends on facts that are not known.
    Unknown,
    /// The filter matches.
    Yes,
}

impl Answer {
    /// Returns the answer to a question that has one.
    #[must_use]
    pub const fn from_bool(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    const fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A number: an id, nanoseconds, bytes, an error. A flag is 0 or 1.
    Number(i128),
    /// An argument of a call: as [`argument_value`] makes it.
    Argument(i128, Abi, ArgKind),
    /// A string.
    Text(&'a [u8]),
    /// The beginning of a longer string, whose rest the log does not have.
    Cut(&'a [u8]),
    /// An address of a socket that has one.
    Address(IpAddr),
}

/// Whether a field has all of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Yes: others do not exist.
    Yes,
    /// Not yet, or the log does not have them.
    No,
}

/// What a filter asks.
pub trait Facts {
    /// Calls a function with each value of a field until it breaks.
    fn values(&self, field: &FieldRef, each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>)
    -> Known;

    /// Whether the call has this name. A call that a multiplexer makes has two.
    fn is_called(&self, name: &str) -> Answer;

    /// Whether the call has these classes.
    fn has_classes(&self, classes: Classes) -> Answer;

    /// Whether the task belongs to a process or to a descendant of it.
    fn is_under(&self, process: &Process) -> Answer;

    /// Whether the place is at this event or before it.
    fn has_passed(&self, place: &Place) -> Answer;

    /// Whether the place is before this event.
    fn is_behind(&self, place: &Place) -> Answer;
}

/// Returns an argument as the kernel takes it: the bits that count, with their sign.
#[must_use]
pub fn argument_value(kind: ArgKind, raw: u64) -> i128 {
    let low = u32::try_from(raw & 0xffff_ffff).unwrap_or(0);
    match kind {
        ArgKind::Flags(list) | ArgKind::FlagsMode(list) | ArgKind::Enum(list) => {
            if list.bits == 32 { low.into() } else { raw.into() }
        }
        ArgKind::Int | ArgKind::Fd | ArgKind::DirFd | ArgKind::Pid | ArgKind::Signal => {
            low.cast_signed().into()
        }
        ArgKind::Clock | ArgKind::WaitStatus => low.cast_signed().into(),
        ArgKind::Uint | ArgKind::Uid | ArgKind::Gid | ArgKind::Hex32 | ArgKind::Ioctl => low.into(),
        ArgKind::Mode | ArgKind::FileMode => (low & 0xffff).into(),
        ArgKind::ShortId => (low & 0xffff).into(),
        ArgKind::Long | ArgKind::Off => raw.cast_signed().into(),
        _ => raw.into(),
    }
}

fn constant(abi: Abi, kind: ArgKind, name: &str) -> Option<i128> {
    constants::value(abi, kind, name).map(|value| argument_value(kind, value))
}

impl Expr {
    pub(super) fn answer(&self, facts: &dyn Facts) -> Answer {
        match self {
            Self::Or(parts) => any(parts.iter().map(|part| part.answer(facts))),
            Self::And(parts) => {
                any(parts.iter().map(|part| part.answer(facts).negated())).negated()
            }
            Self::Not(part) => part.answer(facts).negated(),
            Self::All => Answer::Yes,
            Self::Call(name) => facts.is_called(name),
            Self::Class(classes, _) => facts.has_classes(*classes),
            Self::Exists(quantifier, operand) => test(*quantifier, operand, facts, &mut |value| {
                Answer::from_bool(match value {
                    Value::Number(number) | Value::Argument(number, ..) => number != 0,
                    Value::Text(text) => !text.is_empty(),
                    Value::Cut(_) | Value::Address(_) => true,
                })
            }),
            Self::Compare(quantifier, left, relation, right) => {
                test(*quantifier, left, facts, &mut |value| relate(value, *relation, right, facts))
            }
            Self::In(quantifier, left, items) => test(*quantifier, left, facts, &mut |value| {
                any(items.iter().map(|(first, last)| match last {
                    None => relate(value, Relation::Equal, first, facts),
                    Some(last) => {
                        let from = relate(value, Relation::AtLeast, first, facts);
                        let to = relate(value, Relation::AtMost, last, facts);
                        any([from.negated(), to.negated()].into_iter()).negated()
                    }
                }))
            }),
            Self::Matches(quantifier, left, pattern) => {
                test(*quantifier, left, facts, &mut |value| match value {
                    Value::Cut(text) => at_least(pattern.matches_beginning(text)),
                    value => with_text(value, |text| pattern.matches(text)),
                })
            }
            Self::Contains(quantifier, left, bytes) => {
                test(*quantifier, left, facts, &mut |value| match value {
                    Value::Cut(text) => at_least(contains(text, bytes)),
                    value => with_text(value, |text| contains(text, bytes)),
                })
            }
            Self::Under(process) => facts.is_under(process),
            Self::Between(from, to) => {
                let is_behind = facts.is_behind(to);
                any([facts.has_passed(from).negated(), is_behind].into_iter()).negated()
            }
        }
    }
}

/// What the beginning of a string answers, if its rest can only add to it.
fn at_least(fits: bool) -> Answer {
    if fits { Answer::Yes } else { Answer::Unknown }
}

fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    let mut all = Answer::No;
    for answer in answers {
        match answer {
            Answer::Yes => return Answer::Yes,
            Answer::Unknown => all = Answer::Unknown,
            Answer::No => {}
        }
    }
    all
}

/// Whether the values of an operand pass a test: one of them, or all if there are any.
fn test(
    quantifier: Quantifier,
    operand: &Operand,
    facts: &dyn Facts,
    passes: &mut dyn FnMut(Value<'_>) -> Answer,
) -> Answer {
    let (mut some, mut all, mut count) = (Answer::No, Answer::Yes, 0usize);
    let known = values(operand, facts, &mut |value| {
        count += 1;
        let answer = passes(value);
        match answer {
            Answer::Yes => some = Answer::Yes,
            Answer::Unknown if some == Answer::No => some = Answer::Unknown,
            _ => {}
        }
        match answer {
            Answer::No => all = Answer::No,
            Answer::Unknown if all == Answer::Yes => all = Answer::Unknown,
            _ => {}
        }
        let decided = match quantifier {
            Quantifier::Any => some == Answer::Yes,
            Quantifier::All => all == Answer::No,
        };
        if decided { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let answer = match quantifier {
        Quantifier::Any => some,
        Quantifier::All if count == 0 => Answer::No,
        Quantifier::All => all,
    };
    match (known, quantifier, answer) {
        (Known::Yes, _, answer) | (Known::No, Quantifier::Any, answer @ Answer::Yes) => answer,
        (Known::No, Quantifier::All, Answer::No) if count > 0 => Answer::No,
        (Known::No, ..) => Answer::Unknown,
    }
}

/// Calls a function with each value of an operand that has a field.
fn values(
    operand: &Operand,
    facts: &dyn Facts,
    each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
) -> Known {
    match operand {
        Operand::Field(field) => facts.values(field, each),
        Operand::Function(function, of) => {
            let mut is_cut = false;
            let known = values(of, facts, &mut |value| match value {
                Value::Text(text) => apply(*function, text, each),
                Value::Cut(text) if *function == Function::Lower => {
                    each(Value::Cut(&text.to_ascii_lowercase()))
                }
                value => {
                    is_cut |= matches!(value, Value::Cut(_));
                    ControlFlow::Continue(())
                }
            });
            if is_cut { Known::No } else { known }
        }
        Operand::Mask(left, right) => values(left, facts, &mut |value| {
            let mask = match number_of(right, Some(value), facts) {
                Some(mask) => mask,
                None => return ControlFlow::Continue(()),
            };
            match value {
                Value::Number(number) => each(Value::Number(number & mask)),
                Value::Argument(number, abi, kind) => {
                    each(Value::Argument(number & mask, abi, kind))
                }
                Value::Text(_) | Value::Cut(_) | Value::Address(_) => ControlFlow::Continue(()),
            }
        }),
        Operand::Number(number, _) | Operand::Constant(_, number) => {
            let _ = each(Value::Number(*number));
            Known::Yes
        }
        Operand::Text(text) => {
            let _ = each(Value::Text(text));
            Known::Yes
        }
        Operand::Address(address, _) => {
            let _ = each(Value::Address(*address));
            Known::Yes
        }
        Operand::Name(name) => {
            let _ = each(Value::Text(name.as_bytes()));
            Known::Yes
        }
    }
}

/// Returns an operand as a number beside a value, whose kind tells what its constants mean.
fn number_of(operand: &Operand, beside: Option<Value<'_>>, facts: &dyn Facts) -> Option<i128> {
    match (operand, beside) {
        (Operand::Number(number, _) | Operand::Constant(_, number), _) => Some(*number),
        (Operand::Name(name), Some(Value::Argument(_, abi, kind))) => constant(abi, kind, name),
        (Operand::Field(_) | Operand::Mask(..) | Operand::Function(..), _) => {
            let mut found = None;
            let _ = values(operand, facts, &mut |value| {
                found = number(&value);
                ControlFlow::Break(())
            });
            found
        }
        _ => None,
    }
}

fn number(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Number(number) | Value::Argument(number, ..) => Some(*number),
        Value::Text(_) | Value::Cut(_) | Value::Address(_) => None,
    }
}

fn text_of<'a>(value: &Value<'a>) -> Option<&'a [u8]> {
    match value {
        Value::Text(text) => Some(text),
        Value::Number(_) | Value::Argument(..) | Value::Cut(_) | Value::Address(_) => None,
    }
}

/// Whether a value is in relation to an operand.
fn relate(value: Value<'_>, relation: Relation, right: &Operand, facts: &dyn Facts) -> Answer {
    if let Value::Cut(text) = value {
        // The whole string is longer.
        let may_equal = |wanted: &[u8]| wanted.len() > text.len() && wanted.starts_with(text);
        let may_fit = match right {
            Operand::Text(wanted) => may_equal(wanted),
            Operand::Name(name) => may_equal(name.as_bytes()),
            Operand::Field(_) | Operand::Function(..) => true,
            _ => false,
        };
        return if may_fit { Answer::Unknown } else { Answer::No };
    }
    match right {
        Operand::Number(number, _) | Operand::Constant(_, number) => {
            let order = self::number(&value).map(|value| value.cmp(number));
            Answer::from_bool(order.is_some_and(|order| relation.holds(order)))
        }
        Operand::Name(name) => Answer::from_bool(match value {
            Value::Argument(number, abi, kind) => constant(abi, kind, name)
                .is_some_and(|constant| relation.holds(number.cmp(&constant))),
            Value::Text(text) => text == name.as_bytes(),
            Value::Number(_) | Value::Cut(_) | Value::Address(_) => false,
        }),
        Operand::Text(wanted) => {
            Answer::from_bool(text_of(&value).is_some_and(|text| text == wanted))
        }
        Operand::Address(network, bits) => Answer::from_bool(
            matches!(value, Value::Address(address) if is_within(address, *network, *bits)),
        ),
        Operand::Field(_) | Operand::Function(..) | Operand::Mask(..) => {
            test(Quantifier::Any, right, facts, &mut |right| {
                let order = match (number(&value), number(&right)) {
                    (Some(left), Some(right)) => Some(left.cmp(&right)),
                    _ => match (value, right) {
                        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
                        (Value::Address(left), Value::Address(right)) => Some(left.cmp(&right)),
                        (_, Value::Cut(_)) => return Answer::Unknown,
                        _ => None,
                    },
                };
                Answer::from_bool(order.is_some_and(|order| relation.holds(order)))
            })
        }
    }
}

/// Whether an address is in a network. `::ffff:a.b.c.d` is the IPv4 address a.b.c.d.
fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |left: u128, right: u128, width: u32| {
        let host = width.saturating_sub(bits.into());
        left.checked_shr(host).unwrap_or(0) == right.checked_shr(host).unwrap_or(0)
    };
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            same(address.to_bits().into(), network.to_bits().into(), 32)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            same(address.to_bits(), network.to_bits(), 128)
        }
        _ => address == network && bits == 128,
    }
}

fn with_text(value: Value<'_>, passes: impl FnOnce(&[u8]) -> bool) -> Answer {
    Answer::from_bool(match value {
        Value::Text(text) => passes(text),
        Value::Address(address) => passes(address.to_string().as_bytes()),
        Value::Number(_) | Value::Argument(..) | Value::Cut(_) => false,
    })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn apply(
    function: Function,
    text: &[u8],
    each: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let slash = text.iter().rposition(|c| *c == b'/');
    let base = slash.map_or(text, |at| text.get(at + 1..).unwrap_or_default());
    match function {
        Function::Len => each(Value::Number(i128::try_from(text.len()).unwrap_or(i128::MAX))),
        Function::Base => each(Value::Text(base)),
        Function::Dir => each(Value::Text(match slash {
            Some(0) => b"/",
            Some(at) => text.get(..at).unwrap_or_default(),
            None => b"",
        })),
        Function::Ext => each(Value::Text(match base.iter().rposition(|c| *c == b'.') {
            None | Some(0) => b"",
            Some(at) => base.get(at + 1..).unwrap_or_default(),
        })),
        Function::Lower => each(Value::Text(&text.to_ascii_lowercase())),
    }
}
