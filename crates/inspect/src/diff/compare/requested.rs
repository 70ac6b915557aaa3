//! What two runs ask for of the same subject: permissions, flags, an order of flushing; and how
//! grave it is that one asks for something else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use sysreel_abi::intent;

use crate::diff::effect::Op;
use crate::diff::resource::Resource;
use crate::diff::rule::Severity;
use crate::diff::run::{NO_FLAGS, Seen};

/// Role, operation and resource of effects that may differ in their result.
pub(super) type Operation = (String, Op, Resource);
/// The effects of a run, by operation.
pub(super) type Set = HashMap<Operation, Results, RandomState>;

/// The effects of one operation, by result. Most have one.
#[derive(Clone, Debug, Default)]
pub(super) struct Results(Vec<(String, Seen)>);

impl Results {
    pub(super) fn get(&self, result: &str) -> Option<&Seen> {
        self.iter().find(|(known, _)| *known == result).map(|(_, seen)| seen)
    }

    pub(super) fn get_mut(&mut self, result: &str) -> Option<&mut Seen> {
        self.0.iter_mut().find(|(known, _)| known == result).map(|(_, seen)| seen)
    }

    /// Adds a result that it does not have.
    pub(super) fn insert(&mut self, result: String, seen: Seen) {
        let at = self.0.partition_point(|(known, _)| *known < result);
        self.0.insert(at, (result, seen));
    }

    /// Returns the results in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Seen)> {
        self.0.iter().map(|(result, seen)| (result.as_str(), seen))
    }

    /// Returns the names of the results in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(result, _)| result)
    }
}

/// Role, operation, subject and result of effects that may differ in what is asked for.
pub(super) type Request = (String, Op, Resource, String);
/// What one run asks for, with the whole resource.
pub(super) type Requested = BTreeMap<String, (Resource, Seen)>;

pub(super) fn is_ok(results: &Results) -> bool {
    results.get("ok").is_some()
}

/// Adds what both runs ask for, where one way hides the other: a file that is created for all
/// beside one for its owner, a write without a lock beside one with it.
pub(super) fn with_common(requests: &mut BTreeMap<Request, [Requested; 2]>, sets: &[Set; 2]) {
    let counts = |op: &Op| matches!(op, Op::Create | Op::Durability | Op::Flags | Op::Locked);
    if !requests.keys().any(|(_, op, ..)| counts(op)) {
        return;
    }
    for ((role, op, resource), results) in sets[0].iter().filter(|((_, op, _), _)| counts(op)) {
        let others = sets[1].get(&(role.clone(), *op, resource.clone()));
        let (Some(others), Some((subject, asked))) = (others, resource.request(*op)) else {
            continue;
        };
        for (result, seen) in results.iter() {
            let key = (role.clone(), *op, subject.clone(), result.to_owned());
            if let (Some(sides), Some(other)) = (requests.get_mut(&key), others.get(result)) {
                for (side, seen) in sides.iter_mut().zip([seen, other]) {
                    side.insert(asked.clone(), (resource.clone(), seen.clone()));
                }
            }
        }
    }
}

/// Adds that a run does without flags what the other does with them. A file that it does not reach
/// at all is another difference.
pub(super) fn without_flags(requests: &mut BTreeMap<Request, [Requested; 2]>, sets: &[Set; 2]) {
    let is_flags = |(_, op, ..): &&Request| *op == Op::Flags;
    if !requests.keys().any(|request| is_flags(&request)) {
        return;
    }
    let subjects = sets.each_ref().map(|set| {
        let mut subjects = HashMap::<_, _, RandomState>::default();
        let done = set.iter().filter(|((_, op, _), results)| is_ok(results) && *op != Op::Flags);
        for ((role, op, resource), results) in done {
            let subject = resource.request(*op).map(|(subject, _)| subject);
            let subject = subject.unwrap_or_else(|| resource.clone());
            // Of several operations the last one counts, in any order.
            let known = subjects.entry((role, subject)).or_insert((op, resource, results));
            if (known.0, known.1) < (op, resource) {
                *known = (op, resource, results);
            }
        }
        subjects
    });
    for ((role, op, subject, result), sides) in requests.iter_mut() {
        let Some(side) = sides.iter().position(BTreeMap::is_empty).filter(|_| *op == Op::Flags)
        else {
            continue;
        };
        let done = subjects[side].get(&(role, subject.clone()));
        if let Some(seen) = done.and_then(|(_, _, results)| results.get(result)) {
            let resource = subject.asking(NO_FLAGS);
            sides[side].insert(NO_FLAGS.to_owned(), (resource, seen.clone()));
        }
    }
}

/// Returns how grave another order of writing and flushing is: what is gained is worth a note.
pub(super) fn durability_severity([old, new]: &[String; 2]) -> Severity {
    let all = |text: &str, has: fn(&str) -> bool| text.split(' ').all(has);
    let tests: [fn(&str) -> bool; 2] =
        [|how| !how.starts_with("not-"), |how| how.ends_with(",directory")];
    let is_lost = |has: fn(&str) -> bool| all(old, has) && !all(new, has);
    if tests.into_iter().any(is_lost) { Severity::Warn } else { Severity::Note }
}

