use std::path::Path;

use super::*;
use crate::Error;
use crate::diff::effect::Effect;
use crate::diff::report::{Change, Difference};
use crate::diff::resource::Name;
use crate::diff::rule::Rule;

fn parse(text: &str) -> Result<Policy, Error> {
    let variable = |name: &str| (name == "SET").then(|| "/set/here".into());
    Policy::parse(
        Path::new("ci.toml"),
        text,
        &Lookup { folder: Path::new("/ws/ci"), variable: &variable },
    )
}

#[test]
fn every_key_of_a_policy_is_parsed() {
    let policy = parse(
        r#"
        secrets = ["$HOME/.ssh/**"]
        [roots]
        UP = "../build"
        SET = "env:SET"
        ROOT = "/x/./y"
        [gate]
        fail-on = "warn"
        tolerate = 2
        [environment]
        key = ["machine", "libc"]
        [[ignore]]
        op = "read"
        resource = "/usr/**"
        reason = "the system's"
        expires = 2026-12-31
        [[allow]]
        rule = "net.connect.new"
        resource = "tcp 10.0.0.1:*"
        [[forbid]]
        op = "write"
        resource = "/etc/**"
        [[budget]]
        scope = "mark:start"
        op = "stat"
        max = 1
        [[assert]]
        scope = "mark:save"
        sequence = "write($WS/db.tmp) sync rename($WS/db.tmp -> $WS/db) sync($WS)"
        "#,
    )
    .unwrap();
    let roots: Vec<_> =
        policy.roots.iter().map(|(name, path)| (name.as_str(), path.to_str().unwrap())).collect();
    assert_eq!(roots, [("ROOT", "/x/y"), ("SET", "/set/here"), ("UP", "/ws/build")]);
    assert_eq!(
        (policy.gate, policy.tolerated, policy.level()),
        (Some(Severity::Warn), 2, Level::Sequence)
    );
    assert_eq!(policy.key(), [KeyPart::Machine, KeyPart::Libc]);
    let is_secret = |name| policy.is_secret(&Name::parse(name).into(), RealNames::default());
    assert!(is_secret("$HOME/.ssh/id") && !is_secret("$HOME/ssh/id"));
    assert_eq!(policy.exceptions[0].expires, Some(Date { year: 2026, month: 12, day: 31 }));
    assert_eq!(parse("").unwrap().level(), Level::Effects);
}

