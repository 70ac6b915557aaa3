//! What fits together in a test: types, names and their nearest misses.

use std::ops::Range;

use super::constants::{constants, errno_names, errno_number, is_constant, signal_names};
use super::error::FilterError;
use super::field::{Field, FieldKind};
use super::similar::most_similar;
use super::syntax::{Expr, Function, Operand, Quantifier, Relation};
use super::token::Unit;
use crate::arch::Abi;
use crate::desc::Classes;
use crate::{number, signal};

/// Returns the kind of a value; `None` for a literal.
pub(super) fn kind(operand: &Operand) -> Option<FieldKind> {
    Some(match operand {
        Operand::Field(field) => field.field.kind(),
        Operand::Function(Function::Len, _) => FieldKind::Size,
        Operand::Function(..) => FieldKind::Text,
        Operand::Mask(left, _) => kind(left)?,
        _ => return None,
    })
}

pub(super) fn class(text: &str, span: Range<usize>, name: &str) -> Result<Expr, FilterError> {
    match Classes::from_name(name) {
        Some(class) => Ok(Expr::Class(class, name.to_owned())),
        None => {
            let known = Classes::ALL.map(|(name, _)| format!("%{name}"));
            Err(FilterError::new(text, span.start - 1..span.end, "unknown class")
                .help(format!("use one of {}", known.join(" "))))
        }
    }
}

/// Whether any ABI has a call of this name.
pub(super) fn is_call(name: &str) -> bool {
    Abi::ALL.iter().any(|&abi| number::number(abi, name).is_some())
        || number::all_rows().any(|(_, row)| row.name == name)
}

fn unknown_call(text: &str, span: Range<usize>, name: &str) -> FilterError {
    FilterError::new(text, span, "unknown system call").maybe_help(suggest(most_similar(name)))
}

fn suggest(name: Option<String>) -> Option<String> {
    name.map(|name| format!("did you mean `{name}`?"))
}

/// Interprets a word that begins a test and is not a field.
pub(super) fn bare_name(
    text: &str,
    span: Range<usize>,
    name: &str,
    is_compared: bool,
    keywords: &[&str],
) -> Result<Expr, FilterError> {
    if is_compared {
        return Err(unknown_field(text, span, name));
    }
    if is_call(name) {
        return Ok(Expr::Call(name.to_owned()));
    }
    if keywords.contains(&name) {
        return Err(FilterError::new(text, span, "expected a test before this word"));
    }
    let fields = Field::ALL.iter().map(|field| field.name().to_owned());
    let nearest = nearest(name, fields.chain(most_similar(name)));
    Err(FilterError::new(text, span, "neither a field nor a system call")
        .maybe_help(suggest(nearest)))
}

pub(super) fn unknown_field(text: &str, span: Range<usize>, name: &str) -> FilterError {
    if is_call(name) {
        return FilterError::new(text, span, "a system call has no value")
            .help(format!("write `{name}` alone, or call == {name}"));
    }
    let fields = Field::ALL.iter().map(|field| field.name().to_owned());
    FilterError::new(text, span, "unknown field").maybe_help(suggest(nearest(name, fields)))
}

/// Checks that some call has an argument of this name.
pub(super) fn argument(text: &str, span: Range<usize>, name: &str) -> Result<(), FilterError> {
    let names = || number::all_rows().flat_map(|(_, row)| row.args).map(|arg| arg.name);
    if names().any(|known| known == name) {
        return Ok(());
    }
    Err(FilterError::new(text, span, "no system call has an argument of this name").maybe_help(
        suggest(nearest(name, names().map(str::to_owned)).map(|name| format!("args.{name}"))),
    ))
}

