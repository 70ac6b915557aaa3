//! Parses a policy file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use sysreel_abi::Filter;
use toml::Spanned;
use toml::value::Datetime;

use super::call_rules::CallRule;
use super::matcher::{Matcher, Pattern};
use super::run_rules::{self, Budget, Scope, Sequence};
use super::{Date, Exception, Forbidden, KeyPart, Kind, Policy};
use crate::Error;
use crate::diff::effect::Op;
use crate::diff::rule::{Rule, Severity};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    secrets: Vec<Spanned<String>>,
    #[serde(default)]
    roots: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    gate: Gate,
    #[serde(default)]
    environment: Surroundings,
    #[serde(default)]
    ignore: Vec<Spanned<Entry>>,
    #[serde(default)]
    allow: Vec<Spanned<Entry>>,
    #[serde(default)]
    forbid: Vec<Spanned<Entry>>,
    #[serde(default)]
    budget: Vec<Spanned<Entry>>,
    #[serde(default)]
    assert: Vec<Spanned<Entry>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Gate {
    #[serde(default, deserialize_with = "parse_text")]
    fail_on: Option<Severity>,
    #[serde(default)]
    tolerate: usize,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Surroundings {
    key: Option<Vec<KeyPart>>,
}

/// An entry of any kind. [`Parser::check_keys`] then rejects the keys that its kind does not take.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default, deserialize_with = "parse_text")]
    rule: Option<Rule>,
    #[serde(default, deserialize_with = "parse_text")]
    role: Option<Pattern>,
    op: Option<String>,
    #[serde(default, deserialize_with = "parse_text")]
    resource: Option<Pattern>,
    result: Option<String>,
    #[serde(default, deserialize_with = "parse_text")]
    process: Option<Pattern>,
    reason: Option<String>,
    expires: Option<Datetime>,
    max: Option<u64>,
    #[serde(default, rename = "where", deserialize_with = "parse_filter")]
    calls: Option<Filter>,
    #[serde(default, deserialize_with = "parse_text")]
    scope: Option<Scope>,
    sequence: Option<String>,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text)
    }
}

fn parse_text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn parse_filter<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Filter>, D::Error> {
    let text = String::deserialize(from)?;
    Filter::parse(&text).map(Some).map_err(serde::de::Error::custom)
}

fn parse_op(name: &str) -> Result<Op, String> {
    let op = Op::ALL.iter().copied().find(|op| op.name() == name);
    op.ok_or_else(|| format!("unknown operation `{name}`: docs/diff.md lists all operations"))
}

/// What a policy may refer to outside its own text. The caller provides it: this crate reads
/// neither the working directory nor the environment.
pub struct Lookup<'a> {
    /// The directory of the policy, absolute.
    pub folder: &'a Path,
    /// Returns the value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
}

/// Parses one policy, and knows the line of each entry for messages.
struct Parser<'a> {
    path: &'a Path,
    text: &'a str,
    lookup: &'a Lookup<'a>,
}

