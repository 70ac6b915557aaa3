//! Makes one line of equal changes in several processes, and of the files that one cause reads: a
//! locale, a time zone, the modules of an import. JSON and `--all` have each.

use std::borrow::Cow;
use std::collections::HashMap;

use super::words;
use crate::diff::policy::subject;
use crate::diff::report::{Change, Difference};
use crate::diff::rule::{Rule, Severity};
use crate::diff::verdict::Verdict;
use crate::text::counted;

/// How many programs, files or modules are named.
const NAMED: usize = 6;

/// What the differences of one line have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Cause {
    /// Words of a command line and what they became.
    Words(String, String),
    /// A variable of the environment, words of it and what they became.
    State(String, String, String),
    /// Files for one purpose that one run reads, or each run others.
    Files(&'static str, Option<Change>),
    /// The same change, in other processes.
    Same(Rule, Change, String, Option<String>, Option<String>),
}

/// Returns a verdict with its differences folded, and the same answer to whether it passes.
pub(super) fn folded(verdict: &Verdict) -> Cow<'_, Verdict> {
    if verdict.all {
        return Cow::Borrowed(verdict);
    }
    let mut folded = verdict.clone();
    if !verdict.passes() {
        // Fewer lines must not pass.
        folded.tolerated = 0;
    }
    folded.report.differences = fold(std::mem::take(&mut folded.report.differences));
    // What was folded before stays so.
    folded.all = true;
    Cow::Owned(folded)
}

fn fold(differences: Vec<Difference>) -> Vec<Difference> {
    let mut places = HashMap::<(Cause, Severity), usize>::new();
    let mut groups: Vec<(Cause, Vec<Difference>)> = Vec::new();
    for difference in differences {
        let cause = cause(&difference);
        let place = places.entry((cause.clone(), difference.gravest())).or_insert(groups.len());
        match groups.get_mut(*place) {
            Some((_, group)) => group.push(difference),
            None => groups.push((cause, vec![difference])),
        }
    }
    groups.into_iter().filter_map(|(cause, group)| one(&cause, group)).collect()
}

/// Makes one difference of a group.
fn one(cause: &Cause, group: Vec<Difference>) -> Option<Difference> {
    let count = group.len();
    let names = match cause {
        Cause::Words(..) | Cause::State(..) => distinct(group.iter().map(|one| one.what.clone())),
        Cause::Files(..) | Cause::Same(..) => Vec::new(),
    };
    let files = |change: Change| {
        let of_change = group.iter().filter(|one| one.change == change);
        distinct(of_change.filter_map(|one| Some(purpose(one)?.1)))
    };
    let both = [Change::Removed, Change::Added].map(files);
    let events = [0, 1].map(|side: usize| group.iter().filter_map(|one| one.events[side]).min());
    let mut group = group.into_iter();
    let mut first = group.next()?;
    let processes = format!(" (in {})", counted(count, "process"));
    if let Cause::State(variable, before, after) = cause {
        first.what = format!("{}: {variable}", listed(&names));
        let processes = if count > 1 { &*processes } else { "" };
        (first.before, first.after) = (Some(before.clone()), Some(format!("{after}{processes}")));
    } else if let Cause::Words(before, after) = cause
        && (count > 1 || is_long(&first))
    {
        first.what = listed(&names);
        let processes = if count > 1 { &*processes } else { "" };
        (first.before, first.after) = (Some(before.clone()), Some(format!("{after}{processes}")));
    } else if count > 1 {
        match cause {
            Cause::State(..) | Cause::Words(..) => {}
            Cause::Files(files, _) if both.iter().any(Vec::is_empty) => {
                let verb = if first.rule == Rule::ProbeNew { "look up" } else { "read" };
                let names = listed(&both.concat());
                first.what = format!("{verb} {files}: {names} ({count} names)");
            }
            Cause::Files(files, _) => {
                (first.change, first.what) = (Change::Changed, format!("read {files}"));
                first.events = events;
                [first.before, first.after] = both.map(|names| Some(listed(&names)));
            }
            Cause::Same(..) => match &mut first.after {
                Some(after) => *after += &processes,
                None => first.what += &processes,
            },
        }
    }
    let mut consequences = std::mem::take(&mut first.consequences);
    consequences.extend(group.flat_map(|one| one.consequences));
    first.consequences = fold(consequences);
    Some(first)
}

/// Whether two command lines are so long that only the words that differ are shown.
fn is_long(difference: &Difference) -> bool {
    /// About four lines of a terminal.
    const LONGEST: usize = 320;
    let Difference { before, after, .. } = difference;
    before.iter().chain(after).map(String::len).sum::<usize>() > LONGEST
}

