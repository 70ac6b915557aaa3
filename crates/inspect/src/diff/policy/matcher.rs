//! Matches the entries of a policy against effects and differences.

use glob::MatchOptions;

use crate::diff::effect::{Effect, Op};
use crate::diff::report::Difference;
use crate::diff::rule::Rule;

/// A pattern for names: `*` and `?` match within one path component, `**` any number of components.
/// `OLD -> NEW` has a pattern for each of two names.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    name: glob::Pattern,
    second: Option<glob::Pattern>,
}

const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Separates the two names of a rename or a link.
const ARROW: &str = " -> ";

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let parse = |part: &str| {
            glob::Pattern::new(part).map_err(|error| format!("invalid pattern `{part}`: {error}"))
        };
        Ok(match text.split_once(ARROW) {
            Some((name, second)) => Self { name: parse(name)?, second: Some(parse(second)?) },
            None => Self { name: parse(text)?, second: None },
        })
    }

    /// Whether the pattern matches one name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.second.is_none() && self.name.matches_with(name, OPTIONS)
    }

    /// Matches a pattern of two names against a resource of two names. `None` if either has only
    /// one.
    fn matches_both(&self, resource: &str) -> Option<bool> {
        let second = self.second.as_ref()?;
        let (first, other) = resource.split_once(ARROW)?;
        Some(self.name.matches_with(first, OPTIONS) && second.matches_with(other, OPTIONS))
    }

    /// Whether the pattern matches all names of a resource.
    fn matches_all(&self, resource: &str) -> bool {
        self.matches_both(resource)
            .unwrap_or_else(|| resource.split(ARROW).all(|name| self.matches(name)))
    }

    /// Whether the pattern matches at least one name of a resource.
    pub(crate) fn matches_any(&self, resource: &str) -> bool {
        self.matches_both(resource)
            .unwrap_or_else(|| resource.split(ARROW).any(|name| self.matches(name)))
    }
}

/// The conditions of an entry. Those that it leaves out match anything.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    pub(super) rule: Option<Rule>,
    pub(super) role: Option<Pattern>,
    pub(super) op: Option<Op>,
    pub(super) resource: Option<Pattern>,
    pub(super) result: Option<String>,
    pub(super) process: Option<Pattern>,
}

/// Returns the operation, resource and result that a difference is about.
pub(crate) fn subject(difference: &Difference) -> Option<(Op, &str, &str)> {
    let (op, rest) = difference.what.split_once(' ').unwrap_or((&difference.what, "-"));
    let op = *Op::ALL.iter().find(|known| known.name() == op)?;
    let is_errno = |word: &str| {
        word.strip_prefix('E').is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        }) || word.starts_with("errno-")
    };
    Some(match rest.rsplit_once(' ') {
        // The text of `err.changed` ends with the resource: both results are in fields.
        Some((resource, result)) if difference.rule != Rule::ErrChanged && is_errno(result) => {
            (op, resource, result)
        }
        _ => (op, rest, "ok"),
    })
}

impl Matcher {
    /// Whether it matches an effect in any process. An entry with a `rule` or a `process` matches
    /// no effect.
    #[must_use]
    pub fn matches_effect(&self, effect: &Effect) -> bool {
        self.rule.is_none()
            && self.process.is_none()
            && self.matches_parts(
                &effect.role,
                Some(effect.op),
                &effect.resource,
                Some(&effect.result),
                Pattern::matches_all,
            )
    }

    /// Whether it matches an effect by at least one of its names.
    pub(super) fn matches_any_name(&self, effect: &Effect) -> bool {
        self.matches_parts(
            &effect.role,
            Some(effect.op),
            &effect.resource,
            Some(&effect.result),
            Pattern::matches_any,
        )
    }

    pub(super) fn names_rule(&self, rule: Rule) -> bool {
        self.rule == Some(rule)
    }

    /// Whether it matches a difference.
    #[must_use]
    pub fn matches(&self, difference: &Difference) -> bool {
        if self.rule.is_some_and(|rule| rule != difference.rule)
            || self.process.as_ref().is_some_and(|process| !process.matches(&difference.process))
        {
            return false;
        }
        let (op, resource, result) = match subject(difference) {
            Some((op, resource, result)) => (Some(op), resource, Some(result)),
            None => (None, difference.what.as_str(), None),
        };
        let results = [result, difference.before.as_deref(), difference.after.as_deref()];
        let result = match &self.result {
            Some(wanted) => {
                results.into_iter().flatten().find(|result| result == wanted).or(Some("-"))
            }
            None => None,
        };
        self.matches_parts(&difference.role, op, resource, result, Pattern::matches_all)
    }

    fn matches_parts(
        &self,
        role: &str,
        op: Option<Op>,
        resource: &str,
        result: Option<&str>,
        matches: fn(&Pattern, &str) -> bool,
    ) -> bool {
        self.role.as_ref().is_none_or(|pattern| pattern.matches(role))
            && self.op.is_none_or(|wanted| Some(wanted) == op)
            && self.result.as_deref().is_none_or(|wanted| Some(wanted) == result)
            && self.resource.as_ref().is_none_or(|pattern| matches(pattern, resource))
    }
}
