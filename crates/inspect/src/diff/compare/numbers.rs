//! Gives a common name to names and arguments that contain a number of their run: a pid, as
//! `run.$$` does, the time of day, or a port that the kernel chose.
//!
//! A number counts only if both runs say so: the texts are equal but for numbers, and each of these
//! is the same thing in its run. A pid is that of the same relative, in the tree of processes, of
//! the process that uses the text: itself, a parent, the third child of the parent. So `head -c
//! 1024` stays what it is, even where 1024 is also the id of some task. A time, as a number or as
//! a date, lies within its run.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::dates::{Date, dates};
use crate::diff::resource::Name;
use crate::diff::run::Run;
use crate::state::ProcessId;

/// The numbers of a run: its processes by id and by parent, its time and its ports.
struct Numbers<'r> {
    run: &'r Run,
    by_id: HashMap<u32, Vec<ProcessId>, RandomState>,
    /// The place of each process among the children of its parent.
    ordinals: Vec<u32>,
}

impl<'r> Numbers<'r> {
    fn new(run: &'r Run) -> Self {
        let mut by_id = HashMap::<u32, Vec<ProcessId>, RandomState>::default();
        for (id, process) in &run.tasks {
            by_id.entry(*id).or_default().push(*process);
        }
        let mut children = HashMap::<Option<ProcessId>, u32, RandomState>::default();
        let ordinals = run.processes.iter().map(|process| {
            let count = children.entry(process.parent).or_default();
            *count += 1;
            *count
        });
        let ordinals = ordinals.collect();
        Self { run, by_id, ordinals }
    }

    fn parent(&self, id: ProcessId) -> Option<ProcessId> {
        self.run.processes.get(usize::try_from(id.0).ok()?)?.parent
    }

    /// Returns how far above a process another one is.
    fn above(&self, id: ProcessId, of: ProcessId) -> Option<usize> {
        /// A program hardly knows the ids of processes that are further away.
        const FURTHEST: usize = 16;
        let mut at = Some(of);
        (0..FURTHEST).find(|_| {
            let found = at == Some(id);
            at = at.filter(|_| !found).and_then(|at| self.parent(at));
            found
        })
    }

    /// Returns what a number is to a process: what both runs call it, and what is shown.
    fn meaning(&self, number: u64, of: ProcessId) -> Option<(String, &'static str)> {
        let pid = u32::try_from(number).ok().and_then(|id| self.relative(id, of));
        if let Some(relative) = pid {
            return Some((relative, "<pid>"));
        }
        if u16::try_from(number).is_ok_and(|port| self.run.ports.contains(&port)) {
            return Some(("port".to_owned(), "<port>"));
        }
        self.is_time(number).then(|| ("time".to_owned(), "<time>"))
    }

    /// Whether a number is a time within the run: seconds since 1970, or milliseconds,
    /// microseconds or nanoseconds.
    fn is_time(&self, number: u64) -> bool {
        let Some((start, end)) = self.run.clock else { return false };
        [1_000_000_000, 1_000_000, 1000, 1]
            .iter()
            .any(|unit| (start / unit..=end / unit).contains(&number))
    }

    /// Returns which relative of a process has this id.
    fn relative(&self, number: u32, of: ProcessId) -> Option<String> {
        /// Descendants further down are hardly known to the process.
        const DEEPEST: usize = 4;
        self.by_id.get(&number)?.iter().find_map(|&id| {
            if let Some(up) = self.above(id, of) {
                return Some(format!("^{up}"));
            }
            // A descendant of a parent: for example the agent that a sibling has left running.
            let (mut at, mut path) = (id, String::new());
            for _ in 0..DEEPEST {
                let ordinal = self.ordinals.get(usize::try_from(at.0).ok()?)?;
                path = format!(".{ordinal}{path}");
                at = self.parent(at)?;
                if let Some(up) = self.above(at, of) {
                    return Some(format!("^{up}{path}"));
                }
            }
            None
        })
    }

