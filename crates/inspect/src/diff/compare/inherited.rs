//! What programs inherit: variables of the environment, the working directory, the umask, ignored
//! signals, open files.

use std::collections::{BTreeSet, HashMap};

use super::places::is_secret;
use super::{Found, command_line};
use crate::diff::mask::hashed_variable;
use crate::diff::report::Change;
use crate::diff::resource::Name;
use crate::diff::rule::{Rule, Severity};
use crate::diff::run::{Image, Inherited, Process, Run};
use crate::state::ProcessId;

/// Variables that name code to load or to run.
pub(super) const LOADING: [&str; 24] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "GCONV_PATH",
    "PATH",
    "ENV",
    "BASH_ENV",
    "PROMPT_COMMAND",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PERL5LIB",
    "PERL5OPT",
    "RUBYLIB",
    "RUBYOPT",
    "NODE_PATH",
    "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "CLASSPATH",
    "GIT_EXEC_PATH",
    "GIT_SSH_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "EDITOR",
];

/// The state of programs found so far.
#[derive(Debug, Default)]
pub(super) struct States {
    /// What the differing state of the children of a process of the first run follows from.
    causes: HashMap<ProcessId, usize>,
    /// By parent, with the texts.
    known: HashMap<(Option<ProcessId>, [String; 2]), usize>,
}

impl States {
    /// Returns the differences in what the programs of a pair of processes inherit. `at` is the
    /// process of the first run, the index of the first difference, and that of the arguments.
    pub(super) fn of(
        &mut self,
        (a, one): (&Run, &Process),
        (b, other): (&Run, &Process),
        (id, at, changed): (ProcessId, usize, Option<usize>),
    ) -> Vec<Found> {
        let above = one.parent.and_then(|parent| self.causes.get(&parent).copied());
        let mut found = Vec::new();
        for (x, y) in one.images.iter().zip(&other.images).filter(|(x, y)| x.role == y.role) {
            let Some(mut difference) = difference((a, x), (b, y)) else { continue };
            let [before, after] =
                [&difference.difference.before, &difference.difference.after].map(Clone::clone);
            let key = (one.parent, [before, after].map(Option::unwrap_or_default));
            let own = at + found.len();
            let first = *self.known.entry(key).or_insert(own);
            // Arguments that changed, of this program or one above it; the same of a sibling.
            difference.cause = changed.or(above).or(Some(first).filter(|first| *first != own));
            found.push(difference);
        }
        if let Some(cause) = changed.or(above).or((!found.is_empty()).then_some(at)) {
            self.causes.insert(id, cause);
        }
        found
    }
}

fn difference((a, x): (&Run, &Image), (b, y): (&Run, &Image)) -> Option<Found> {
    let [of_a, of_b] = [(a, x), (b, y)].map(|(run, image)| {
        let value = |id| run.value(id).unwrap_or_default();
        let words = image.state.iter().map(|(what, name)| (*what, value(*name)));
        words.collect::<BTreeSet<_>>()
    });
    let [old, new] = [(&of_a, &of_b), (&of_b, &of_a)]
        .map(|(own, others)| own.difference(others).cloned().collect::<Vec<_>>());
    if old.is_empty() && new.is_empty() {
        return None;
    }
    let mut found = Found::new(Rule::ExecState, Change::Changed, &x.role, x.role.clone());
    found.difference.severity = severity(&old, &new);
    found.difference.without_secrets =
        Some(Box::new([&old, &new].map(|words| text(words, hidden))));
    let shown = |_, name: &str| name.to_owned();
    [found.difference.before, found.difference.after] =
        [old, new].map(|words| Some(text(&words, shown)));
    found.difference.events = [Some(x.event), Some(y.event)];
    Some(found)
}

/// Returns what is inherited without the values of variables, unless they name code.
fn hidden(what: Inherited, name: &str) -> String {
    let variable = name.split('=').next().unwrap_or_default();
    match what {
        Inherited::Variable if !LOADING.contains(&variable) => hashed_variable(name),
        _ => name.to_owned(),
    }
}

fn text(words: &[(Inherited, Name)], show: impl Fn(Inherited, &str) -> String) -> String {
    let words = words.iter().map(|(what, name)| {
        let name = command_line::quoted(&[show(*what, name.as_str())]);
        format!("{}{name}", what.word())
    });
    match words.collect::<Vec<_>>().join(" ") {
        text if text.is_empty() => "-".to_owned(),
        text => text,
    }
}

/// Returns how grave another state is: new code, more rights for others and secrets are errors, an
/// open file is worth a note.
fn severity(old: &[(Inherited, Name)], new: &[(Inherited, Name)]) -> Severity {
    let umask = |words: &[(Inherited, Name)]| {
        let mut masks = words.iter().filter(|(what, _)| *what == Inherited::Umask);
        masks.find_map(|(_, mask)| u32::from_str_radix(mask.as_str(), 8).ok())
    };
    let of = |(what, name): &(Inherited, Name), is_new: bool| match what {
        Inherited::Variable if is_new => {
            let variable = name.as_str().split('=').next().unwrap_or_default();
            if LOADING.contains(&variable) { Severity::Error } else { Severity::Warn }
        }
        Inherited::Open if is_new && is_secret(name) => Severity::Error,
        Inherited::Open => Severity::Note,
        Inherited::Umask if is_new => {
            // Without one it is that of the parent, mostly 022.
            let before = umask(old).unwrap_or(0o022);
            let grants = umask(new).is_some_and(|mask| before & !mask & 0o077 != 0);
            if grants { Severity::Error } else { Severity::Warn }
        }
        _ => Severity::Warn,
    };
    let olds = old.iter().map(|word| of(word, false));
    olds.chain(new.iter().map(|word| of(word, true))).max().unwrap_or(Severity::Note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loads_code_or_grants_rights_is_an_error() {
        let words = |words: &[(Inherited, &str)]| {
            words.iter().map(|(what, name)| (*what, Name::parse(name))).collect::<Vec<_>>()
        };
        use Inherited::{Directory, Open, Umask, Variable};
        for (old, new, is) in [
            (&[][..], &[(Variable, "LD_PRELOAD=./l.so")][..], Severity::Error),
            (&[(Variable, "LD_PRELOAD=./l.so")], &[], Severity::Warn),
            (&[(Variable, "MODE=safe")], &[(Variable, "MODE=unsafe")], Severity::Warn),
            (&[(Umask, "0077")], &[(Umask, "0022")], Severity::Error),
            (&[], &[(Umask, "0000")], Severity::Error),
            (&[], &[(Umask, "0077")], Severity::Warn),
            (&[], &[(Open, "$WS/log")], Severity::Note),
            (&[], &[(Open, "$HOME/.netrc")], Severity::Error),
            (&[], &[(Directory, "$WS/d")], Severity::Warn),
        ] {
            assert_eq!(severity(&words(old), &words(new)), is, "{new:?}");
        }
        let inherited = words(&[(Umask, "0077"), (Variable, "A=b c"), (Variable, "PATH=/x")]);
        let shown = |_, name: &str| name.to_owned();
        assert_eq!(text(&inherited, shown), "umask 0077 'A=b c' PATH=/x");
        // The value is a secret, but where code comes from is what a reviewer must see.
        assert_eq!(text(&inherited, hidden), "umask 0077 'A=***5dee' PATH=/x");
        assert_eq!(text(&[], hidden), "-");
    }
}