/// Returns the first of several names, and how many there are besides.
fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn cause(difference: &Difference) -> Cause {
    let Difference { rule, change, what, before, after, .. } = difference;
    if let (Rule::ExecArgv, Some(before), Some(after)) = (rule, before, after) {
        let [before, after] = words::changed([before, after].map(|text| words::of(text)));
        return Cause::Words(before, after);
    }
    if let (Rule::ExecState, Some(before), Some(after)) = (rule, before, after)
        && let Some([variable, before, after]) = changed_variable(before, after)
    {
        return Cause::State(variable, before, after);
    }
    if let Some((files, _)) = purpose(difference) {
        // Another locale or time zone is one change, another module is not.
        let changes = files.ends_with(" files");
        return Cause::Files(files, Some(*change).filter(|_| !changes));
    }
    Cause::Same(*rule, *change, what.clone(), before.clone(), after.clone())
}

/// Returns the name of a variable that differs in some of its words, and these words. `None` if
/// more than one variable differs, or all of it.
fn changed_variable(before: &str, after: &str) -> Option<[String; 3]> {
    // A quote in quotes.
    let plain = [before, after].map(|text| text.replace(r"'\''", "\""));
    let value = |text: &'_ str| -> Option<(String, String)> {
        let (name, value) = text.strip_prefix('\'')?.strip_suffix('\'')?.split_once('=')?;
        // Otherwise it is several variables.
        (!value.contains('\'')).then(|| (name.to_owned(), value.to_owned()))
    };
    let [(name, before), (of_after, after)] = [value(&plain[0])?, value(&plain[1])?];
    // Its spaces are escaped.
    let both = [&before, &after].map(|text| text.split("\\x20").collect::<Vec<_>>());
    let all = both.each_ref().map(|words| words.join(" "));
    let [before, after] = words::changed(both);
    let is_part = before != all[0] && after != all[1];
    (name == of_after && is_part).then_some([name, before, after])
}

/// Returns what a file is for, and its name there, if reading it is not grave.
fn purpose(difference: &Difference) -> Option<(&'static str, String)> {
    let reads = matches!(difference.rule, Rule::FsReadNew | Rule::FsReadGone | Rule::ProbeNew);
    if !reads || difference.gravest() > Severity::Note {
        return None;
    }
    let (_, resource, _) = subject(difference)?;
    let path = resource.subject.file()?;
    let after = |folder: &str| path.split_once(folder).map(|(_, rest)| rest.to_owned());
    if let Some(name) = after("/zoneinfo/") {
        return Some(("time zone files", name));
    }
    if path == "/etc/localtime" || path.ends_with("/zoneinfo") {
        return Some(("time zone files", path.to_owned()));
    }
    if let Some(name) = after("/locale/").or_else(|| after("/gconv/")) {
        // The language, and not each of its files.
        return Some(("locale files", name.split('/').next().unwrap_or_default().to_owned()));
    }
    if path.ends_with("/locale.alias") || path.ends_with("/locale") {
        return Some(("locale files", path.to_owned()));
    }
    let (folder, rest) = match path.split_once("/node_modules/") {
        Some((_, rest)) => ("Node packages", rest),
        None => ("Python modules", python(path)?),
    };
    let mut parts = rest.split('/').filter(|part| *part != "__pycache__");
    let name = match parts.next()? {
        scope if scope.starts_with('@') => format!("{scope}/{}", parts.next().unwrap_or_default()),
        name if folder == "Python modules" => name.split('.').next()?.to_owned(),
        name => name.to_owned(),
    };
    Some((folder, name))
}

