//! Lists of calls, in the syntax of strace's `-e trace=`:
//!
//! ```text
//! FILTER = ["!"] ITEM ("," ITEM)*      with "!": all calls but these
//! ITEM   = NAME | "%" CLASS | "all"    without the first "!" also "!NAME", "!%CLASS": remove
//! ```

use std::ops::Range;

use super::check;
use super::error::FilterError;
use super::similar::most_similar;
use super::syntax::Expr;

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