    /// Returns the forms of a text in which some numbers are those of the run, those with the
    /// fewest first.
    fn forms(&self, text: &str, user: ProcessId) -> Vec<Form> {
        /// More numbers of one text are not tried.
        const MOST: usize = 4;
        let within = |date: &Date| self.run.clock.is_some_and(|clock| date.is_within(clock));
        let dates: Vec<_> = dates(text).into_iter().filter(within).map(|date| date.range).collect();
        let mut own: Vec<_> = numbers(text)
            .filter(|(range, _)| {
                dates.iter().all(|date| date.end <= range.start || range.end <= date.start)
            })
            .filter_map(|(range, number)| Some((range, self.meaning(number, user)?)))
            .collect();
        own.extend(dates.into_iter().map(|range| (range, ("date".to_owned(), "<time>"))));
        own.sort_by_key(|(range, _)| range.start);
        own.truncate(MOST);
        let mut choices: Vec<u32> = (1..1_u32 << own.len()).collect();
        choices.sort_by_key(|choice| choice.count_ones());
        choices.into_iter().map(|choice| Form::new(text, &own, choice)).collect()
    }
}

/// A text in which some numbers are those of its run.
#[derive(Clone, Debug)]
struct Form {
    /// The text with what the numbers are, which is equal in both runs.
    key: String,
    /// The text that is shown.
    shown: String,
}

impl Form {
    fn new(text: &str, own: &[(Range<usize>, (String, &str))], choice: u32) -> Self {
        let (mut key, mut shown, mut at) = (String::new(), String::new(), 0);
        for (bit, (range, (meaning, name))) in own.iter().enumerate() {
            if choice & 1 << bit != 0 {
                let before = text.get(at..range.start).unwrap_or_default();
                // No canonical name contains control characters.
                _ = write!(key, "{before}\u{1}{meaning}\u{1}");
                _ = write!(shown, "{before}{name}");
                at = range.end;
            }
        }
        let rest = text.get(at..).unwrap_or_default();
        key.push_str(rest);
        shown.push_str(rest);
        Self { key, shown }
    }
}

/// Returns the decimal numbers in a text that may be those of its run: not those in a hash, which
/// contains any number sooner or later. So each is the only number of its word, and not among the
/// digits of a hexadecimal number.
fn numbers(text: &str) -> impl Iterator<Item = (Range<usize>, u64)> {
    /// The least length of a hash.
    const HASH: usize = 8;
    /// The least digits of a number beside which a letter may be one of words, as in `f31436`.
    const NUMBER: usize = 3;
    words(text).filter_map(move |word| {
        let start = word.find(|c: char| c.is_ascii_digit())?;
        let end = word.rfind(|c: char| c.is_ascii_digit())? + 1;
        let (before, digits, after) = (&word[..start], &word[start..end], &word[end..]);
        let all_hex = before.chars().chain(after.chars()).all(|c| c.is_ascii_hexdigit());
        let is_beside = !before.is_empty() && !after.is_empty();
        let has_letters = digits.len() < word.len();
        let is_short = digits.len() < NUMBER;
        let is_hash = all_hex && has_letters && (is_beside || is_short || word.len() >= HASH);
        let number = digits.parse().ok().filter(|_| !is_hash && !digits.starts_with('0'))?;
        let at = word.as_ptr().addr() - text.as_ptr().addr();
        Some((at + start..at + end, number))
    })
}

/// Returns the words of a text in which bytes without a character are escaped, as in `now\\x20on`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let word = &rest[..end];
        let escape = rest[end..].strip_prefix("\\x").and_then(|rest| rest.get(2..));
        rest = escape.unwrap_or_else(|| {
            rest.get(end + 1..).unwrap_or_else(|| {
                let mut chars = rest[end..].chars();
                chars.next();
                chars.as_str()
            })
        });
        Some(word)
    })
}

/// A name or an argument of one run.
struct Text<'r> {
    text: &'r str,
    user: ProcessId,
}

/// Returns the names of a run, with their users.
fn names(run: &Run) -> Vec<Text<'_>> {
    let users = run.users.iter().copied().chain(std::iter::repeat(ProcessId::NONE));
    run.names.iter().zip(users).map(|(name, user)| Text { text: name.as_str(), user }).collect()
}

/// Returns the arguments of all programs of a run, in order.
fn arguments(run: &Run) -> Vec<Text<'_>> {
    let processes = (0..).map(ProcessId).zip(&run.processes);
    processes
        .flat_map(|(user, process)| {
            let words = process.images.iter().flat_map(|image| &image.argv);
            words.map(move |text| Text { text, user })
        })
        .collect()
}

