//! What each rule means, with an example and a way to silence it.

use std::fmt::Write as _;

use super::Level;
use super::rule::{Rule, Severity};

/// What is said about a rule besides its name, severity and meaning.
#[derive(Clone, Copy)]
pub(crate) struct Explanation {
    /// The level from which it is found.
    pub(crate) level: Level,
    /// A line of a report.
    pub(crate) example: &'static str,
    /// Keys of an entry of a policy that matches the example; empty if no entry can.
    pub(crate) silenced_by: &'static str,
    /// What else is to be known.
    pub(crate) more: &'static str,
}

const OWN: &str = "It is a warn below $WS and $TMP, and where the operation fails.";
const LOOPBACK: &str = "It is a warn on the loopback.";
const NEVER: &str = "No entry silences it: change the policy, or the program.";
const COUNTED: &str = "A baseline never learns it as noise.";

/// Makes a row of [`TABLE`].
const fn row(
    rule: Rule,
    level: Level,
    example: &'static str,
    silenced_by: &'static str,
    more: &'static str,
) -> (Rule, Explanation) {
    (rule, Explanation { level, example, silenced_by, more })
}

/// What is said about each rule.
const TABLE: &[(Rule, Explanation)] = &[
    row(Rule::ExitStatus, Level::Effects, "~ exit: 0 => 1", "role = \"make\"", COUNTED),
    row(Rule::ExitSignal, Level::Effects, "~ exit: 0 => SIGSEGV", "role = \"make\"", COUNTED),
    row(
        Rule::RunIncomplete,
        Level::Effects,
        "+ the log is not whole",
        "",
        "Record again, with more room on the disk; `sysreel info` says what is missing.",
    ),
    row(
        Rule::ExecNew,
        Level::Effects,
        "+ exec /usr/bin/curl",
        "resource = \"/usr/bin/curl\"",
        COUNTED,
    ),
    row(
        Rule::ExecGone,
        Level::Effects,
        "- exec /usr/bin/strip",
        "resource = \"/usr/bin/strip\"",
        COUNTED,
    ),
    row(
        Rule::ExecArgv,
        Level::Effects,
        "~ cc: cc -O2 x.c => cc -O3 x.c",
        "role = \"cc\"",
        "The words that differ are shown with those around them.",
    ),
    row(
        Rule::ExecState,
        Level::Effects,
        "~ make: MODE=safe => MODE=unsafe",
        "role = \"make\"",
        "Environment variables, the working directory, the umask, ignored signals and open files \
         that are new to the program and that its parent did not have. It is an error for variables \
         that load code, such as LD_PRELOAD.",
    ),
    row(
        Rule::RunState,
        Level::Effects,
        "~ umask: 0022 => 0077",
        "rule-only",
        "What the first program gets from outside of the run: users, groups and capabilities (warn), \
         the umask, ignored signals and variables that load code (note), other variables and open \
         files (info). Values of variables are shown as a hash, unless with --show-secrets.",
    ),
    row(Rule::ProcessCount, Level::Effects, "+ sleep 1", "role = \"sleep\"", ""),
    row(
        Rule::NetConnectNew,
        Level::Effects,
        "+ connect tcp 10.0.0.7:443",
        "resource = \"tcp 10.0.0.7:443\"",
        LOOPBACK,
    ),
    row(
        Rule::NetListenNew,
        Level::Effects,
        "+ listen tcp 0.0.0.0:80",
        "resource = \"tcp 0.0.0.0:80\"",
        LOOPBACK,
    ),
    row(
        Rule::NetUnixNew,
        Level::Effects,
        "+ connect unix /run/docker.sock",
        "resource = \"unix /run/docker.sock\"",
        "It is an info to a socket that does not exist, as that of name lookups.",
    ),
    row(
        Rule::NetGone,
        Level::Effects,
        "- connect tcp 10.0.0.7:443",
        "resource = \"tcp 10.0.0.7:443\"",
        "",
    ),
    row(Rule::FsWriteNew, Level::Effects, "+ write $WS/a.log", "resource = \"$WS/*.log\"", OWN),
    row(Rule::FsDeleteNew, Level::Effects, "+ unlink $WS/a.log", "resource = \"$WS/*.log\"", OWN),
    row(
        Rule::FsRenameNew,
        Level::Effects,
        "+ rename $WS/db.tmp -> $WS/db",
        "resource = \"$WS/db.tmp -> $WS/db\"",
        OWN,
    ),
    row(Rule::FsChangeGone, Level::Effects, "- write $WS/a.log", "resource = \"$WS/*.log\"", ""),
    row(Rule::FsPerm, Level::Effects, "~ chmod $WS/a: 0644 => 0666", "resource = \"$WS/a\"", OWN),
    row(
        Rule::FsCreate,
        Level::Effects,
        "~ create $WS/token: 0600,O_EXCL => 0644",
        "op = \"create\"\nresource = \"$WS/token\"",
        "It is an error if others get rights, or if O_EXCL or O_NOFOLLOW is gone.",
    ),
    row(
        Rule::FsFlags,
        Level::Effects,
        "~ flags $WS/a: O_NOFOLLOW => -",
        "op = \"flags\"\nresource = \"$WS/a\"",
        "It is an error if a guard is gone, such as O_NOFOLLOW, RESOLVE_BENEATH or \
         RENAME_NOREPLACE, and a note if one is new.",
    ),
    row(
        Rule::LockNew,
        Level::Effects,
        "+ lock $WS/db exclusive",
        "resource = \"$WS/db exclusive\"",
        "",
    ),
    row(
        Rule::LockLost,
        Level::Effects,
        "- lock $WS/db exclusive",
        "resource = \"$WS/db exclusive\"",
        "",
    ),
    row(
        Rule::Privilege,
        Level::Effects,
        "+ creds setuid 0",
        "op = \"creds\"",
        "It is a warn for limits and personalities.",
    ),
    row(
        Rule::Ipc,
        Level::Effects,
        "~ ipc shm:0x5353: 0600,IPC_CREAT => 0666,IPC_CREAT",
        "op = \"ipc\"",
        "It is an error if others get rights.",
    ),
    row(Rule::SignalSent, Level::Effects, "+ signal SIGTERM <pid>", "op = \"signal\"", ""),
    row(Rule::SignalReceived, Level::Sequence, "+ SIGPIPE", "role = \"make\"", ""),
    row(
        Rule::SecretRead,
        Level::Effects,
        "+ read $HOME/.ssh/id_ed25519",
        "resource = \"$HOME/.ssh/*\"",
        "An entry must name the rule: one on reads in general does not mean secrets.",
    ),
    row(Rule::PolicyForbid, Level::Effects, "+ write /etc/passwd", "", NEVER),
    row(Rule::PolicyBudget, Level::Effects, "+ open $WS/**: at most 40 => 52", "", NEVER),
    row(Rule::PolicyAssert, Level::Effects, "+ sequence: write sync rename", "", NEVER),
    row(
        Rule::ErrChanged,
        Level::Effects,
        "~ read $WS/a.conf: ok => EACCES",
        "resource = \"$WS/a.conf\"",
        "It is an error for operations that change files, execute or use the network.",
    ),
    row(Rule::DurabilityLost, Level::Effects, "- sync $WS/db", "resource = \"$WS/db\"", ""),
    row(
        Rule::DurabilityOrder,
        Level::Effects,
        "~ durability $WS/db.tmp -> $WS/db: durable => not-durable",
        "role = \"db\"",
        "It is a note where nothing is lost.",
    ),
    row(Rule::DurabilityNew, Level::Effects, "+ sync $WS/db", "resource = \"$WS/db\"", ""),
    row(Rule::FsReadNew, Level::Effects, "+ read $WS/q.h", "resource = \"$WS/*.h\"", ""),
    row(Rule::FsReadGone, Level::Effects, "- read $WS/q.h", "resource = \"$WS/*.h\"", ""),
    row(
        Rule::FsWriteContent,
        Level::Fields,
        "~ $WS/out: 20 bytes => 20 other bytes",
        "role = \"sort\"",
        "Bytes count in the order in which they are written. Small contents are shown.",
    ),
    row(
        Rule::StreamContent,
        Level::Fields,
        "~ <stdout>: 20 bytes => 24 bytes",
        "role = \"sort\"",
        "",
    ),
    row(Rule::MarkChanged, Level::Effects, "+ save: 0 times => 1 times", "rule-only", ""),
    row(Rule::ThreadCount, Level::Sequence, "~ threads: 4 => 5", "role = \"java\"", ""),
    row(Rule::CallNew, Level::Sequence, "+ stat $WS/a", "resource = \"$WS/a\"", ""),
    row(Rule::CallGone, Level::Sequence, "- stat $WS/a", "resource = \"$WS/a\"", ""),
    row(
        Rule::CallArgument,
        Level::Fields,
        "~ read $WS/a: openat flags=O_RDONLY => openat flags=O_RDONLY|O_CLOEXEC",
        "resource = \"$WS/a\"",
        "",
    ),
    row(
        Rule::GaveUp,
        Level::Sequence,
        "~ streams too different",
        "rule-only",
        "Compare at level effects, or smaller parts.",
    ),
    row(
        Rule::ProbeNew,
        Level::Effects,
        "+ stat $WS/q.h.gch ENOENT",
        "resource = \"$WS/*.gch\"",
        "",
    ),
    row(Rule::RetryCount, Level::Sequence, "~ read <pipe>: 1 => 3", "role = \"make\"", ""),
    row(
        Rule::Chunking,
        Level::Sequence,
        "~ write $WS/out: 4 calls => 1 calls",
        "role = \"cp\"",
        "",
    ),
    row(Rule::OrderOnly, Level::Sequence, "~ read $WS/a", "resource = \"$WS/a\"", ""),
    row(Rule::TimingOnly, Level::Timing, "~ fsync: 2 ms => 40 ms", "rule-only", ""),
    row(
        Rule::EnvDrift,
        Level::Effects,
        "~ surroundings: Linux 6.17 => Linux 6.18",
        "rule-only",
        "--allow-env-drift compares logs of different surroundings.",
    ),
];

