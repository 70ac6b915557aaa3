//! How a filter is read, and what decides it.

use std::fmt::{self, Write as _};

use super::eval::Answer;
use super::field::{FieldRef, Stage};
use super::syntax::Expr;
use super::{CallSet, Filter};
use crate::arch::Abi;
use crate::number;

/// How a filter is read: [`Filter::explain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The whole expression, with brackets around each part of it.
    pub reads: String,
    /// Its tests, each once, in their order.
    pub tests: Vec<Test>,
    /// The fields that it asks for, each once.
    pub fields: Vec<FieldRef>,
    /// What the number of a call decides: all that a seccomp filter sees.
    pub by_number: ByNumber,
}

/// A test of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its canonical text.
    pub text: String,
    /// Whether it is decided by the number of a call.
    pub by_number: bool,
    /// What must be known besides, if not.
    pub stage: Stage,
}

/// The calls of an ABI by what their number decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByNumber {
    /// The ABI.
    pub abi: Abi,
    /// The calls that match with any arguments.
    pub always: Vec<&'static str>,
    /// Those that may match.
    pub maybe: Vec<&'static str>,
    /// The number of those that cannot match.
    pub never: usize,
    /// How many calls a recording with this filter stops at besides: without them the log, or the
    /// names in it, would be wrong.
    pub needed: usize,
}

impl Filter {
    /// Explains the filter for the calls of an ABI.
    #[must_use]
    pub fn explain(&self, abi: Abi) -> Explanation {
        let mut reads = String::new();
        // Writing to a string does not fail.
        _ = self.expr.write_in_full(&mut reads);
        let mut tests: Vec<Test> = Vec::new();
        self.expr.tests(&mut |test| {
            let by_number = test.is_by_number();
            let test = Test { text: test.to_string(), by_number, stage: test.stage() };
            if !tests.contains(&test) {
                tests.push(test);
            }
        });
        Explanation { reads, tests, fields: self.fields(), by_number: self.calls_of(abi) }
    }

    fn calls_of(&self, abi: Abi) -> ByNumber {
        let mut found =
            ByNumber { abi, always: Vec::new(), maybe: Vec::new(), never: 0, needed: 0 };
        let stops = CallSet::new(self, true);
        for (nr, name, row) in number::calls(abi) {
            match self.answer_by_number(Some(name), row, None, Some(abi)) {
                Answer::Yes => found.always.push(name),
                Answer::Unknown => found.maybe.push(name),
                Answer::No => {
                    found.never += 1;
                    found.needed += usize::from(stops.contains(abi.arch(), nr));
                }
            }
        }
        found
    }
}

impl Expr {
    /// Calls a function for each test in it.
    fn tests(&self, each: &mut dyn FnMut(&Self)) {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().for_each(|part| part.tests(each)),
            Self::Not(part) => part.tests(each),
            test => each(test),
        }
    }

    /// Whether the number of a call decides a test, for every call.
    fn is_by_number(&self) -> bool {
        let asks =
            Filter { text: String::new(), expr: self.clone(), plan: self.clone(), is_list: false };
        Abi::ALL.into_iter().all(|abi| {
            number::calls(abi).all(|(_, name, row)| {
                asks.answer_by_number(Some(name), row, None, Some(abi)) != Answer::Unknown
            })
        })
    }

    /// Writes it with brackets around each part.
    fn write_in_full(&self, out: &mut String) -> fmt::Result {
        let (parts, word) = match self {
            Self::Or(parts) => (parts, " or "),
            Self::And(parts) => (parts, " and "),
            Self::Not(part) => {
                out.push_str("(not ");
                part.write_in_full(out)?;
                out.push(')');
                return Ok(());
            }
            test => return write!(out, "{test}"),
        };
        out.push('(');
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                out.push_str(word);
            }
            part.write_in_full(out)?;
        }
        out.push(')');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(text: &str) -> Explanation {
        Filter::parse(text).unwrap().explain(Abi::X86_64)
    }

    #[test]
    fn what_is_read_has_brackets() {
        for (text, reads) in [
            ("openat", "openat"),
            (
                "failed and errno != ENOENT or %file",
                "((failed and (not errno == ENOENT)) or %file)",
            ),
            ("not failed and not (fork or vfork)", "((not failed) and (not (fork or vfork)))"),
            ("!openat,%network", "(not (openat or %network))"),
        ] {
            let explanation = explain(text);
            assert_eq!(explanation.reads, reads);
            // It is the same filter.
            let again = Filter::parse(&explanation.reads).unwrap();
            assert_eq!(again.canonical(), Filter::parse(text).unwrap().canonical(), "{text}");
        }
    }

    #[test]
    fn tests_are_listed_with_what_decides_them() {
        let tests =
            explain("%file and failed and path ~ \"/etc/**\" or call == open or %file").tests;
        let found: Vec<_> =
            tests.iter().map(|test| (&*test.text, test.by_number, test.stage)).collect();
        let expected = [
            ("%file", true, Stage::Entry),
            ("failed", false, Stage::End),
            ("path ~ \"/etc/**\"", false, Stage::State),
            ("call == open", true, Stage::Entry),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_number_of_a_call_decides_some() {
        let all = number::calls(Abi::X86_64).count();
        let found = explain("openat or %network and failed").by_number;
        assert_eq!(found.always, ["openat"]);
        assert!(found.maybe.contains(&"connect") && !found.maybe.contains(&"openat"));
        assert_eq!(found.always.len() + found.maybe.len() + found.never, all);
        assert!(0 < found.needed && found.needed < found.never);
        // A call without such an argument cannot match.
        let found = explain("args.pathname ~ \"/etc/*\"").by_number;
        assert!(found.always.is_empty() && !found.maybe.contains(&"getpid"), "{found:?}");
    }
}