impl Parser<'_> {
    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }

    fn error(&self, offset: usize, why: impl Into<String>) -> Error {
        Error::Policy { path: self.path.to_path_buf(), line: self.line(offset), why: why.into() }
    }

    /// Checks that an entry has the keys that its kind requires and no others.
    fn check_keys(&self, kind: &str, entry: &Spanned<Entry>) -> Result<(), Error> {
        let at = entry.span().start;
        let entry = entry.get_ref();
        let (exception, run_rule) =
            (matches!(kind, "ignore" | "allow"), matches!(kind, "budget" | "assert"));
        for (name, given, allowed) in [
            ("max", entry.max.is_some(), kind == "budget"),
            ("scope", entry.scope.is_some(), run_rule),
            ("sequence", entry.sequence.is_some(), kind == "assert"),
            ("expires", entry.expires.is_some(), exception),
            ("rule", entry.rule.is_some(), exception),
            ("process", entry.process.is_some(), exception),
            ("role", entry.role.is_some(), kind != "assert"),
            ("op", entry.op.is_some(), kind != "assert"),
            ("resource", entry.resource.is_some(), kind != "assert"),
            ("result", entry.result.is_some(), kind != "assert"),
            ("where", entry.calls.is_some(), matches!(kind, "forbid" | "budget")),
        ] {
            if given && !allowed {
                return Err(self.error(at, format!("`{name}` is not a key of [[{kind}]]")));
            }
        }
        let has_condition = [&entry.op, &entry.result].into_iter().any(Option::is_some)
            || [&entry.role, &entry.resource, &entry.process].into_iter().any(Option::is_some)
            || entry.rule.is_some();
        if entry.calls.is_some() && has_condition {
            return Err(self.error(
                at,
                "`where` chooses calls alone: test their role, path or result in the expression",
            ));
        }
        let asks_for_signal = |filter: &Filter| {
            filter.fields().iter().any(|asked| asked.field == sysreel_abi::filter::Field::Signal)
        };
        if entry.calls.as_ref().is_some_and(asks_for_signal) {
            return Err(self.error(at, "`where` chooses calls, which have no `signal`"));
        }
        let has_condition = has_condition || entry.calls.is_some();
        if kind != "assert" && !has_condition {
            let by = if exception {
                "rule, role, op, resource, result, process"
            } else {
                "role, op, resource, result, where"
            };
            return Err(
                self.error(at, format!("[[{kind}]] matches everything: give at least one of {by}"))
            );
        }
        if kind == "ignore" && entry.reason.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(
                self.error(at, "[[ignore]] needs a `reason`, for those who read the policy later")
            );
        }
        Ok(())
    }

    fn matcher(&self, at: usize, entry: &mut Entry) -> Result<Matcher, Error> {
        Ok(Matcher {
            rule: entry.rule.take(),
            role: entry.role.take(),
            op: entry
                .op
                .take()
                .map(|op| parse_op(&op))
                .transpose()
                .map_err(|why| self.error(at, why))?,
            resource: entry.resource.take(),
            result: entry.result.take(),
            process: entry.process.take(),
        })
    }

    fn exception(&self, kind: Kind, entry: Spanned<Entry>) -> Result<Exception, Error> {
        self.check_keys(&kind.to_string(), &entry)?;
        let at = entry.span().start;
        let mut entry = entry.into_inner();
        let date = |time: Datetime| match (time.date, time.time) {
            (Some(date), None) => Ok(Date { year: date.year, month: date.month, day: date.day }),
            _ => {
                Err(self.error(at, "`expires` must be a date without a time: expires = 2026-12-31"))
            }
        };
        Ok(Exception {
            kind,
            matcher: self.matcher(at, &mut entry)?,
            reason: entry.reason.unwrap_or_default(),
            expires: entry.expires.map(date).transpose()?,
            line: self.line(at),
        })
    }

    fn forbidden(&self, entry: Spanned<Entry>) -> Result<Forbidden, Error> {
        self.check_keys("forbid", &entry)?;
        let at = entry.span().start;
        let mut entry = entry.into_inner();
        if entry.resource.as_ref().is_some_and(Pattern::is_relative) {
            return Err(self.error(
                at,
                "this `resource` can match nothing: names of files begin with / or a root such as \
                 $WS, and ** matches any directories",
            ));
        }
        let description = self.description("forbidden", at, entry.reason.as_deref());
        Ok(Forbidden { matcher: self.matcher(at, &mut entry)?, description })
    }

    fn budget(&self, entry: Spanned<Entry>) -> Result<Budget, Error> {
        self.check_keys("budget", &entry)?;
        let at = entry.span().start;
        let entry = entry.into_inner();
        Ok(Budget {
            scope: entry.scope.unwrap_or_default(),
            role: entry.role,
            op: entry
                .op
                .map(|op| op.parse())
                .transpose()
                .map_err(|why: String| self.error(at, why))?,
            resource: entry.resource,
            result: entry.result,
            max: entry.max.ok_or_else(|| {
                self.error(at, "[[budget]] needs `max`, the greatest number of calls")
            })?,
            description: self.description("budget", at, entry.reason.as_deref()),
        })
    }

    /// Takes the entries with a `where` out of those that forbid or count.
    fn take_calls(
        &self,
        kind: &str,
        entries: &mut Vec<Spanned<Entry>>,
    ) -> Result<Vec<CallRule>, Error> {
        let taken = entries.extract_if(.., |entry| entry.get_ref().calls.is_some());
        let rule = |entry: Spanned<Entry>| {
            self.check_keys(kind, &entry)?;
            let at = entry.span().start;
            let mut entry = entry.into_inner();
            let (what, rule, max) = match kind {
                "forbid" => ("forbidden", Rule::PolicyForbid, Some(0)),
                _ => ("budget", Rule::PolicyBudget, entry.max),
            };
            let missing = "[[budget]] needs `max`, the greatest number of calls";
            Ok(CallRule {
                filter: entry.calls.take().ok_or_else(|| self.error(at, "no `where`"))?,
                scope: entry.scope.unwrap_or_default(),
                max: max.ok_or_else(|| self.error(at, missing))?,
                rule,
                description: self.description(what, at, entry.reason.as_deref()),
            })
        };
        taken.map(rule).collect()
    }

    fn sequence(&self, entry: Spanned<Entry>) -> Result<Sequence, Error> {
        self.check_keys("assert", &entry)?;
        let at = entry.span().start;
        let entry = entry.into_inner();
        let text = entry.sequence.ok_or_else(|| self.error(at, "[[assert]] needs a `sequence`"))?;
        Ok(Sequence {
            scope: entry.scope.unwrap_or_default(),
            items: run_rules::parse_items(&text).map_err(|why| self.error(at, why))?,
            description: self.description("sequence", at, entry.reason.as_deref()),
        })
    }

    /// Formats `forbidden at ci.toml:12: reason`.
    fn description(&self, what: &str, at: usize, reason: Option<&str>) -> String {
        let reason = reason.filter(|reason| !reason.is_empty()).map(|reason| format!(": {reason}"));
        format!("{what} at {}:{}{}", self.path.display(), self.line(at), reason.unwrap_or_default())
    }

    fn root(&self, name: &str, value: &Spanned<String>) -> Result<PathBuf, Error> {
        let error = |why: String| self.error(value.span().start, why);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(error(format!(
                "invalid root name `{name}`: use letters, digits and _ only"
            )));
        }
        let path = match value.get_ref().strip_prefix("env:") {
            Some(variable) => {
                let value = (self.lookup.variable)(variable).filter(|value| !value.is_empty());
                PathBuf::from(
                    value.ok_or_else(|| error(format!("the variable {variable} is not set")))?,
                )
            }
            None => PathBuf::from(value.get_ref()),
        };
        let mut plain = PathBuf::new();
        for component in self.lookup.folder.join(path).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => _ = plain.pop(),
                other => plain.push(other),
            }
        }
        Ok(plain)
    }
}