impl Rule {
    /// Returns what is said about the rule.
    pub(crate) fn explanation(self) -> Explanation {
        const NOTHING: Explanation =
            Explanation { level: Level::Effects, example: "", silenced_by: "", more: "" };
        TABLE.iter().find(|(rule, _)| *rule == self).map_or(NOTHING, |(_, said)| *said)
    }
}

/// Returns the name of a level on the command line.
const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Effects => "effects",
        Level::Sequence => "sequence",
        Level::Fields => "fields",
        Level::Timing => "timing",
    }
}

/// Returns all rules as lines: id, severity, meaning.
#[must_use]
pub fn list() -> String {
    let mut text = String::new();
    for rule in Rule::ALL {
        let (id, severity) = (rule.id(), rule.severity().name());
        _ = writeln!(text, "{id:<18}{severity:<7}{}", rule.why());
    }
    text
}

/// Returns what a rule means, with an example and the entry of a policy that takes the example out.
#[must_use]
pub fn explain(rule: Rule) -> String {
    let Explanation { level, example, more, .. } = rule.explanation();
    let mut text = format!("{rule} ({})\n    {}\n\n", rule.severity(), sentence(rule.why()));
    _ = writeln!(text, "Found from level {} on. Example:", level_name(level));
    _ = writeln!(text, "    {example}");
    if !more.is_empty() {
        _ = writeln!(text, "\n{more}");
    }
    if let Some(entry) = entry(rule) {
        let least =
            if rule.severity() > Severity::Info { "" } else { "; --gate note hides it too" };
        _ = writeln!(text, "\nIn a policy (--policy FILE), this takes it out{least}:");
        entry.lines().for_each(|line| _ = writeln!(text, "    {line}"));
    }
    text
}

fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Returns an entry of a policy that takes the example of a rule out.
fn entry(rule: Rule) -> Option<String> {
    let keys = rule.explanation().silenced_by;
    let keys = match keys {
        "" => return None,
        "rule-only" => String::new(),
        keys => format!("{keys}\n"),
    };
    Some(format!("[[ignore]]\nrule = \"{rule}\"\n{keys}reason = \"why it does not matter\"\n"))
}

/// Returns the rows of the table of rules in docs/diff.md.
#[must_use]
pub fn table() -> String {
    let mut text = String::from("| rule | severity | level | meaning |\n|---|---|---|---|\n");
    for rule in Rule::ALL {
        let level = level_name(rule.explanation().level);
        _ = writeln!(text, "| `{rule}` | {} | {level} | {} |", rule.severity(), rule.why());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::diff::policy::{Lookup, Policy};
    use crate::diff::report::{Change, Difference};

    /// Makes a difference of an example.
    fn example(rule: Rule) -> Difference {
        let Explanation { example, silenced_by, .. } = rule.explanation();
        let (sign, text) = example.split_once(' ').unwrap();
        let change = match sign {
            "+" => Change::Added,
            "-" => Change::Removed,
            "~" => Change::Changed,
            other => panic!("{rule}: {other}"),
        };
        let what = text.split(": ").next().unwrap().to_owned();
        let role = silenced_by.strip_prefix("role = ").map_or("x", |role| role.trim_matches('"'));
        Difference { role: role.to_owned(), ..Difference::new(rule, change, what) }.with_effect()
    }

    /// The entry that is shown takes the example out, and says so for no other rule.
    #[test]
    fn entries_silence_their_examples() {
        let lookup = Lookup { folder: Path::new("/"), variable: &|_| None };
        for &rule in Rule::ALL {
            let Some(entry) = entry(rule) else { continue };
            let policy = Policy::parse(Path::new("p"), &entry, &lookup);
            let policy = policy.unwrap_or_else(|error| panic!("{rule}: {error}"));
            let [exception] = &policy.exceptions[..] else { panic!("{rule}") };
            assert!(exception.matcher.matches(&example(rule)), "{rule}: {entry}");
            for &other in Rule::ALL {
                assert!(other == rule || !exception.matcher.matches(&example(other)), "{other}");
            }
            assert!(explain(rule).contains("[[ignore]]"), "{rule}");
        }
    }

    #[test]
    fn all_rules_are_listed() {
        assert!(TABLE.iter().map(|(rule, _)| rule).eq(Rule::ALL));
        assert_eq!(list().lines().count(), Rule::ALL.len());
    }
}
