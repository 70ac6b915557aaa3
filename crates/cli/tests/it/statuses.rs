//! The table of exit statuses that `--help` shows is complete: each status of each command occurs,
//! and no other.

use crate::replay_pitfalls::elsewhere;
use crate::stage::Stage;
use std::collections::BTreeSet;
use std::fs;
use sysreel_format::{Limits, Log};

/// Statuses that a test of the binary cannot cause: findings of an audit need a wrong table
/// (tests/seeded), and browsing needs a terminal (browsing.rs).
const ELSEWHERE: &[(&str, &str)] = &[("record", "124"), ("browse", "0"), ("browse", "1")];

/// Command, status, command line.
const CASES: &[(&str, &str, &str)] = &[
    ("record", "N", "record -q -o x.reel sh -c 'exit 77'"),
    ("record", "2", "record"),
    ("record", "2", "record --only nonsense true"),
    ("record", "2", "record -o - --print true"),
    ("record", "2", "record --audit --capture-limit 0 true"),
    ("record", "2", "record --until-exit -p 1"),
    ("record", "125", "record -o missing/x.reel true"),
    ("record", "126", "record -q -o x.reel ./a.reel"),
    ("record", "127", "record -q -o x.reel ./missing"),
    ("print", "0", "print a.reel"),
    ("print", "1", "print missing.reel"),
    ("print", "1", "print a.reel > /dev/full"),
    ("print", "2", "print"),
    ("print", "2", "print --format raw --only read a.reel"),
    ("print", "2", "print --from x a.reel"),
    ("print", "3", "print cut.reel"),
    ("info", "0", "info --json a.reel"),
    ("info", "1", "info missing.reel"),
    ("info", "2", "info a.reel a.reel"),
    ("info", "3", "info cut.reel"),
    ("stat", "0", "stat a.reel"),
    ("stat", "1", "stat missing.reel"),
    ("stat", "2", "stat --from x a.reel"),
    ("stat", "3", "stat --json cut.reel"),
    ("tree", "0", "tree a.reel"),
    ("tree", "1", "tree missing.reel"),
    ("tree", "2", "tree --from x a.reel"),
    ("tree", "3", "tree --json cut.reel"),
    ("ps", "0", "ps a.reel"),
    ("ps", "1", "ps missing.reel"),
    ("ps", "2", "ps --from x a.reel"),
    ("ps", "3", "ps --json cut.reel"),
    ("files", "0", "files a.reel"),
    ("files", "1", "files missing.reel"),
    ("files", "2", "files --from x a.reel"),
    ("files", "3", "files --json cut.reel"),
    ("env", "0", "env a.reel"),
    ("env", "1", "env missing.reel"),
    ("env", "2", "env --from x a.reel"),
    ("env", "3", "env --json cut.reel"),
    ("maps", "0", "maps a.reel"),
    ("maps", "1", "maps missing.reel"),
    ("maps", "2", "maps --from x a.reel"),
    ("maps", "3", "maps --json cut.reel"),
    ("net", "0", "net a.reel"),
    ("net", "1", "net missing.reel"),
    ("net", "2", "net --from x a.reel"),
    ("net", "3", "net --json cut.reel"),
    ("fds", "0", "fds a.reel"),
    ("fds", "1", "fds missing.reel"),
    ("fds", "2", "fds --from x a.reel"),
    ("fds", "3", "fds --json cut.reel"),
    ("waits", "0", "waits a.reel"),
    ("waits", "1", "waits missing.reel"),
    ("waits", "2", "waits --from x a.reel"),
    ("waits", "3", "waits --json cut.reel"),
    ("stream", "0", "stream a.reel"),
    ("stream", "1", "stream missing.reel"),
    ("stream", "2", "stream --from x a.reel"),
    ("stream", "3", "stream --json cut.reel"),
    ("lint", "0", "lint a.reel"),
    ("lint", "1", "lint missing.reel"),
    ("lint", "2", "lint --from x a.reel"),
    ("lint", "3", "lint --json cut.reel"),
    ("export", "0", "export --to csv a.reel"),
    ("export", "1", "export --to csv missing.reel"),
    ("export", "2", "export --to nonsense a.reel"),
    ("export", "3", "export --to ndjson cut.reel"),
    ("report", "0", "report a.reel -o a.html"),
    ("report", "1", "report missing.reel -o a.html"),
    ("report", "2", "report a.reel b.reel -o a.html"),
    ("report", "3", "report cut.reel -o a.html"),
    ("report", "0", "report --diff a.reel b.reel -o a.html"),
    ("report", "1", "report --diff a.reel b.reel > /dev/full"),
    ("report", "3", "report --diff a.reel cut.reel -o a.html"),
    ("browse", "2", "browse a.reel > out.txt"),
    ("show", "0", "show a.reel 5"),
    ("show", "1", "show missing.reel 5"),
    ("show", "2", "show a.reel"),
    ("show", "3", "show cut.reel 5"),
    ("grep", "0", "grep ELF a.reel"),
    ("grep", "1", "grep ELF a.reel > /dev/full"),
    ("grep", "2", "grep text missing.reel"),
    ("grep", "3", "grep ELF cut.reel"),
    ("doctor", "0", "doctor"),
    ("doctor", "1", "doctor --folder missing"),
    ("doctor", "2", "doctor --nonsense"),
    ("completions", "0", "completions fish"),
    ("completions", "1", "completions fish > /dev/full"),
    ("completions", "2", "completions csh"),
    ("filter", "0", "filter --explain failed"),
    ("filter", "1", "filter --explain failed > /dev/full"),
    ("filter", "2", "filter --explain faild"),
    ("diff", "0", "diff a.reel a.reel"),
    ("diff", "1", "diff a.reel b.reel"),
    ("diff", "2", "diff a.reel"),
    ("diff", "2", "diff --policy missing.toml a.reel b.reel"),
    ("diff", "3", "diff a.reel cut.reel"),
    ("diff", "4", "diff a.reel structs.reel"),
    ("ab", "0", "ab -n 1 -a true -b true"),
    ("ab", "1", "ab -n 1 -a true -b 'touch new'"),
    ("ab", "2", "ab true"),
    ("ab", "3", "ab -n 1 -a true -b ./missing"),
    ("baseline check", "0", "baseline check -f good --confirm 0"),
    ("baseline check", "1", "baseline check -f good --ci --confirm 0 -- touch new2"),
    ("baseline check", "2", "baseline check --gate nonsense"),
    ("baseline check", "3", "baseline check -f good ./missing"),
    ("baseline check", "4", "baseline check -f missing"),
    ("baseline record", "0", "baseline record -n 1 -f fresh true"),
    ("baseline record", "2", "baseline record --ci true"),
    ("baseline record", "3", "baseline record -n 1 -f missing/x true"),
    ("baseline review", "0", "baseline review -f changed"),
    ("baseline review", "1", "baseline review -f changed > /dev/full"),
    ("baseline review", "2", "baseline review -f good"),
    ("baseline accept", "0", "baseline accept -f changed"),
    ("baseline accept", "2", "baseline accept -f good"),
    ("baseline migrate", "0", "baseline migrate good"),
    ("baseline migrate", "2", "baseline migrate a.reel"),
    ("replay", "0", "replay r.reel"),
    ("replay", "0", "replay --until 5 r.reel"),
    ("replay", "0", "replay --until 5 r-cut.reel"),
    ("replay", "1", "replay r.reel > /dev/full"),
    ("replay", "2", "replay --patience 0 r.reel"),
    ("replay", "3", "replay a.reel"),
    ("replay", "3", "replay r-cut.reel"),
    ("replay", "4", "replay other.reel"),
    ("verify", "0", "verify -q -n 2 -- true"),
    ("verify", "1", "verify -q -n 2 -- sh -c 'echo >>grows; cat grows'"),
    ("verify", "2", "verify"),
    ("verify", "3", "verify a.reel"),
    ("verify", "4", "verify other.reel"),
];