/// Returns the name that is most similar to a word.
fn nearest(word: &str, names: impl Iterator<Item = String>) -> Option<String> {
    const MIN_SIMILARITY: f64 = 0.8;
    names
        .map(|name| (strsim::jaro_winkler(&name, word), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// Interprets a word as a value, by what it is compared with. `None`: it is a field.
pub(super) fn word(
    text: &str,
    span: Range<usize>,
    word: &str,
    expected: Option<FieldKind>,
) -> Result<Option<Operand>, FilterError> {
    Ok(match expected {
        Some(FieldKind::Call) if is_call(word) => Some(Operand::Name(word.to_owned())),
        Some(FieldKind::Call) => return Err(unknown_call(text, span, word)),
        Some(FieldKind::Word(words)) => {
            let known = words.all();
            if !known.contains(&word) {
                return Err(FilterError::new(text, span, "unknown word")
                    .help(format!("use one of {}", known.join(" "))));
            }
            Some(Operand::Name(word.to_owned()))
        }
        Some(FieldKind::Errno) if is_constant(word) => match errno_number(word) {
            Some(number) => Some(Operand::Constant(word.to_owned(), number)),
            None => return Err(unknown_constant(text, span, word, errno_names())),
        },
        Some(FieldKind::Signal) if is_constant(word) => match signal::signal_number(word) {
            Some(number) => Some(Operand::Constant(word.to_owned(), number.into())),
            None => return Err(unknown_constant(text, span, word, signal_names())),
        },
        Some(FieldKind::Argument) if is_constant(word) => {
            let is_known = constants().any(|name| name == word);
            if !is_known && signal::signal_number(word).is_none() {
                return Err(unknown_constant(text, span, word, constants().chain(signal_names())));
            }
            Some(Operand::Name(word.to_owned()))
        }
        _ if is_constant(word) => {
            return Err(FilterError::new(text, span, "this constant has no meaning here")
                .help("constants are compared with errno, signal or an argument: args.flags"));
        }
        Some(FieldKind::Text) if Field::from_name(word).is_none() && word != "args" => {
            return Err(FilterError::new(text, span, "a string is quoted")
                .help(format!("write \"{word}\"")));
        }
        _ => None,
    })
}

fn unknown_constant<'n>(
    text: &str,
    span: Range<usize>,
    word: &str,
    names: impl Iterator<Item = &'n str>,
) -> FilterError {
    FilterError::new(text, span, "unknown constant")
        .maybe_help(suggest(nearest(word, names.map(str::to_owned))))
}

/// Checks a comparison, and puts a field to the left.
pub(super) fn compare(
    text: &str,
    quantifier: Quantifier,
    sides: [(Operand, Range<usize>); 2],
    relation: Relation,
) -> Result<Expr, FilterError> {
    let [(left, left_span), (right, right_span)] = sides;
    match (kind(&left), kind(&right)) {
        (None, None) => Err(FilterError::new(
            text,
            left_span.start..right_span.end,
            "one side of a comparison is a field",
        )),
        (None, Some(kind)) => {
            literal(text, &left_span, kind, &left, relation)?;
            Ok(Expr::Compare(quantifier, right, relation.flipped(), left))
        }
        (Some(kind), None) => {
            literal(text, &right_span, kind, &right, relation)?;
            Ok(Expr::Compare(quantifier, left, relation, right))
        }
        (Some(one), Some(other)) => {
            if !are_comparable(one, other) || is_text(one) && relation != Relation::Equal {
                return Err(FilterError::new(
                    text,
                    left_span.start..right_span.end,
                    "these fields cannot be compared",
                ));
            }
            Ok(Expr::Compare(quantifier, left, relation, right))
        }
    }
}

fn is_text(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Text)
}

fn is_number(kind: FieldKind) -> bool {
    use FieldKind::{Argument, Errno, Number, Signal, Size, Time};
    matches!(kind, Number | Size | Time | Errno | Signal | Argument)
}

fn are_comparable(one: FieldKind, other: FieldKind) -> bool {
    let time = |kind| kind == FieldKind::Time;
    match (one, other) {
        (FieldKind::Argument, FieldKind::Text) | (FieldKind::Text, FieldKind::Argument) => true,
        (one, other) if is_number(one) && is_number(other) => time(one) == time(other),
        (one, other) => is_text(one) && is_text(other) || one == other,
    }
}

/// Checks a literal against the field that it is compared with.
fn literal(
    text: &str,
    span: &Range<usize>,
    kind: FieldKind,
    literal: &Operand,
    relation: Relation,
) -> Result<(), FilterError> {
    let error = |why: &str| FilterError::new(text, span.clone(), why);
    let has_order = is_number(kind);
    match (kind, literal) {
        (FieldKind::Flag, _) => {
            Err(error("this field is true or false")
                .help("write it alone, or with `not` before it"))
        }
        (FieldKind::Time, Operand::Number(value, Unit::None)) if *value != 0 => {
            Err(error("a time has a unit").help(format!("write {value}ms or {value}s")))
        }
        (FieldKind::Time, Operand::Number(_, Unit::Bytes)) => Err(error("not a unit of time")),
        (
            FieldKind::Number | FieldKind::Size | FieldKind::Argument,
            Operand::Number(_, Unit::Time),
        )
        | (FieldKind::Errno | FieldKind::Signal, Operand::Number(_, Unit::Time | Unit::Bytes)) => {
            Err(error("this unit does not fit the field"))
        }
        (kind, Operand::Number(..)) if is_number(kind) => Ok(()),
        (kind, Operand::Constant(..)) if is_number(kind) => Ok(()),
        (FieldKind::Argument | FieldKind::Call | FieldKind::Word(_), Operand::Name(_))
        | (FieldKind::Text | FieldKind::Argument, Operand::Text(_))
        | (FieldKind::Address, Operand::Text(_) | Operand::Address(..)) => {
            let is_string = !matches!((kind, literal), (FieldKind::Argument, Operand::Name(_)));
            if is_string && relation != Relation::Equal {
                return Err(error("strings have no order").help("compare by == or ~"));
            }
            Ok(())
        }
        (FieldKind::Text, _) => Err(error("compared with a string, which is quoted")),
        (FieldKind::Call | FieldKind::Word(_), Operand::Text(_)) => {
            Err(error("a name, without quotes").help("with quotes it is a pattern, after ~"))
        }
        (FieldKind::Address, _) => {
            Err(error("compared with an address: 10.0.0.0/8, [::1], \"/run/socket\""))
        }
        _ if has_order => Err(error("compared with a number")),
        _ => Err(error("this does not fit the field")),
    }
}

/// Checks `left & right`.
pub(super) fn mask(
    text: &str,
    span: Range<usize>,
    left: Operand,
    right: Operand,
) -> Result<Operand, FilterError> {
    let fits = |operand: &Operand| match operand {
        Operand::Number(_, Unit::None) | Operand::Name(_) | Operand::Constant(..) => true,
        operand => kind(operand).is_some_and(|kind| {
            matches!(kind, FieldKind::Number | FieldKind::Argument | FieldKind::Size)
        }),
    };
    if kind(&left).is_none() || !fits(&left) || !fits(&right) {
        return Err(FilterError::new(text, span, "`&` masks a number by constants")
            .help("write args.flags & O_CREAT; tests are joined by `and`"));
    }
    Ok(Operand::Mask(Box::new(left), Box::new(right)))
}

/// Checks that a value has text that a pattern can match.
pub(super) fn has_text(
    text: &str,
    span: &Range<usize>,
    operand: &Operand,
) -> Result<(), FilterError> {
    use FieldKind::{Address, Argument, Call, Text, Word};
    match kind(operand) {
        Some(Text | Argument | Call | Word(_) | Address) => Ok(()),
        _ => Err(FilterError::new(text, span.clone(), "this has no text")
            .help("numbers are compared by ==, <, > or in {..}")),
    }
}

/// Checks that a value can stand alone.
pub(super) fn exists(
    text: &str,
    span: &Range<usize>,
    operand: &Operand,
) -> Result<(), FilterError> {
    if kind(operand).is_none() {
        return Err(FilterError::new(text, span.clone(), "expected a test, this is only a value"));
    }
    if let Operand::Field(field) = operand {
        let name = field.field.name();
        if is_call(name) {
            return Err(FilterError::new(text, span.clone(), "both a field and a system call")
                .help(format!("write call == {name}, or compare the field")));
        }
    }
    Ok(())
}
