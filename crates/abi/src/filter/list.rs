//! Lists of calls, in the syntax of strace's `-e trace=`:
//!
//! ```text
//! FILTER = ["!"] ITEM ("," ITEM)*      with "!": all calls but these
//! ITEM   = NAME | "%" CLASS | "all"    without the first "!" also "!NAME", "!%CLASS": remove
//! ```
//!
//! [`parse_strace`] takes all that strace takes there: also numbers, `none`, `/REGEX`, classes
//! without `%`, `?` before a name that may be unknown, and `@64`, `@32` or `@x32` after an item.

use std::ops::Range;

use super::check;
use super::error::FilterError;
use super::field::{Field, FieldRef};
use super::pattern::Pattern;
use super::similar::most_similar;
use super::strace_class;
use super::syntax::{Expr, Operand, Quantifier, Relation};
use super::token::Unit;
use crate::arch::Abi;
use crate::desc::Classes;

/// What may follow an item: strace's designators of an ABI.
const ABIS: [(&str, Abi); 3] = [("@64", Abi::X86_64), ("@32", Abi::I386), ("@x32", Abi::X32)];

/// Classes of strace that are patterns of names (strace(1)).
const PATTERNS: [(&str, &str); 8] = [
    ("stat", "^(old)?stat(64)?$"),
    ("lstat", "^(old)?lstat(64)?$"),
    ("fstat", "^((old)?fstat(64)?|(new)?fstatat(64)?)$"),
    ("%stat", "^((old)?[lf]?stat(64)?|(new)?fstatat(64)?|statx)$"),
    ("statfs", "^statfs(64)?$"),
    ("fstatfs", "^fstatfs(64)?$"),
    ("%statfs", "^(f?statfs(64)?|ustat)$"),
    ("pure", "^(get(e?[ug]id(32)?|pgrp|pid|ppid|tid)|get_thread_area)$"),
];

/// Whether a text is a list, and not an expression.
pub(super) fn is_list(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '%' | '!' | ',');
    if !text.chars().all(is_part) || text.contains("!=") {
        return false;
    }
    // A name alone may be a field: `failed`. `time` is both, and means the call, as it did before
    // there were fields.
    let name = text.trim_start_matches('!');
    name.contains([',', '%']) || name.is_empty() || name == "all" || check::is_call(name)
}

/// Parses a list.
pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    let (inverted, list) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut at = text.len() - list.len();
    let mut expr: Option<Expr> = None;
    for word in list.split(',') {
        let (adds, item) = item(text, at..at + word.len(), inverted)?;
        at += word.len() + 1;
        expr = match (expr, adds) {
            (None, true) => Some(item),
            (None, false) => None,
            (Some(Expr::Or(mut parts)), true) => {
                parts.push(item);
                Some(Expr::Or(parts))
            }
            (Some(expr), true) => Some(Expr::Or(vec![expr, item])),
            (Some(expr), false) => Some(Expr::And(vec![expr, Expr::Not(Box::new(item))])),
        };
    }
    // A list that only removes calls has none.
    let expr = expr.unwrap_or_else(|| Expr::Not(Box::new(Expr::All)));
    Ok(if inverted { Expr::Not(Box::new(expr)) } else { expr })
}

fn item(text: &str, span: Range<usize>, inverted: bool) -> Result<(bool, Expr), FilterError> {
    let word = &text[span.clone()];
    let (adds, name) = match word.strip_prefix('!') {
        Some(_) if inverted => {
            return Err(FilterError::new(
                text,
                span,
                "the `!` at the start negates the whole list; remove this one",
            ));
        }
        Some(rest) => (false, rest),
        None => (true, word),
    };
    let item = match name.strip_prefix('%') {
        Some(class) => check::class(text, span.end - class.len()..span.end, class)?,
        None if name == "all" => Expr::All,
        None if name.is_empty() => {
            return Err(FilterError::new(
                text,
                span,
                "missing name of a call or class (example: openat,%network)",
            ));
        }
        None if check::is_call(name) => Expr::Call(name.to_owned()),
        None => {
            let help = most_similar(name).map(|name| format!("did you mean `{name}`?"));
            return Err(FilterError::new(text, span, "unknown system call").maybe_help(help));
        }
    };
    Ok((adds, item))
}

/// Parses a list as strace does.
pub(super) fn parse_strace(text: &str) -> Result<Expr, FilterError> {
    let none = || Expr::Not(Box::new(Expr::All));
    let (inverted, list) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut at = text.len() - list.len();
    let mut items = Vec::new();
    for word in list.split(',') {
        let span = at..at + word.len();
        at = span.end + 1;
        match word {
            "none" if items.is_empty() => {}
            "all" => items.push(Expr::All),
            _ => items.extend(strace_item(text, span)?),
        }
    }
    let expr = match items.len() {
        0 => none(),
        1 => items.remove(0),
        _ => Expr::Or(items),
    };
    Ok(if inverted { Expr::Not(Box::new(expr)) } else { expr })
}

/// Parses an item; `None` for an unknown name after a `?`.
fn strace_item(text: &str, span: Range<usize>) -> Result<Option<Expr>, FilterError> {
    let word = &text[span.clone()];
    let (may_be_unknown, rest) = match word.strip_prefix('?') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (name, abi) = ABIS
        .iter()
        .find_map(|(suffix, abi)| Some((rest.strip_suffix(suffix)?, Some(*abi))))
        .unwrap_or((rest, None));
    let matches = |source: &str| {
        let field = Operand::Field(FieldRef { field: Field::Call, arg: String::new() });
        Pattern::regex(source, "")
            .map(|pattern| Expr::Matches(Quantifier::Any, field, pattern))
            .map_err(|error| FilterError::new(text, span.clone(), error))
    };
    let pattern = |class: &str| PATTERNS.iter().find(|(known, _)| *known == class);
    let item = if let Some(source) = name.strip_prefix('/') {
        matches(source.strip_suffix('/').unwrap_or(source))?
    } else if let Some(class) = name.strip_prefix('%') {
        match pattern(class) {
            Some((_, source)) => matches(source)?,
            None => match check::class(text, span.end - class.len()..span.end, class)? {
                Expr::Class(class, _) => strace_class::calls(class),
                other => other,
            },
        }
    } else if let Ok(number) = name.parse::<u32>() {
        let field = Operand::Field(FieldRef { field: Field::Nr, arg: String::new() });
        let number = Operand::Number(number.into(), Unit::None);
        Expr::Compare(Quantifier::Any, field, Relation::Equal, number)
    } else if check::is_call(name) {
        Expr::Call(name.to_owned())
    } else if let Some(class) = Classes::from_name(name) {
        strace_class::calls(class)
    } else if may_be_unknown {
        return Ok(None);
    } else {
        let help = most_similar(name).map(|name| format!("did you mean `{name}`?"));
        return Err(FilterError::new(text, span, "unknown system call").maybe_help(help));
    };
    Ok(Some(match abi {
        Some(abi) => {
            let field = Operand::Field(FieldRef { field: Field::Abi, arg: String::new() });
            let name = Operand::Name(abi.name().to_owned());
            let is_abi = Expr::Compare(Quantifier::Any, field, Relation::Equal, name);
            Expr::And(vec![item, is_abi])
        }
        None => item,
    }))
}