fn stage() -> Stage {
    let stage = Stage::new();
    for (code, words) in [
        (0, "record -q -o a.reel true"),
        (3, "record -q -o b.reel sh -c 'echo >new; exit 3'"),
        (0, "record -q -o structs.reel --capture-limit 0 true"),
        (0, "record -q --replayable -o r.reel -- echo out"),
        (0, "baseline record -n 1 -f good -- true"),
        (0, "baseline record -n 1 -f changed -- true"),
        (0, "baseline record -n 1 -f changed -- touch new3"),
    ] {
        let ran = stage.sh(&format!("\"$SYSREEL\" {words}"));
        assert_eq!(ran.status.code(), Some(code), "{words}: {ran:?}");
    }
    let cut = |from: &str, to: &str, off: usize| {
        let bytes = fs::read(stage.path(from)).unwrap();
        stage.write(to, &bytes[..bytes.len() - off]);
    };
    // Without its footer.
    cut("a.reel", "cut.reel", 100);
    cut("r.reel", "r-cut.reel", 100);
    let log = Log::open(fs::read(stage.path("r.reel")).unwrap(), Limits::default()).unwrap();
    stage.write("other.reel", elsewhere(&log));
    stage
}

/// Returns the pairs of command and status that the help texts of the commands list.
fn listed(stage: &Stage) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    let commands = |of: &[&str]| {
        let help = stage.sysreel(&[of, &["--help"]].concat()).text();
        let list = help.split("Options:\n").next().unwrap().lines();
        let names = list.filter_map(|line| line.strip_prefix("  ")?.split_once("  "));
        let names = names.map(|(name, _)| [of, &[name]].concat().join(" "));
        names.filter(|name| !name.ends_with("help") && !name.is_empty()).collect::<Vec<_>>()
    };
    let mut names = commands(&[]);
    names.retain(|name| name != "baseline");
    names.extend(commands(&["baseline"]));
    assert!(names.len() > 12, "{names:?}");
    for name in &names {
        let mut words: Vec<_> = name.split(' ').collect();
        words.push("--help");
        let help = stage.sysreel(&words).text();
        let table = help.split("Exit status:\n").nth(1).unwrap_or_else(|| panic!("{name}: {help}"));
        let rows = table.lines().filter_map(|line| line.strip_prefix("  "));
        let statuses = rows.filter_map(|row| row.split(' ').next()).filter(|word| !word.is_empty());
        pairs.extend(statuses.map(|status| (name.clone(), status.to_owned())));
    }
    pairs
}