/// Returns the path of a file below the folder of Python's modules.
fn python(path: &str) -> Option<&str> {
    let packages = ["/site-packages/", "/dist-packages/", "/lib-dynload/"];
    if let Some((_, rest)) = packages.iter().find_map(|folder| path.split_once(folder)) {
        return Some(rest);
    }
    let (_, rest) = path.split_once("/lib/python")?;
    let (version, rest) = rest.split_once('/')?;
    let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::format::lines::line;

    fn argv(role: &str, before: &str, after: &str) -> Difference {
        Difference {
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
            ..Difference::new(Rule::ExecArgv, Change::Changed, role.to_owned())
        }
    }

    fn read(path: &str) -> Difference {
        Difference::new(Rule::FsReadNew, Change::Added, format!("read {path}")).with_effect()
    }

    fn told(differences: Vec<Difference>) -> Vec<String> {
        fold(differences).iter().map(line).collect()
    }

    #[test]
    fn one_flag_in_many_command_lines_is_one_line() {
        let lines = [
            argv("cc", "cc -O2 -c a.c", "cc -O3 -c a.c"),
            argv("cc", "cc -O2 -c b.c", "cc -O3 -c b.c"),
            argv("cc1", "cc1 ... x -O2 'b c' ...", "cc1 ... x -O3 'b c' ..."),
            argv("ld", "ld a", "ld b"),
        ];
        assert_eq!(
            told(lines.to_vec()),
            ["~ cc, cc1: -O2 => -O3 (in 3 processes)", "~ ld: ld a => ld b"]
        );
        let added = ["a.c", "b.c"]
            .map(|file| argv("cc", &format!("cc {file}"), &format!("cc -Wall {file}")));
        assert_eq!(told(added.to_vec()), ["~ cc: without -Wall => -Wall (in 2 processes)"]);
        let removed = ["a.c", "b.c"]
            .map(|file| argv("cc", &format!("cc 'a b' {file}"), &format!("cc {file}")));
        assert_eq!(told(removed.to_vec()), ["~ cc: 'a b' => without 'a b' (in 2 processes)"]);
    }

    #[test]
    fn one_word_in_a_variable_of_many_programs_is_one_line() {
        let quote = |word: &str| format!(r"'\''{word}'\''");
        let state = |role: &str, flag: &str, file: &str| {
            let value =
                |flag: &str| format!(r"'OPTIONS={}{flag}\x20{}'", quote("-O1"), quote(file));
            let after = value(&format!(r"\x20{}", quote(flag)));
            Difference { rule: Rule::ExecState, ..argv(role, &value(""), &after) }
        };
        assert_eq!(
            told(vec![state("cc1", "-g", "a"), state("cc1", "-g", "b"), state("as", "-g", "a")]),
            [r#"~ cc1, as: OPTIONS: without "-g" => "-g" (in 3 processes)"#]
        );
        assert_eq!(
            told(vec![state("cc1", "-g", "a")]),
            [r#"~ cc1: OPTIONS: without "-g" => "-g""#]
        );
        // All of a variable, and several of them, are shown.
        for (before, after) in [
            ("MODE=a", "MODE=b"),
            ("'A=1_2'", "'A=3_4'"),
            ("'A=1_2'", "'B=1_2'"),
            ("'A=1_2' 'B=3_4'", "'A=1_2' 'B=3_5'"),
        ] {
            let [from, to] = [before, after].map(|text| text.replace('_', r"\x20"));
            let difference = Difference { rule: Rule::ExecState, ..argv("sh", &from, &to) };
            let [before, after] = [before, after].map(|text| text.replace('_', " "));
            assert_eq!(told(vec![difference]), [format!("~ sh: {before} => {after}")]);
        }
    }

    #[test]
    fn files_of_one_purpose_are_one_line() {
        let mut all = vec![
            read("/usr/lib/python3.13/json/__init__.py"),
            read("/usr/lib/python3.13/json/__pycache__/decoder.cpython-313.pyc"),
            read("/usr/lib/python3.13/__pycache__/re.cpython-313.pyc"),
            read("/usr/lib/python3.13/lib-dynload/_json.cpython-313-x86_64-linux-gnu.so"),
            read("$WS/node_modules/@a/b/index.js"),
            read("$WS/node_modules/c/index.js"),
            read("/usr/share/zoneinfo/Europe/Berlin"),
            read("/usr/share/zoneinfo/posixrules"),
            read("/usr/lib/locale/C.utf8/LC_CTYPE"),
            read("/usr/lib/locale/C.utf8/LC_TIME"),
            read("/etc/hosts"),
        ];
        assert_eq!(
            told(all.clone()),
            [
                "+ read Python modules: json, re, _json (4 names)",
                "+ read Node packages: @a/b, c (2 names)",
                "+ read time zone files: Europe/Berlin, posixrules (2 names)",
                "+ read locale files: C.utf8 (2 names)",
                "+ read /etc/hosts",
            ]
        );
        // What is grave stays a line of its own.
        all[1].severity = Severity::Error;
        assert_eq!(
            told(all)[..2],
            [
                "+ read Python modules: json, re, _json (3 names)",
                "+ read /usr/lib/python3.13/json/__pycache__/decoder.cpython-313.pyc",
            ]
        );
        let gone = |path: &str| {
            let text = format!("read {path}");
            Difference::new(Rule::FsReadGone, Change::Removed, text).with_effect()
        };
        assert_eq!(
            told(vec![
                read("/usr/share/zoneinfo/Europe/Berlin"),
                gone("/usr/share/zoneinfo/Etc/UTC"),
                gone("/usr/lib/python3.13/re/__init__.py"),
                read("/usr/lib/python3.13/json/__init__.py"),
            ]),
            [
                "~ read time zone files: Etc/UTC => Europe/Berlin",
                "- read /usr/lib/python3.13/re/__init__.py",
                "+ read /usr/lib/python3.13/json/__init__.py",
            ]
        );
        let same = |process: &str| Difference { process: process.to_owned(), ..read("/etc/hosts") };
        assert_eq!(told(vec![same("a>b"), same("a>c")]), ["+ read /etc/hosts (in 2 processes)"]);
    }
}
