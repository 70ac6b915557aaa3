//! `files`: what a script does to a folder is what find(1) sees of it, and searches are those of
//! shells, loaders and perl.

use crate::stage::{Stage, installed};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(crate) fn record(stage: &Stage, words: &[&str]) {
    let ran = stage.sysreel(&[&["record", "-q", "-o", "run.reel"], words].concat());
    assert!(stage.path("run.reel").exists(), "{ran:?}");
}

pub(crate) fn json(stage: &Stage, words: &[&str]) -> Value {
    let ran = stage.sysreel(&[words, &["--json", "run.reel"]].concat());
    assert!(ran.status.success(), "{words:?}: {ran:?}");
    let json = serde_json::from_slice(&ran.stdout).unwrap();
    crate::views::check(&json);
    json
}

/// Returns the files by their paths.
fn by_path(value: &Value) -> BTreeMap<String, &Value> {
    let files = value["files"].as_array().unwrap().iter();
    files.map(|file| (file["path"].as_str().unwrap().to_owned(), file)).collect()
}

/// Returns path, inode, length, mode and time of everything in a folder but hidden files.
fn found(stage: &Stage, folder: &str) -> BTreeMap<String, String> {
    let ran = stage.sh(&format!(r"find {folder} -mindepth 1 -printf '%P\t%i %s %m %T@ %C@\n'"));
    let lines = ran.text();
    let pairs = lines.lines().map(|line| line.split_once('\t').unwrap());
    pairs.map(|(path, rest)| (path.to_owned(), rest.to_owned())).collect()
}

/// What is in the folder before the script runs.
const SETUP: &str = "mkdir -p w/old w/out; cd w; echo a >a; echo b >b; echo c >c; echo d >d
    echo e >e; echo f >old/f; echo kept >kept; echo g >g; ln -s kept link; echo h >h; mkfifo pipe";

const CHANGES: &str = r#"
cd w
echo new >>a                        # appended
>b                                  # truncated
rm c
mv d old/d2
chmod 600 e
mv old/f old/g; rmdir empty 2>/dev/null
mkdir made; echo x >made/x; rm made/x; mkdir made/deep
ln g hard; ln -s nowhere dangling
touch -d 2001-01-01 h
cat kept link <kept >/dev/null
perl -e 'open F,"+<","kept"; read F,$x,1; symlink("k","made/s"); rename("made/s","made/t")'
"#;

/// What the script does to which path, once each.
const USES: [(&str, &str); 13] = [
    ("a", "write"),
    ("b", "truncate"),
    ("c", "delete"),
    ("d", "rename_away"),
    ("old/d2", "rename_here"),
    ("e", "change"),
    ("made", "create"),
    ("made/x", "create"),
    ("made/x", "write"),
    ("made/x", "delete"),
    ("hard", "create"),
    ("dangling", "create"),
    ("h", "change"),
];

/// Records the changes, and returns the stage and the paths that find(1) sees changed.
fn record_changes() -> (Stage, BTreeSet<String>) {
    let stage = Stage::new();
    assert!(stage.sh(SETUP).status.success());
    let before = found(&stage, "w");
    stage.write("script", CHANGES);
    record(&stage, &["sh", "script"]);
    let after = found(&stage, "w");
    let is_new = |path: &&String| !before.contains_key(*path);
    let mut changed: BTreeSet<String> = before
        .iter()
        .filter(|(path, state)| after.get(*path) != Some(state))
        .map(|(path, _)| path.clone())
        .chain(after.keys().filter(is_new).cloned())
        .collect();
    // The times of directories change with their entries, and the links of a file.
    for of_entries in ["old", "g"] {
        assert!(changed.remove(of_entries), "{of_entries}");
    }
    // What came and went.
    changed.extend(["made/x", "made/s"].map(str::to_owned));
    (stage, changed)
}

#[test]
fn changed_paths_are_those_that_find_sees() {
    let (stage, expected) = record_changes();
    let folder = stage.path("w");
    let files = json(&stage, &["files", "--writes"]);
    let all = by_path(&files);
    let below = |path: &String| {
        Path::new(path).strip_prefix(&folder).ok().map(|path| path.to_str().unwrap().to_owned())
    };
    assert_eq!(all.keys().filter_map(below).collect::<BTreeSet<_>>(), expected);
    let full = |path: &str| folder.join(path).to_str().unwrap().to_owned();
    for (path, name) in USES {
        let file = all[&full(path)];
        assert_eq!(file["changed"], true, "{file}");
        assert_eq!(file["uses"][name], 1, "{path} {name}: {file}");
    }
    assert!(all[&full("made/x")]["uses"]["maybe_create"].is_null());
    assert_eq!(all[&full("d")]["renamed_to"], full("old/d2"));
    assert_eq!(all[&full("old/d2")]["renamed_from"], full("d"));
    // Nothing but the folder was changed.
    let folder = stage.folder().to_str().unwrap();
    let outside = json(&stage, &["files", "--writes", "--outside", folder]);
    assert!(by_path(&outside).is_empty(), "{outside}");
}

