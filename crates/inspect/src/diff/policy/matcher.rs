//! Which effects and differences an entry of a policy means.

use glob::MatchOptions;

use crate::diff::effect::{Effect, Op};
use crate::diff::report::Difference;
use crate::diff::rule::Rule;

/// A pattern of names: `*` and `?` stay within a component, `**` does not. `OLD -> NEW` is one for
/// each of two names.
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

/// Between two names.
const ARROW: &str = " -> ";

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let one = |part: &str| {
            glob::Pattern::new(part).map_err(|error| format!("`{part}` is no pattern: {error}"))
        };
        Ok(match text.split_once(ARROW) {
            Some((name, second)) => Self { name: one(name)?, second: Some(one(second)?) },
            None => Self { name: one(text)?, second: None },
        })
    }

    /// Whether it means a name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.second.is_none() && self.name.matches_with(name, OPTIONS)
    }

    /// Whether it means a resource of two names as it stands. `None` when only one of the two has
    /// two.
    fn both(&self, resource: &str) -> Option<bool> {
        let second = self.second.as_ref()?;
        let (first, other) = resource.split_once(ARROW)?;
        Some(self.name.matches_with(first, OPTIONS) && second.matches_with(other, OPTIONS))
    }

    /// Whether all names of a resource are meant.
    fn matches_all(&self, resource: &str) -> bool {
        self.both(resource).unwrap_or_else(|| resource.split(ARROW).all(|name| self.matches(name)))
    }

    /// Whether one of its names is meant.
    pub(crate) fn matches_any(&self, resource: &str) -> bool {
        self.both(resource).unwrap_or_else(|| resource.split(ARROW).any(|name| self.matches(name)))
    }
}

/// What an entry means. What it does not say, it does not ask for.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    pub(super) rule: Option<Rule>,
    pub(super) role: Option<Pattern>,
    pub(super) op: Option<Op>,
    pub(super) resource: Option<Pattern>,
    pub(super) result: Option<String>,
    pub(super) process: Option<Pattern>,
}

/// Operation, resource and result of what a difference is about.
pub(crate) fn subject(difference: &Difference) -> Option<(Op, &str, &str)> {
    let (op, rest) = difference.what.split_once(' ').unwrap_or((&difference.what, "-"));
    let op = *Op::ALL.iter().find(|known| known.name() == op)?;
    let is_errno = |word: &str| {
        word.strip_prefix('E').is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        }) || word.starts_with("errno-")
    };
    Some(match rest.rsplit_once(' ') {
        // Of an operation with another result both results stand beside it.
        Some((resource, result)) if difference.rule != Rule::ErrChanged && is_errno(result) => {
            (op, resource, result)
        }
        _ => (op, rest, "ok"),
    })
}

impl Matcher {
    /// Whether it means an effect wherever it comes from. An entry about a kind of difference, or
    /// about a place, does not.
    #[must_use]
    pub fn matches_effect(&self, effect: &Effect) -> bool {
        self.rule.is_none()
            && self.process.is_none()
            && self.is_about(
                &effect.role,
                Some(effect.op),
                &effect.resource,
                Some(&effect.result),
                Pattern::matches_all,
            )
    }

    /// Whether it means an effect by one of its names.
    pub(super) fn touches(&self, effect: &Effect) -> bool {
        self.is_about(
            &effect.role,
            Some(effect.op),
            &effect.resource,
            Some(&effect.result),
            Pattern::matches_any,
        )
    }

    /// Whether it names a rule.
    pub(super) fn is_about_rule(&self, rule: Rule) -> bool {
        self.rule == Some(rule)
    }

    /// Whether it means a difference.
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
        self.is_about(&difference.role, op, resource, result, Pattern::matches_all)
    }

    fn is_about(
        &self,
        role: &str,
        op: Option<Op>,
        resource: &str,
        result: Option<&str>,
        means: fn(&Pattern, &str) -> bool,
    ) -> bool {
        self.role.as_ref().is_none_or(|pattern| pattern.matches(role))
            && self.op.is_none_or(|wanted| Some(wanted) == op)
            && self.result.as_deref().is_none_or(|wanted| Some(wanted) == result)
            && self.resource.as_ref().is_none_or(|pattern| means(pattern, resource))
    }
}
