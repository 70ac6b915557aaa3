//! Matches the entries of a policy against effects and differences.

use glob::MatchOptions;

use crate::diff::effect::{Effect, Op};
use crate::diff::report::{Change, Difference};
use crate::diff::resource::{ARROW, Name, Resource};
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::diff::run::roots::Roots;

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

    /// Returns the roots that the pattern names: `HOME` of `$HOME/**`.
    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        let parts = [Some(&self.name), self.second.as_ref()].into_iter().flatten();
        parts.filter_map(|part| {
            let name = part.as_str().trim_start_matches("unix ").strip_prefix('$')?;
            name.split('/').next()
        })
    }

    /// Whether no name can match, because it is a path that begins nowhere.
    pub(super) fn is_relative(&self) -> bool {
        let parts = [Some(&self.name), self.second.as_ref()].into_iter().flatten();
        parts.map(glob::Pattern::as_str).any(|part| {
            let first = part.chars().next();
            first.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '~' | '_'))
                && part.contains('/')
                && !part.contains(' ')
        })
    }

    /// Matches a pattern of two names against a resource of two names. `None` if either has only
    /// one.
    fn matches_both(&self, resource: &Resource, real: RealNames<'_>) -> Option<bool> {
        let second = self.second.as_ref()?;
        let other = resource.to.as_ref()?;
        let asked = resource.asked.as_ref();
        let matches_first = real.matches(&self.name, &resource.subject, None);
        Some(matches_first && real.matches(second, other, asked))
    }

    /// Whether the pattern matches all names of a resource. Canonical names only: an exception for
    /// `/**` is not one for `$WS`.
    fn matches_all(&self, resource: &Resource) -> bool {
        let real = RealNames::default();
        self.matches_both(resource, real).unwrap_or_else(|| {
            let mut names = named(resource);
            self.second.is_none()
                && names.all(|(name, asked)| real.matches(&self.name, name, asked))
        })
    }

    /// Whether the pattern matches at least one name of a resource.
    pub(crate) fn matches_any(&self, resource: &Resource, real: RealNames<'_>) -> bool {
        self.matches_both(resource, real).unwrap_or_else(|| {
            let mut names = named(resource);
            self.second.is_none()
                && names.any(|(name, asked)| real.matches(&self.name, name, asked))
        })
    }
}

/// Returns the names of a resource, the last one with what is asked for.
fn named(resource: &Resource) -> impl Iterator<Item = (&Name, Option<&Name>)> {
    let asked = resource.asked.as_ref();
    let first = (&resource.subject, asked.filter(|_| resource.to.is_none()));
    std::iter::once(first).chain(resource.to.as_ref().map(|name| (name, asked)))
}

/// The paths that canonical names stand for, so that a pattern of something forbidden or secret may
/// be written with either.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RealNames<'r>(Option<&'r Roots>);

impl<'r> RealNames<'r> {
    /// Returns the paths of a run.
    pub(crate) fn of(run: &'r Run) -> Self {
        Self(Some(&run.roots))
    }

    /// Whether a pattern matches a name, with what is asked for, as it is or as a path.
    fn matches(self, pattern: &glob::Pattern, name: &Name, asked: Option<&Name>) -> bool {
        let matches = |name: &str| match asked {
            Some(asked) => pattern.matches_with(&format!("{name} {asked}"), OPTIONS),
            None => pattern.matches_with(name, OPTIONS),
        };
        matches(name.as_str())
            || self.0.and_then(|roots| roots.real(name)).is_some_and(|path| matches(&path))
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

/// Returns the effect that a difference is about.
pub(crate) fn subject(difference: &Difference) -> Option<(Op, &Resource, &str)> {
    let effect = difference.effect.as_ref()?;
    Some((effect.op, &effect.resource, &effect.result))
}

impl Matcher {
    /// Whether it matches an effect in any process. An entry with a `rule` or a `process` matches
    /// no effect.
    pub(crate) fn matches_effect(&self, effect: &Effect) -> bool {
        self.rule.is_none()
            && self.process.is_none()
            && self.matches_parts(
                &effect.role,
                Some(effect.op),
                &effect.resource,
                Some(&effect.result),
                &|pattern, resource| pattern.matches_all(resource),
            )
    }

    /// Whether it matches an effect by at least one of its names.
    pub(super) fn matches_any_name(&self, effect: &Effect, real: RealNames<'_>) -> bool {
        self.matches_parts(
            &effect.role,
            Some(effect.op),
            &effect.resource,
            Some(&effect.result),
            &|pattern, resource| pattern.matches_any(resource, real),
        )
    }

    pub(super) fn names_rule(&self, rule: Rule) -> bool {
        self.rule == Some(rule)
    }

    /// Whether it matches a difference.
    pub(crate) fn matches(&self, difference: &Difference) -> bool {
        if self.rule.is_some_and(|rule| rule != difference.rule)
            || self.process.as_ref().is_some_and(|process| !process.matches(&difference.process))
        {
            return false;
        }
        // Without an effect it is about a program with its arguments, a mark or the like.
        let other = Resource::from(Name::word(&difference.what));
        let (op, resource, result) = match subject(difference) {
            Some((op, resource, result)) => (Some(op), resource, Some(result)),
            None => (None, &other, None),
        };
        // Other permissions are not meant by an entry on writing.
        if difference.change == Change::Changed && op == Some(Op::Create) && self.op != op {
            return false;
        }
        let results = [result, difference.before.as_deref(), difference.after.as_deref()];
        let result = match &self.result {
            Some(wanted) => {
                results.into_iter().flatten().find(|result| result == wanted).or(Some("-"))
            }
            None => None,
        };
        self.matches_parts(&difference.role, op, resource, result, &|pattern, resource| {
            pattern.matches_all(resource)
        })
    }

    fn matches_parts(
        &self,
        role: &str,
        op: Option<Op>,
        resource: &Resource,
        result: Option<&str>,
        matches: &dyn Fn(&Pattern, &Resource) -> bool,
    ) -> bool {
        // An entry for writing a file also matches its creation, with any permissions.
        let makes = |wanted| matches!(wanted, Op::Write | Op::Mkdir | Op::Mknod);
        let is_op = |wanted| Some(wanted) == op || op == Some(Op::Create) && makes(wanted);
        let subject = match op {
            Some(Op::Create | Op::Lock) => Some(resource.without_asked()),
            _ => None,
        };
        let names = [Some(resource), subject.as_ref()];
        self.role.as_ref().is_none_or(|pattern| pattern.matches(role))
            && self.op.is_none_or(is_op)
            && self.result.as_deref().is_none_or(|wanted| Some(wanted) == result)
            && self.resource.as_ref().is_none_or(|pattern| {
                names.into_iter().flatten().any(|name| matches(pattern, name))
            })
    }

    /// Whether it matches an effect only as a part of another one: the permissions of a file that
    /// is written.
    pub(super) fn matches_as_part(&self, effect: &Effect) -> bool {
        effect.op == Op::Create && self.op != Some(Op::Create)
    }
}
