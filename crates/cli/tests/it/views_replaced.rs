//! Calls that wait while another thread gives their descriptors to other files: what a descriptor
//! of a call is, its entry decides.

use std::fs;

use crate::stage::{Stage, installed};
use crate::views::{all, text, view};

const PROGRAM: &str = include_str!("views_replaced.py");

/// The calls of the program, each with what `print -y` must show of its descriptor: at the entry,
/// before anything was replaced.
const CALLS: [(&str, &str, &str); 5] = [
    ("read and args.count == 4201", "<pipe:", "read"),
    ("recvfrom and args.size == 4202", "<socket:", "recv"),
    ("call ~ /^accept/", "<socket:", "accept"),
    ("call ~ /^p?poll$/ and fd.kind == pipe", "<pipe:", "poll"),
    ("call ~ /^dup[23]$/ and fd.path ~ \"**/sub\"", "/sub>", "dup"),
];

/// Returns the names in angle brackets of a line, each once, without the time that a call took.
fn names(line: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        line.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
    names.retain(|name| !name.contains(' ') && !name.starts_with(|c: char| c.is_ascii_digit()));
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn a_descriptor_is_what_it_was_at_the_entry() {
    if !installed("a_descriptor_is_what_it_was_at_the_entry", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    fs::write(stage.path("program.py"), PROGRAM).unwrap();
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "python3", "program.py"]);
    assert!(ran.status.success(), "{ran:?}");
    let ff = ["export", "--to", "strace-ff", "-o", "parts/", "r.reel"];
    assert_eq!(stage.sysreel(&ff).status.code(), Some(0));
    let parts: Vec<String> = fs::read_dir(stage.path("parts"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for (filter, shows, call) in CALLS {
        let line_of = |options: &[&str]| {
            let words = [&["print", "-y", "-q", "-F", filter], options, &["r.reel"]].concat();
            let printed = stage.sysreel(&words).text();
            let mut lines = printed.lines().filter(|line| line.contains(shows));
            lines.next_back().unwrap_or_else(|| panic!("{filter}: {printed}")).to_owned()
        };
        // The line that begins at the entry.
        let printed = line_of(&[]);
        let joined = line_of(&["--join"]);
        assert!(printed.contains(call) && !names(&printed).iter().any(|n| n.ends_with("/other")));
        assert_eq!(names(&joined), names(&printed), "{filter}: {joined}");
        let by_path = ["stat", "r.reel", "--by", "fd.path", "-F", filter];
        let (stat, _) = view(&stage, &by_path);
        let paths: Vec<&str> =
            all(&stat, "groups").iter().map(|g| g["key"][0].as_str().unwrap()).collect();
        assert!(!paths.iter().any(|path| path.ends_with("/other")), "{filter}: {paths:?}");
        for name in names(&printed) {
            assert!(paths.contains(&name), "{filter}: {name} in {paths:?}");
        }
        let table = stage.sysreel(&["export", "--to", "csv", "-F", filter, "r.reel"]).text();
        let rows: Vec<&str> = table.lines().skip(1).collect();
        assert!(!rows.is_empty() && !table.contains("/other"), "{filter}: {table}");
        let of_parts = parts.iter().flat_map(|part| part.lines());
        let exported: Vec<&str> = of_parts.filter(|line| names(line) == names(&printed)).collect();
        assert!(exported.iter().any(|line| line.contains(call)), "{filter}: {printed}");
    }
}

#[test]
fn views_attribute_what_was_moved_to_what_the_call_began_with() {
    if !installed("views_attribute_what_was_moved_to_what_the_call_began_with", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    fs::write(stage.path("program.py"), PROGRAM).unwrap();
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "python3", "program.py"]);
    assert!(ran.status.success(), "{ran:?}");
    let (files, _) = view(&stage, &["files", "r.reel"]);
    let other = all(&files, "files").iter().find(|file| text(file, "path").ends_with("/other"));
    let other = other.unwrap();
    assert_eq!((&other["bytes_read"], &other["bytes_written"]), (&0.into(), &4.into()), "{other}");
    // Both ends of the pair, in one row.
    let (net, _) = view(&stage, &["net", "r.reel"]);
    let pair = all(&net, "endpoints").iter().find(|end| text(end, "role") == "pair").unwrap();
    assert_eq!((&pair["sent"], &pair["received"]), (&6.into(), &6.into()), "{pair}");
    let ran = stage.sysreel(&["stream", "r.reel", "-F", "args.count == 4201"]);
    let heading = ran.text().lines().next().unwrap().to_owned();
    assert!(heading.contains("5 bytes read from pipe:["), "{ran:?}");
}