#[test]
fn ps_counts_the_paths_that_each_program_changed() {
    let (stage, _) = record_changes();
    let files = json(&stage, &["files", "--writes"]);
    let mut counts = BTreeMap::<u64, u64>::new();
    for file in by_path(&files).into_values() {
        for by in file["by"].as_array().unwrap() {
            *counts.entry(by["node"].as_u64().unwrap()).or_default() += 1;
        }
        assert_eq!(file["more_by"], 0);
    }
    assert!(counts.len() > 5, "{files}");
    let ps = json(&stage, &["ps"]);
    for node in ps["nodes"].as_array().unwrap() {
        let expected = counts.get(&node["node"].as_u64().unwrap()).copied().unwrap_or(0);
        assert_eq!(node["files_changed"], expected, "{node}");
    }
}

#[test]
fn inputs_are_those_that_the_script_uses() {
    let stage = Stage::new();
    stage.sh("mkdir d no; echo 12345 >data; echo x >d/one; ln -s data lnk; ln -s d dlink; : >s");
    let script = r#"
cat data >/dev/null
cat lnk dlink/one >/dev/null
[ -e s ]
perl -e 'readlink "lnk"; readlink "data"; opendir D,"d"; @x=readdir D'
perl -e 'stat "gone"; open F,"<","gone/x"; -r "no/thing"'
printf 'odd' >"$(printf 'a\nb\033\302\233')"
exec cat <data >/dev/null
"#;
    stage.write("script", script);
    record(&stage, &["sh", "script"]);
    let files = json(&stage, &["files"]);
    let all = by_path(&files);
    let file = |name: &str| {
        let path = stage.path(name).to_str().unwrap().to_owned();
        all.get(&path).copied().unwrap_or_else(|| panic!("{path}: {files}"))
    };
    let count = |name: &str, what: &str| file(name)["uses"][what].as_u64().unwrap_or(0);
    // Three times through an open(2) of its own, once of them by a link.
    assert_eq!((&file("data")["bytes_read"], count("data", "open")), (&18.into(), 3));
    assert_eq!((&file("d/one")["bytes_read"], count("d/one", "open")), (&2.into(), 1));
    assert_eq!(file("lnk")["leads_to"], stage.path("data").to_str().unwrap());
    assert_eq!(file("dlink/one")["leads_to"], stage.path("d/one").to_str().unwrap());
    assert_eq!(count("data", "probe"), 1, "readlink(2) of what is no link");
    assert!(count("lnk", "probe") >= 2 && count("s", "probe") == 1, "{files}");
    assert_eq!(count("d", "list"), 2, "readdir reads until there is nothing");
    for name in ["gone", "gone/x", "no/thing"] {
        assert_eq!(file(name)["not_found"], 1, "{name}");
        assert!(file(name)["uses"].as_object().unwrap().is_empty(), "{name}");
        assert_eq!(file(name)["changed"], false, "{name}");
    }
    // What the kernel and the loader map.
    let maps = json(&stage, &["maps"]);
    for program in maps["programs"].as_array().unwrap() {
        let exe = program["exe"].as_str().unwrap();
        assert!(all[exe]["uses"]["map"].as_u64() > Some(0), "{exe}");
    }
    let odd = all.keys().find(|path| path.ends_with("/a\\nb\\u{1b}\\u{9b}")).unwrap();
    assert_eq!(all[odd]["bytes_written"], 3);
    let text = stage.sysreel(&["files", "run.reel"]).text();
    assert!(text.chars().all(|c| c == '\n' || sysreel_inspect::visible::is_visible(c)), "{text}");
    // A filter selects calls, not files.
    let part = json(&stage, &["files", "-F", "path ~ \"**/no/thing\""]);
    let expected: BTreeSet<String> = [stage.path("no/thing").to_str().unwrap().to_owned()].into();
    assert_eq!(by_path(&part).into_keys().collect::<BTreeSet<_>>(), expected);
}

