//! The filter language: which calls and other items of a log are wanted.
//!
//! A filter is a list of calls, as after strace's `-e trace=`, or an expression:
//!
//! ```text
//! openat,%network                               a list
//! %file and failed and errno != ENOENT          an expression
//! path ~ "/etc/**" and args.flags & O_CREAT
//! ```
//!
//! `docs/filter.md` has the grammar, the fields and recipes. Both forms become the same syntax
//! tree, and one evaluator answers for all: a recorder that knows only the number of a call
//! ([`CallSet`]), and a reader that knows a call's entry, or all of it. What is asked comes through
//! [`Facts`], and the answer may be that it depends on what is not known ([`Answer`]).

mod by_number;
mod call_set;
mod check;
mod constants;
mod error;
mod eval;
mod explain;
mod field;
mod list;
mod parse;
mod pattern;
mod quote;
mod similar;
mod strace_class;
mod syntax;
mod token;
mod values;

use std::fmt;

use crate::arch::Abi;
use crate::desc::Row;

pub use call_set::CallSet;
pub use error::FilterError;
pub use eval::{Answer, Facts, Known, Value, argument_value};
pub use explain::{ByNumber, Explanation, Test};
pub use field::{Field, FieldKind, FieldRef, SOURCES, Stage, Words, file_type};
pub use pattern::Pattern;
pub use syntax::{Place, Process};

use syntax::Expr;

/// The version of the language. A filter of an older version keeps its meaning.
pub const LANGUAGE_VERSION: u32 = 1;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    text: String,
    /// As it is written.
    expr: Expr,
    /// The same, with what is cheap first.
    plan: Expr,
    is_list: bool,
}

impl Filter {
    /// Parses a filter: a list or an expression.
    ///
    /// # Errors
    ///
    /// If the text is neither. The error tells where, and suggests the most similar name.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let is_list = list::is_list(text);
        let expr = if is_list { list::parse(text)? } else { parse::parse(text)? };
        let plan = expr.clone().by_cost();
        Ok(Self { text: text.to_owned(), expr, plan, is_list })
    }

    /// Parses a list of calls as strace does after `-e trace=`.
    ///
    /// # Errors
    ///
    /// If the text is no such list. The error tells where, and suggests the most similar name.
    pub fn parse_strace(text: &str) -> Result<Self, FilterError> {
        let expr = list::parse_strace(text)?;
        Ok(Self { text: text.to_owned(), plan: expr.clone().by_cost(), expr, is_list: true })
    }

    /// Returns a filter for what has a path in a field.
    #[must_use]
    pub fn of_path(field: Field, path: &[u8]) -> Self {
        let field = syntax::Operand::Field(FieldRef { field, arg: String::new() });
        let text = syntax::Operand::Text(path.to_vec());
        let (any, equal) = (syntax::Quantifier::Any, syntax::Relation::Equal);
        let expr = Expr::Compare(any, field, equal, text);
        Self { text: expr.to_string(), plan: expr.clone(), expr, is_list: false }
    }

    /// Returns a filter that matches what all of these match; `None` if there are none.
    #[must_use]
    pub fn all_of(filters: Vec<Self>) -> Option<Self> {
        Self::joined(filters, Expr::And)
    }

    /// Returns a filter that matches what one of these matches; `None` if there are none.
    #[must_use]
    pub fn any_of(filters: Vec<Self>) -> Option<Self> {
        Self::joined(filters, Expr::Or)
    }

    fn joined(mut filters: Vec<Self>, join: impl FnOnce(Vec<Expr>) -> Expr) -> Option<Self> {
        if filters.len() < 2 {
            return filters.pop();
        }
        let is_list = filters.iter().all(|filter| filter.is_list);
        let expr = join(filters.into_iter().map(|filter| filter.expr).collect());
        let plan = expr.clone().by_cost();
        Some(Self { text: expr.to_string(), expr, plan, is_list })
    }

    /// Whether it is a list of calls, which says nothing about other items of a log.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.is_list
    }

    /// Returns the expression in its canonical form.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.expr.to_string()
    }

    /// Returns the fields that it asks for, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldRef> {
        let mut fields: Vec<FieldRef> = Vec::new();
        self.expr.fields(&mut |field| {
            if !fields.contains(field) {
                fields.push(field.clone());
            }
        });
        fields
    }

    /// Returns what must be known to answer for any call.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.expr.stage()
    }

    /// Whether it asks who started whom.
    #[must_use]
    pub fn asks_for_ancestors(&self) -> bool {
        self.expr.has_under()
    }

    /// Answers for what is known.
    #[must_use]
    pub fn answer(&self, facts: &dyn Facts) -> Answer {
        self.plan.answer(facts)
    }

    /// Whether it may match a call of which only this is known.
    #[must_use]
    pub fn may_match(&self, name: Option<&str>, row: Option<&Row>, abi: Option<Abi>) -> bool {
        self.answer_by_number(name, row, None, abi) != Answer::No
    }

    /// Answers for a call of which only this is known. `inner` is the call that it makes as a
    /// multiplexer ([`crate::demultiplex()`]).
    #[must_use]
    pub fn answer_by_number(
        &self,
        name: Option<&str>,
        row: Option<&Row>,
        inner: Option<&Row>,
        abi: Option<Abi>,
    ) -> Answer {
        self.answer(&by_number::Number { name, row, inner, abi })
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