/// Returns what to show for each text of both runs that contains a number of its run.
fn common(a: (&Run, &[Text<'_>]), b: (&Run, &[Text<'_>])) -> [Vec<Option<String>>; 2] {
    let sides = [a, b];
    let all = sides.map(|(_, texts)| texts.iter().map(|one| one.text).collect::<BTreeSet<_>>());
    let forms = [0, 1].map(|side| {
        let (run, texts) = sides[side];
        let numbers = Numbers::new(run);
        let forms = texts.iter().map(|one| match all[1 - side].contains(one.text) {
            // A text that both runs have contains nothing of one run.
            true => Vec::new(),
            false => numbers.forms(one.text, one.user),
        });
        forms.collect::<Vec<_>>()
    });
    let keys = [0, 1].map(|side: usize| {
        forms[side].iter().flatten().map(|form| form.key.as_str()).collect::<BTreeSet<_>>()
    });
    [0, 1].map(|side| {
        let shown = |forms: &Vec<Form>| {
            forms.iter().find(|form| keys[1 - side].contains(&*form.key)).map(|f| f.shown.clone())
        };
        forms[side].iter().map(shown).collect()
    })
}

/// Replaces the numbers of their run in names and arguments of two runs.
pub(super) fn match_numbers(a: &mut Run, b: &mut Run) {
    let found = common((a, &names(a)), (b, &names(b)));
    let words = common((a, &arguments(a)), (b, &arguments(b)));
    for ((run, names), words) in [&mut *a, &mut *b].into_iter().zip(found).zip(words) {
        rename(run, &names);
        let own = run.processes.iter_mut().flat_map(|process| &mut process.images);
        for (word, shown) in own.flat_map(|image| &mut image.argv).zip(words) {
            if let Some(shown) = shown {
                *word = shown;
            }
        }
    }
    // What is left is in one run only. It is shown without its numbers, so that repeated
    // comparisons find the same, unless the other run has the name as it is, or would have it.
    let of_a: BTreeSet<String> = shown(a).into_iter().flatten().collect();
    let of_b: BTreeSet<String> = shown(b).into_iter().flatten().collect();
    let [names_a, names_b] =
        [&*a, &*b].map(|run| run.names.iter().cloned().collect::<HashSet<_, RandomState>>());
    let has = |names: &HashSet<Name, RandomState>, of: &BTreeSet<String>, old: &str, new: &str| {
        names.contains(old) || names.contains(new) || of.contains(new)
    };
    replace_numbers(a, &|old, new| has(&names_b, &of_b, old, new));
    replace_numbers(b, &|old, new| has(&names_a, &of_a, old, new));
}

/// Returns each name of a run with all numbers of the run replaced, if it contains one.
fn shown(run: &Run) -> Vec<Option<String>> {
    let numbers = Numbers::new(run);
    let shown =
        names(run).into_iter().map(|one| Some(numbers.forms(one.text, one.user).pop()?.shown));
    shown.collect()
}

/// Replaces the numbers of a run in its names, but for those that are to be kept; `keep` gets the
/// name and what it would become.
pub(crate) fn replace_numbers(run: &mut Run, keep: &dyn Fn(&str, &str) -> bool) {
    let shown = shown(run).into_iter().zip(&run.names);
    let shown: Vec<_> =
        shown.map(|(new, name)| new.filter(|new| !keep(name.as_str(), new))).collect();
    rename(run, &shown);
}

fn rename(run: &mut Run, shown: &[Option<String>]) {
    let pairs = run.names.iter().zip(shown);
    let new: HashMap<String, String, RandomState> = pairs
        .filter_map(|(name, shown)| Some((name.as_str().to_owned(), shown.clone()?)))
        .collect();
    run.rename(&|name| new.get(name).cloned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_hashes_are_no_pids() {
        let found = |text| numbers(text).map(|(_, number)| number).collect::<Vec<_>>();
        for (text, is) in [
            ("run.7213", vec![7213]),
            (".tmp-7213-pack", vec![7213]),
            (".java_pid27028", vec![27028]),
            ("$TMP/p31/b5", vec![31]),
            ("1024", vec![1024]),
            ("f31436", vec![31436]),
            ("fetch-pack\\x2024091\\x20on", vec![24091]),
            ("\u{e9}7213\u{e9}", vec![7213]),
            ("log-1764457011", vec![1_764_457_011]),
            ("a12b", vec![]),
            ("7c1ed27028", vec![]),
            ("cafe7213", vec![]),
            ("x1y2z3w4", vec![]),
            ("007", vec![]),
            ("99999999999999999999", vec![]),
        ] {
            assert_eq!(found(text), is, "{text}");
        }
    }
}