/// Returns the search for a name: directories where it was not found, and where it was.
fn searches(value: &Value, name: &str) -> Vec<(Vec<String>, Option<String>, u64)> {
    let all = value["searches"].as_array().unwrap().iter();
    all.filter(|search| search["name"] == name)
        .map(|search| {
            let tried = search["tried"].as_array().unwrap().iter();
            let directory = |tried: &Value| {
                assert_eq!(tried["error"], "ENOENT", "{search}");
                tried["directory"].as_str().unwrap().to_owned()
            };
            let found = search["found"].as_str().map(str::to_owned);
            (tried.map(directory).collect(), found, search["times"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn searches_say_where_and_in_which_order() {
    let test = "searches_say_where_and_in_which_order";
    if !installed(test, &["perl", "cc"]) {
        return;
    }
    let stage = Stage::new();
    let folder = |name: &str| stage.path(name).to_str().unwrap().to_owned();
    let setup = "mkdir a b c lib1 lib2
        echo 'echo ran' >c/tool; chmod +x c/tool; echo '1;' >c/Found.pm
        echo 'int f(void) { return 0; }' >f.c; cc -shared -fPIC -o lib2/libviews.so f.c
        echo 'int f(void); int main(void) { return f(); }' >m.c; cc -o m m.c -Llib2 -lviews";
    let ran = stage.sh(setup);
    assert!(ran.status.success(), "{ran:?}");
    let script = r#"
D=$PWD; P=$PATH; PATH="$D/a:$D/b:$D/c:$P"
tool
perl -I "$D/a" -I "$D/b" -I "$D/c" -e 'require Found'
LD_LIBRARY_PATH="$D/a:$D/lib1:$D/lib2" ./m
LD_LIBRARY_PATH="$D/a:$D/lib1:$D/lib2" ./m
PATH="$D/a:$D/b"; nowhere
exit 0
"#;
    stage.write("script", script);
    record(&stage, &["sh", "script"]);
    let missing = json(&stage, &["files", "--missing"]);
    let paths = |names: &[&str]| names.iter().map(|name| folder(name)).collect::<Vec<_>>();
    assert_eq!(searches(&missing, "tool"), [(paths(&["a", "b"]), Some(folder("c")), 1)]);
    let found = searches(&missing, "Found.pm");
    assert_eq!(found, [(paths(&["a", "b"]), Some(folder("c")), 1)]);
    assert_eq!(searches(&missing, "nowhere"), [(paths(&["a", "b"]), None, 1)]);
    // The loader looks into directories for the machine too. Both runs search alike.
    let [(tried, found, times)] = &searches(&missing, "libviews.so")[..] else {
        panic!("{missing}")
    };
    let own = paths(&["a", "lib1", "lib2"]);
    let plain: Vec<_> = tried.iter().filter(|path| own.contains(path)).cloned().collect();
    assert_eq!((plain, found, *times), (paths(&["a", "lib1"]), &Some(folder("lib2")), 2));
    // Only what was not found.
    let files = by_path(&missing);
    assert!(files.values().all(|file| file["not_found"].as_u64() > Some(0)), "{missing}");
    assert!(files.contains_key(&folder("a/tool")) && !files.contains_key(&folder("c/tool")));
    let text = stage.sysreel(&["files", "--missing", "run.reel"]).text();
    let line = text.lines().find(|line| line.contains(" tool ")).unwrap();
    assert!(
        line.ends_with(&format!("{}, {}; found in {}", folder("a"), folder("b"), folder("c"))),
        "{line}"
    );
    let outside = json(&stage, &["files", "--missing", "--outside", &folder("")]);
    assert!(searches(&outside, "tool").is_empty() && searches(&outside, "nowhere").is_empty());
}

/// Returns the first string among the arguments of a line of `print --join`, for calls that look
/// a path up below the working directory.
fn path_in(line: &str) -> Option<(String, String)> {
    let call = regex::Regex::new(
        r#"^(?:\[pid +\d+\] )?(\w+)\((?:AT_FDCWD(?:<[^>]*>)?, )?"((?:[^"\\]|\\.)*)""#,
    );
    let found = call.unwrap().captures(line)?;
    let looks_up = [
        "open",
        "openat",
        "stat",
        "lstat",
        "newfstatat",
        "statx",
        "access",
        "faccessat",
        "faccessat2",
        "readlink",
        "readlinkat",
        "unlink",
        "unlinkat",
        "rename",
        "renameat",
        "renameat2",
        "mkdir",
        "mkdirat",
        "rmdir",
        "execve",
        "chdir",
        "chmod",
        "fchmodat",
        "utimensat",
        "statfs",
        "getxattr",
    ];
    let path = found[2].to_owned();
    (looks_up.contains(&&found[1]) && !path.is_empty()).then(|| (found[1].to_owned(), path))
}

#[test]
fn no_path_that_print_shows_is_left_out() {
    let test = "no_path_that_print_shows_is_left_out";
    if !installed(test, &["perl", "cc"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("a.c", "#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n");
    let script =
        "cc -o a.out a.c && ./a.out >out; mkdir d d/e; mv a.out d/; rm -r d; ls -l; chmod 600 out
        perl -MFile::Temp -e 'print File::Temp->new()'; true";
    record(&stage, &["sh", "-c", script]);
    let files = json(&stage, &["files"]);
    let all = by_path(&files);
    let printed = stage.sysreel(&["print", "--join", "-s", "5000", "run.reel"]).text();
    let mut seen = 0;
    for line in printed.lines() {
        let Some((_, path)) = path_in(line) else { continue };
        let path = stage.folder().join(path);
        let mut plain = std::path::PathBuf::new();
        for component in path.components() {
            match component {
                std::path::Component::ParentDir => _ = plain.pop(),
                component => plain.push(component),
            }
        }
        assert!(all.contains_key(plain.to_str().unwrap()), "{line}");
        seen += 1;
    }
    assert!(seen > 200, "{printed}");
}