#[test]
fn every_status_of_the_table_occurs() {
    let stage = stage();
    let mut seen = BTreeSet::new();
    for &(command, status, words) in CASES {
        let ran = stage.sh(&format!("CI= exec \"$SYSREEL\" {words}"));
        let expected = if status == "N" { 77 } else { status.parse().unwrap() };
        assert_eq!(ran.never_panics().status.code(), Some(expected), "{words}: {ran:?}");
        let told = !ran.stderr.is_empty() || !ran.stdout.is_empty();
        assert!(matches!(expected, 0 | 77) || told, "{words}: silent");
        seen.insert((command.to_owned(), status.to_owned()));
    }
    let listed = listed(&stage);
    let known: Vec<_> = ELSEWHERE.iter().map(|(c, s)| ((*c).to_owned(), (*s).to_owned())).collect();
    // Where commands share a row, a status that depends on the input is shown for one of them.
    let untried: Vec<_> = listed.difference(&seen).filter(|pair| !known.contains(pair)).collect();
    let shared = [
        ("ab", "4"),
        ("baseline accept", "1"),
        ("baseline accept", "3"),
        ("baseline migrate", "1"),
        ("baseline migrate", "3"),
        ("baseline record", "1"),
        ("baseline review", "3"),
    ];
    let shared: Vec<_> = shared.iter().map(|(c, s)| ((*c).to_owned(), (*s).to_owned())).collect();
    assert_eq!(untried, shared.iter().collect::<Vec<_>>(), "listed, and no case here");
    let unlisted: Vec<_> = seen.difference(&listed).collect();
    assert!(unlisted.is_empty(), "in no table: {unlisted:?}");
}