impl Policy {
    /// Reads a policy from a file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a valid policy; the error names the line.
    pub fn read(path: &Path, lookup: &Lookup<'_>) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Open { path: path.to_path_buf(), source })?;
        Self::parse(path, &text, lookup)
    }

    /// Parses the text of a policy; `path` is named in messages.
    ///
    /// # Errors
    /// As [`Policy::read`].
    pub fn parse(path: &Path, text: &str, lookup: &Lookup<'_>) -> Result<Self, Error> {
        let parser = Parser { path, text, lookup };
        let mut file: File = toml::from_str(text).map_err(|error| {
            parser.error(error.span().map_or(0, |span| span.start), error.message().trim())
        })?;
        let mut policy = Self {
            path: path.to_path_buf(),
            gate: file.gate.fail_on,
            tolerated: file.gate.tolerate,
            environment: file.environment.key,
            ..Self::default()
        };
        for (name, value) in &file.roots {
            policy.roots.push((name.clone(), parser.root(name, value)?));
        }
        for secret in &file.secrets {
            let pattern = Pattern::new(secret.get_ref());
            policy.secrets.push(pattern.map_err(|why| parser.error(secret.span().start, why))?);
        }
        for (kind, entries) in [(Kind::Ignore, file.ignore), (Kind::Allow, file.allow)] {
            for entry in entries {
                policy.exceptions.push(parser.exception(kind, entry)?);
            }
        }
        let parser = &parser;
        policy.calls = parser.take_calls("forbid", &mut file.forbid)?;
        policy.calls.extend(parser.take_calls("budget", &mut file.budget)?);
        policy.forbidden =
            file.forbid.into_iter().map(|e| parser.forbidden(e)).collect::<Result<_, _>>()?;
        policy.budgets =
            file.budget.into_iter().map(|e| parser.budget(e)).collect::<Result<_, _>>()?;
        policy.sequences =
            file.assert.into_iter().map(|e| parser.sequence(e)).collect::<Result<_, _>>()?;
        Ok(policy)
    }
}