/// Returns how grave other permissions of a new file are: rights for others, or a guard that is
/// gone, is an error.
pub(super) fn creation_severity(texts: &[String; 2]) -> Severity {
    let [old, new] = texts.each_ref().map(|text| {
        let all = text.split(' ').map(|one| one.split(',').collect::<Vec<_>>());
        all.collect::<Vec<_>>()
    });
    // Set-user-id, set-group-id, and what the group and others may do.
    let rights = |all: &[Vec<&str>]| {
        all.iter().fold(0, |rights, one| {
            rights | one.first().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0)
        }) & 0o6077
    };
    let guarded = |all: &[Vec<&str>]| {
        ["O_EXCL", "O_NOFOLLOW"].map(|flag| all.iter().all(|one| one.contains(&flag)))
    };
    // A pipe or another device in place of the file.
    let kind = |all: &[Vec<&str>]| {
        let kinds = all.iter().flatten().filter(|word| is_special_file(word));
        kinds.map(|kind| (*kind).to_owned()).collect::<BTreeSet<_>>()
    };
    let lost = kind(&old) != kind(&new)
        || guarded(&old).into_iter().zip(guarded(&new)).any(|(old, new)| old && !new);
    if lost || rights(&new) & !rights(&old) != 0 { Severity::Error } else { Severity::Warn }
}

/// Whether a word of what a new file is granted is the kind of a special file.
fn is_special_file(word: &str) -> bool {
    let is_device = word.starts_with(['b', 'c']) && word.contains(':');
    is_device || matches!(word, "fifo" | "socket")
}

/// Returns how grave other flags are: an error if a guard is gone, a note if one is new.
pub(super) fn flags_severity(texts: &[String; 2]) -> Severity {
    let [old, new] = texts.each_ref().map(|text| {
        text.split(' ').map(|one| one.split(',').collect::<Vec<_>>()).collect::<Vec<_>>()
    });
    let guards = |all: &[Vec<&str>]| {
        let everywhere = |flag: &&str| all.iter().all(|one| one.contains(flag));
        let flags = all.iter().flatten().copied().filter(|flag| intent::is_guard(flag));
        flags.filter(everywhere).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let others = |all: &[Vec<&str>]| {
        let flags = all.iter().flatten().copied();
        let others = flags.filter(|flag| !intent::is_guard(flag) && *flag != NO_FLAGS);
        others.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    if !guards(&old).is_subset(&guards(&new)) {
        Severity::Error
    } else if others(&old) == others(&new) {
        Severity::Note
    } else {
        Severity::Warn
    }
}

/// Returns how grave another use of an IPC object is: rights for others are an error.
pub(super) fn ipc_severity(texts: &[String; 2]) -> Severity {
    let [old, new] = texts.each_ref().map(|text| {
        let modes = text.split([' ', ',']).filter(|word| word.starts_with('0'));
        modes.fold(0, |all, mode| all | u32::from_str_radix(mode, 8).unwrap_or(0)) & 0o077
    });
    if new & !old == 0 { Severity::Warn } else { Severity::Error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(severity: fn(&[String; 2]) -> Severity, old: &str, new: &str) -> Severity {
        severity(&[old.to_owned(), new.to_owned()])
    }

    #[test]
    fn a_guard_that_is_gone_is_an_error() {
        for (old, new, is) in [
            ("O_NOFOLLOW", "-", Severity::Error),
            ("O_NOFOLLOW", "- O_NOFOLLOW", Severity::Error),
            ("-", "O_NOFOLLOW", Severity::Note),
            ("RENAME_NOREPLACE", "RENAME_EXCHANGE", Severity::Error),
            ("-", "RENAME_EXCHANGE", Severity::Warn),
            ("O_NOFOLLOW,RESOLVE_BENEATH", "O_NOFOLLOW", Severity::Error),
        ] {
            assert_eq!(of(flags_severity, old, new), is, "{old} => {new}");
        }
    }

    #[test]
    fn another_kind_of_file_is_an_error() {
        for (old, new, is) in [
            ("0600,fifo", "0600", Severity::Error),
            ("0600,c1:3", "0600,c1:1", Severity::Error),
            ("0644,O_TRUNC", "0644,O_APPEND", Severity::Warn),
            ("0666", "0600", Severity::Warn),
            ("0600", "0666", Severity::Error),
        ] {
            assert_eq!(of(creation_severity, old, new), is, "{old} => {new}");
        }
    }

    #[test]
    fn rights_of_others_to_memory_are_an_error() {
        assert_eq!(of(ipc_severity, "0600,IPC_CREAT", "0666,IPC_CREAT"), Severity::Error);
        assert_eq!(of(ipc_severity, "0666,IPC_CREAT remove", "0600,IPC_CREAT"), Severity::Warn);
    }
}