#[test]
fn errors_name_the_line() {
    for (text, message) in [
        ("[[ignore]]\nop = \"read\"", "ci.toml:1: [[ignore]] needs a `reason`"),
        ("\n[[ignore]]\nreason = \"x\"", "ci.toml:2: [[ignore]] matches everything"),
        ("[[ignore]]\nrule = \"fs.read\"\nreason = \"x\"", "ci.toml:2: unknown rule `fs.read`"),
        ("\n\n[[ignore]]\nop = \"frob\"\nreason = \"x\"", "ci.toml:3: unknown operation `frob`"),
        ("[[ignore]]\nresource = \"a[\"\nreason = \"x\"", "ci.toml:2: invalid pattern `a[`"),
        (
            "[[ignore]]\nop = \"read\"\nreason = \"x\"\nexpires = 2026-12-31T00:00:00Z",
            "ci.toml:1: `expires` must be a date without a time",
        ),
        (
            "[[ignore]]\nop = \"read\"\nreason = \"x\"\nmax = 3",
            "ci.toml:1: `max` is not a key of [[ignore]]",
        ),
        ("[[forbid]]\nrule = \"exec.new\"", "ci.toml:1: `rule` is not a key of [[forbid]]"),
        ("[[budget]]\nop = \"read\"", "ci.toml:1: [[budget]] needs `max`"),
        ("[[budget]]\nop = \"read\"\nmax = 1\nscope = \"all\"", "ci.toml:4: invalid scope `all`"),
        ("[[assert]]\nscope = \"run\"", "ci.toml:1: [[assert]] needs a `sequence`"),
        ("[[assert]]\nsequence = \"write(a sync\"", "ci.toml:1: missing `)` in `write(a sync`"),
        ("[[assert]]\nsequence = \"fsync\"", "ci.toml:1: unknown operation `fsync`"),
        ("[[assert]]\nsequence = \" \"", "ci.toml:1: empty `sequence`"),
        ("[gate]\nfail-on = \"fatal\"", "ci.toml:2: unknown severity `fatal`"),
        ("[gate]\nfail = 1", "ci.toml:2: unknown field `fail`"),
        ("[roots]\nX = \"env:UNSET\"", "ci.toml:2: the variable UNSET is not set"),
        ("[roots]\n\"a b\" = \"x\"", "ci.toml:2: invalid root name `a b`"),
        ("secrets = [\"ok\", \"**x\"]", "ci.toml:1: invalid pattern `**x`"),
        ("[environment]\nkey = [\"distro\"]", "ci.toml:2: unknown variant `distro`"),
        ("a b c", "ci.toml:1:"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{text}\nsays: {error}\nnot:  {message}");
    }
}

fn difference(rule: Rule, change: Change, role: &str, what: &str) -> Difference {
    Difference {
        role: role.into(),
        process: format!("make>{role}"),
        ..Difference::new(rule, change, what.into())
    }
    .with_effect()
}

/// An entry matches by the keys it has, and each of them must match.
#[test]
fn entries_match_by_their_keys() {
    let read = difference(Rule::FsReadNew, Change::Added, "cc1", "read $WS/a/b.h");
    let probe = difference(Rule::ProbeNew, Change::Added, "sh", "stat /usr/bin/x ENOENT");
    let rename = difference(Rule::FsRenameNew, Change::Added, "mv", "rename $WS/a -> $TMP/b");
    let mut changed = difference(Rule::ErrChanged, Change::Changed, "sh", "write $WS/x");
    (changed.before, changed.after) = (Some("ok".into()), Some("EACCES".into()));
    let exit = difference(Rule::ExitStatus, Change::Changed, "make", "exit");
    let argv = difference(Rule::ExecArgv, Change::Changed, "gcc", "gcc");
    let all = [&read, &probe, &rename, &changed, &exit, &argv];
    for (entry, matched) in [
        ("rule = \"fs.read.new\"", &[&read][..]),
        ("role = \"cc*\"", &[&read]),
        ("op = \"read\"", &[&read]),
        ("op = \"stat\"", &[&probe]),
        ("op = \"exit\"", &[&exit]),
        ("op = \"read\"\nresource = \"$WS/*\"", &[]),
        ("resource = \"$WS/**\"", &[&read, &changed]),
        ("resource = \"$*/**\"", &[&read, &rename, &changed]),
        ("resource = \"$WS/a -> **\"", &[&rename]),
        ("result = \"ENOENT\"", &[&probe]),
        ("result = \"EACCES\"", &[&changed]),
        ("process = \"make>s?\"", &[&probe, &changed]),
        ("resource = \"gcc\"", &[&argv]),
        ("role = \"sh\"\nop = \"write\"", &[&changed]),
    ] {
        let policy = parse(&format!("[[ignore]]\nreason = \"x\"\n{entry}")).unwrap();
        let found: Vec<&str> = all
            .iter()
            .filter(|d| policy.exceptions[0].matcher.matches(d))
            .map(|d| d.what.as_str())
            .collect();
        let wanted: Vec<&str> = matched.iter().map(|d| d.what.as_str()).collect();
        assert_eq!(found, wanted, "{entry}");
    }
}

/// The syntax of patterns, as docs/ci.md describes it.
#[test]
fn patterns_match_whole_names() {
    for (pattern, matching, others) in [
        ("/etc/*", &["/etc/a", "/etc/.a", "/etc/"][..], &["/etc", "/etc/a/b", "/ETC/a"][..]),
        ("/etc/**", &["/etc/a", "/etc/a/b", "/etc/.a/b"], &["/etc", "/etcx/a"]),
        ("/a/**/b", &["/a/b", "/a/x/b", "/a/x/y/b"], &["/a/xb", "/ab"]),
        ("**/b", &["b", "/b", "/a/b"], &["/ab"]),
        ("a?b", &["axb", "a\u{e9}b", "a\\b"], &["ab", "a/b", "axxb"]),
        ("[ab]", &["a", "b"], &["c", "A"]),
        ("[a-c\u{e9}]", &["b", "\u{e9}"], &["d"]),
        ("[!a]", &["b", "\u{e9}"], &["a", "/"]),
        ("[^a]", &["^", "a"], &["b"]),
        ("[]]", &["]"], &["[]]"]),
        ("[*][?][[]", &["*?["], &["a?[", "*b["]),
        ("{a,b}", &["{a,b}"], &["a", "b"]),
        ("a\\x20*", &["a\\x20b"], &["a b", "ax20b"]),
        ("\\*", &["\\a"], &["*"]),
        ("$WS/<new>.o", &["$WS/<new>.o"], &["$WS/x.o"]),
        ("tcp 10.0.0.1:*", &["tcp 10.0.0.1:80"], &["tcp 10.0.0.10:80"]),
    ] {
        let pattern = Pattern::new(pattern).unwrap();
        for name in matching {
            assert!(pattern.matches(name), "{pattern:?} does not match {name}");
        }
        for name in others {
            assert!(!pattern.matches(name), "{pattern:?} matches {name}");
        }
    }
    for pattern in ["a**", "**a", "***", "[", "[]", "[!]", "a -> ["] {
        assert!(Pattern::new(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn effects_ignored_everywhere_are_left_out_of_baselines() {
    let policy = parse(
        "[[ignore]]\nreason = \"x\"\nop = \"read\"\nresource = \"/usr/**\"\nexpires = 2026-06-30\n\
         [[ignore]]\nreason = \"x\"\nrule = \"fs.read.new\"\nresource = \"/etc/**\"\n\
         [[allow]]\nop = \"stat\"\nresource = \"/opt/*\"",
    )
    .unwrap();
    let day = |month, day| Date { year: 2026, month, day };
    let ignores = |line: &str, today| {
        policy.ignores(&line.parse::<Effect>().unwrap(), RealNames::default(), today)
    };
    assert!(ignores("sh read /usr/lib/x ok", day(6, 30)));
    assert!(!ignores("sh read /usr/lib/x ok", day(7, 1)));
    assert!(!ignores("sh write /usr/lib/x ok", day(6, 30)));
    // An entry with a rule matches differences only, never effects.
    assert!(!ignores("sh read /etc/x ok", day(6, 30)));
    assert!(ignores("sh stat /opt/x ok", day(6, 30)));
}

#[test]
fn days_match_the_calendar() {
    for (seconds, day) in [
        (0, "1970-01-01"),
        (951_782_399, "2000-02-28"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (1_798_761_599, "2026-12-31"),
        (4_107_542_400, "2100-03-01"),
    ] {
        assert_eq!(Date::from_unix_time(seconds).to_string(), day);
    }
}

/// The text of a difference may begin with the name of an operation without being about one.
#[test]
fn programs_are_no_operations() {
    let policy = parse("[[ignore]]\nop = \"sync\"\nreason = \"x\"").unwrap();
    let matcher = &policy.exceptions[0].matcher;
    let of_program = Difference::new(Rule::ProcessCount, Change::Added, "sync $WS/a".into());
    let of_call = difference(Rule::DurabilityNew, Change::Added, "perl", "sync $WS/a");
    assert!(!matcher.matches(&of_program) && matcher.matches(&of_call));
}

#[test]
fn consequences_of_a_dropped_difference_are_kept() {
    let follows = difference(Rule::FsReadNew, Change::Added, "a", "read b");
    let root = Difference {
        consequences: vec![follows.clone()],
        ..difference(Rule::FsWriteNew, Change::Added, "a", "write b")
    };
    let left = prune(vec![root.clone()], &mut |d| d.rule != Rule::FsWriteNew);
    assert_eq!(left, [follows]);
    let left = prune(vec![root], &mut |d| d.rule != Rule::FsReadNew);
    assert!(left.len() == 1 && left[0].consequences.is_empty());
}

/// What follows from a difference goes with it, but for what needs an entry of its own.
#[test]
fn exceptions_take_what_follows() {
    let one = |rule, what: &str, consequences| Difference {
        consequences,
        ..difference(rule, Change::Added, "tool", what)
    };
    let (secret, net) = ("read $HOME/.ssh/id", "connect tcp 10.0.0.1:443");
    let found = || {
        vec![
            one(
                Rule::ExecNew,
                "exec /usr/bin/tool",
                vec![
                    one(
                        Rule::FsWriteNew,
                        "write $WS/a",
                        vec![one(Rule::SecretRead, secret, vec![])],
                    ),
                    one(Rule::NetConnectNew, net, vec![]),
                    one(Rule::FsReadNew, "read $WS/b", vec![]),
                ],
            ),
            one(Rule::FsReadNew, "read $WS/c", vec![]),
        ]
    };
    let policy = parse(
        "[[allow]]\nrule = 'exec.new'\nresource = '/usr/bin/tool'\n\
         [[ignore]]\nresource = '$WS/d'\nreason = 'none'\n",
    )
    .unwrap();
    let mut counts = [0, 0];
    let mut left: Vec<String> = policy
        .take_out(found(), Date::from_unix_time(0), &mut counts)
        .into_iter()
        .map(|left| left.what)
        .collect();
    left.sort_unstable();
    assert_eq!(left, [net, secret, "read $WS/c"]);
    // Entries that ignore come before those that allow.
    assert_eq!(counts, [0, 3]);
    let untouched = parse("").unwrap().take_out(found(), Date::from_unix_time(0), &mut []);
    assert_eq!(untouched, found());
}
