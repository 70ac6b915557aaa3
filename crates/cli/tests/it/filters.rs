//! The filter language: every recipe of docs/filter.md finds what a search in the printed text
//! finds, also in a recording that was filtered with it.

use std::collections::BTreeSet;
use std::fs;

use regex::Regex;
use sysreel_abi::filter::Field;

use crate::stage::{Stage, installed};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/filter.md");

/// Prints the port of its connection to itself.
const SCRIPT: &str = r#"
cat /etc/passwd >copy
cat missing
mkdir d; mv d e; rmdir e
echo needle >f; cat f | cat >out
head -c 8192 /dev/zero >big
perl -MSocket -e 'socket(L,AF_INET,SOCK_STREAM,0); bind(L,sockaddr_in(0,INADDR_LOOPBACK));
listen(L,1); ($port)=sockaddr_in(getsockname(L)); socket(C,AF_INET,SOCK_STREAM,0);
connect(C,sockaddr_in($port,INADDR_LOOPBACK)); accept(S,L); syswrite(C,"hello"); sysread(S,$b,10);
print "$port\n"; select(undef,undef,undef,.03)'
perl -e 'kill TERM=>$$'
sh -c 'exit 0' -n
perl -e '$0="worker"; open F,"<","f"; <F>'
MODE=test head -c 1 f >/dev/null
perl -e 'kill KILL=>$$'
"#;

/// The recorded run.
struct Run {
    stage: Stage,
    port: String,
    pid: String,
}

/// A line of `print --join -T -yy -s 1000`.
struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    fn pid(&self) -> &'a str {
        let rest = self.0.strip_prefix("[pid ").map_or("", str::trim_start);
        rest.split(']').next().unwrap_or_default()
    }

    fn call(&self) -> &'a str {
        let rest = self.0.split_once("] ").map_or(self.0, |(_, rest)| rest);
        let name = rest.split('(').next().unwrap_or_default();
        if name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_') {
            name
        } else {
            ""
        }
    }

    fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }

    fn fits(&self, regex: &str) -> bool {
        Regex::new(regex).unwrap().is_match(self.0)
    }

    /// The numbers that a regular expression captures.
    fn numbers(&self, regex: &str) -> Option<Vec<f64>> {
        let found = Regex::new(regex).unwrap().captures(self.0)?;
        Some(found.iter().skip(1).flatten().filter_map(|m| m.as_str().parse().ok()).collect())
    }

    fn is_any_of(&self, calls: &[&str]) -> bool {
        calls.contains(&self.call())
    }
}

/// Whether what a recipe finds of a process begins with a line; `None` for other recipes.
fn begins(recipe: &str, line: &Line<'_>, failed: bool) -> Option<bool> {
    Some(match recipe {
        "What did a program and its children do" => line.fits(r#"execve\("[^"]*/cat""#) && !failed,
        "What did the threads of this name do" => line.has("prctl(PR_SET_NAME, \"worker\""),
        "What did programs do that got this variable" => {
            line.fits(r#"execve\("[^"]*/head", \["head", "-c", "1", "f"\]"#) && !failed
        }
        _ => return None,
    })
}

/// Finds the lines of a recipe in all lines, by their text.
fn lines_of(recipe: &str, all: &str, run: &Run) -> Vec<String> {
    let mut below: BTreeSet<&str> = BTreeSet::new();
    let lines = all.lines().map(Line).filter(|line| {
        let failed = line.has(" = -1 E");
        let recipe = recipe.trim_end_matches(['?', ' ']);
        // All that the process does from this line on.
        if let Some(begins) = begins(recipe, line, failed) {
            if begins {
                below.insert(line.pid());
            }
            return below.contains(line.pid());
        }
        match recipe {
            "What failed, but for lookups" => failed && !line.has("ENOENT") && !line.has("ENOTDIR"),
            "Who used this file" => {
                line.has("</etc/passwd>") || line.call() == "openat" && line.has("\"/etc/passwd\"")
            }
            "What was created or truncated" => line.has("O_CREAT") || line.has("O_TRUNC"),
            "What was written there" => {
                let folder = format!("<{}/", run.stage.folder().display());
                line.call() == "openat" && line.fits("O_WRONLY|O_RDWR") && line.has(&folder)
            }
            "What was removed or renamed" => {
                ["unlink", "rename", "rmdir"].iter().any(|call| line.call().starts_with(call))
            }
            "Which files were looked for in vain" => line.has("= -1 ENOENT"),
            "What took long" => line.numbers(r"<(\d+\.\d+)>$").is_some_and(|took| took[0] > 0.02),
            "What did one process do" => line.pid() == run.pid,
            "Which programs were started" => line.call() == "execve" && !failed,
            "Which arguments did they get" => line.call() == "execve" && line.has("\"-n\""),
            "What went over this port" => {
                line.has(&format!("->127.0.0.1:{}]", run.port))
                    || line.call() == "connect" && line.has(&format!("htons({})", run.port))
            }
            "What was sent to the loopback network" => {
                line.has("->127.0.0.1")
                    || line.is_any_of(&["connect", "accept", "accept4"]) && line.has("127.0.0.1")
            }
            "Who killed whom" => {
                line.has("--- SIGTERM") || line.fits(r"(kill\(-?\d+, |rt_sigaction\()SIGTERM")
            }
            "Which writes were short" => {
                line.is_any_of(&["read", "write", "getdents64", "pread64"])
                    && line
                        .numbers(r", (\d+)(?:, \d+)?\) += (\d+) <[\d.]+>$")
                        .is_some_and(|n| n[1] < n[0])
            }
            "Where were these bytes read or written" => {
                line.is_any_of(&["read", "write"]) && line.has("needle")
            }
            "What was read or written in large pieces" => {
                line.is_any_of(&["read", "write", "pread64"])
                    && line.numbers(r"\) += (\d+) <[\d.]+>$").is_some_and(|n| n[0] >= 4096.0)
            }
            "What went through pipes" => line.has("<pipe:["),
            "Which shared libraries were loaded" => {
                line.call() == "openat" && !failed && line.fits(r#"\.so(\.[0-9]+)*[">]"#)
            }
            "What never returned" => {
                !line.call().is_empty()
                    && !line.call().starts_with("exit")
                    && line.fits(r"= \?$|<unfinished \.\.\.>$")
            }
            other => panic!("docs/filter.md has a recipe without a test: {other}"),
        }
    });
    lines.map(|line| line.0.to_owned()).collect()
}

/// The recipes of the document, with the file, port and process of this run.
fn recipes(run: &Run) -> Vec<(String, String)> {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let section = text.split("## Recipes").nth(1).unwrap().split("\n## ").next().unwrap();
    let recipe = Regex::new(r"(?m)^\d+\. (.*\?) `(.*)`$").unwrap();
    let here = format!("{}/**", run.stage.folder().display());
    recipe
        .captures_iter(section)
        .map(|found| {
            let filter = found[2].replace("/tmp/**", &here);
            let filter = filter.replace("443", &run.port).replace("4711", &run.pid);
            (found[1].to_owned(), filter)
        })
        .collect()
}

fn print(stage: &Stage, log: &str, arguments: &[&str]) -> String {
    let options = ["print", "--join", "-T", "-yy", "-s", "1000", log];
    let ran = stage.sysreel(&[&options, arguments].concat());
    assert!(ran.status.success(), "{arguments:?}: {ran:?}");
    ran.text()
}

fn record() -> Run {
    let stage = Stage::new();
    stage.write("script", SCRIPT);
    let ran = stage.sysreel(&["record", "-q", "-o", "all.reel", "sh", "script"]);
    let port = ran.text().trim().to_owned();
    let all = print(&stage, "all.reel", &[]);
    let pid = all.lines().map(|line| Line(line).pid()).find(|pid| !pid.is_empty());
    let pid = pid.unwrap_or_default().to_owned();
    assert!(!port.is_empty() && !pid.is_empty(), "{ran:?}");
    Run { stage, port, pid }
}

#[test]
fn recipes_find_what_the_text_shows() {
    if !installed("recipes_find_what_the_text_shows", &["perl"]) {
        return;
    }
    let run = record();
    let all = print(&run.stage, "all.reel", &[]);
    let recipes = recipes(&run);
    assert_eq!(recipes.len(), 22);
    for (question, filter) in recipes {
        let found = print(&run.stage, "all.reel", &["-F", &filter]);
        let wanted = lines_of(&question, &all, &run);
        assert!(!wanted.is_empty(), "{question}: the run has nothing to find");
        assert_eq!(found.lines().collect::<Vec<_>>(), wanted, "{filter}");
        let negated = print(&run.stage, "all.reel", &["-F", &format!("not ({filter})")]);
        let count = all.lines().count();
        assert_eq!(found.lines().count() + negated.lines().count(), count, "not ({filter})");
        let counted = run.stage.sysreel(&["print", "-c", "-F", &filter, "all.reel"]);
        assert!(counted.status.success(), "{counted:?}");
    }
}

/// Calls are the same whether the recorder or the reader filters; numbers differ from run to run.
#[test]
fn a_filtered_recording_has_what_its_filter_finds() {
    let stage = Stage::new();
    let script = "cat missing; echo a >f; cat f; mkdir d; ls d; rmdir d";
    let numbers = Regex::new(r"0x[0-9a-f]+|\b\d+\b|<[^<>]*>").unwrap();
    let calls = |log: &str, arguments: &[&str]| -> Vec<String> {
        let printed = print(&stage, log, arguments);
        let lines = printed.lines().filter(|line| !Line(line).call().is_empty());
        lines.map(|line| numbers.replace_all(line, "N").into_owned()).collect()
    };
    for filter in
        ["failed and %file", "path ~ /f$/ and not openat", "args.flags & O_CREAT", "mkdir"]
    {
        stage.sysreel(&["record", "-q", "-o", "all.reel", "sh", "-c", script]);
        stage.sysreel(&["record", "-q", "-o", "some.reel", "--only", filter, "sh", "-c", script]);
        // Which filter a log was made with need not be said again.
        let wanted = calls("all.reel", &["-F", filter]);
        assert!(!wanted.is_empty(), "{filter}");
        assert_eq!(calls("some.reel", &[]), wanted, "{filter}");
        let [all, some] = ["all.reel", "some.reel"].map(|log| calls(log, &["--only", "all"]).len());
        assert!(some < all, "{filter}: {some} of {all}");
    }
}

#[test]
fn what_was_not_recorded_is_said() {
    let stage = Stage::new();
    let bare = ["record", "-q", "--no-names", "--capture-limit", "2", "-o", "bare.reel"];
    let ran = stage.sysreel(&[&bare[..], &["sh", "-c", "echo needle >f"]].concat());
    assert!(ran.status.success(), "{ran:?}");
    for (filter, field) in
        [("write and fd.path == \"/f\"", "fd.path"), ("data contains \"x\"", "data")]
    {
        let ran = stage.sysreel(&["print", "-F", filter, "bare.reel"]);
        ran.fails(3, &["the filter asks for", field, "not recorded"]);
    }
    // What was recorded has an answer.
    let ran = stage.sysreel(&["print", "-F", "write and data contains \"ne\"", "bare.reel"]);
    assert!(ran.status.success() && ran.text().contains("write("), "{ran:?}");
}

#[test]
fn a_wrong_filter_is_shown_with_its_place() {
    let stage = Stage::new();
    for command in [&["print", "-F"][..], &["print", "--only"], &["record", "--only"]] {
        let ran = stage.sysreel(&[command, &["failed and opnat", "x.reel"]].concat());
        ran.fails(2, &["failed and opnat", "^^^^^", "did you mean `openat`?"]);
    }
}

#[test]
fn the_document_lists_every_field() {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    for field in Field::ALL {
        let name = match field {
            Field::Arg => ".NAME",
            Field::Env => "[NAME]",
            _ => "",
        };
        let values = field.kind().name();
        let (start, end) =
            (format!("| `{}{name}` | {values} |", field.name()), format!("| {} |", field.doc()));
        let mut lines = text.lines().filter(|line| line.starts_with(&start));
        assert!(lines.any(|line| line.ends_with(&end)), "{start} ... {end}");
    }
}

/// The name of a thread is the one that /proc shows.
#[test]
fn a_thread_has_the_name_that_proc_shows() {
    if !installed("a_thread_has_the_name_that_proc_shows", &["perl"]) {
        return;
    }
    let stage = Stage::new();
    let script = r#"sub shown { open R, "<", "/proc/self/comm"; print <R> }
        shown(); open C, ">", "/proc/self/comm"; syswrite C, "a-name-longer-than-15"; shown();
        if (!fork) { shown(); $0 = "child"; shown(); exit } wait;
        exec "sh", "-c", "read x </proc/self/comm; echo \$x";"#;
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "perl", "-e", script]);
    let shown: Vec<String> = ran.text().lines().map(str::to_owned).collect();
    assert_eq!(shown, ["perl", "a-name-longer-t", "a-name-longer-t", "child", "sh"], "{ran:?}");
    let stat = stage.sysreel(&["stat", "--json", "--by", "comm", "r.reel"]);
    let stat: serde_json::Value = serde_json::from_slice(&stat.stdout).unwrap();
    let groups = stat["groups"].as_array().unwrap().iter();
    let names: BTreeSet<&str> = groups.map(|group| group["key"][0].as_str().unwrap()).collect();
    assert_eq!(names, shown.iter().map(String::as_str).collect());
    for name in &names {
        let filter = format!("comm == \"{name}\" and data contains \"{name}\"");
        assert!(!print(&stage, "r.reel", &["-F", &filter]).is_empty(), "{filter}");
    }
    // All reports are from the kernel, but for what the recorder says of itself.
    let all = print(&stage, "r.reel", &[]);
    let of = |source: &str| print(&stage, "r.reel", &["-F", &format!("source == {source}")]);
    let is_own = |line: &&str| line.contains("--- sysreel: ");
    assert!(of("kernel").lines().eq(all.lines().filter(|line| !is_own(line))), "{all}");
    assert!(of("recorder").lines().eq(all.lines().filter(is_own)), "{all}");
    assert_eq!(of("in_process"), "");
}

#[test]
fn variables_are_those_of_the_program() {
    let stage = Stage::new();
    let script = r#"MODE="a b" EMPTY= sh -c ':'; sh -c 'exec env -i MODE=x true'"#;
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "sh", "-c", script]);
    assert!(ran.status.success(), "{ran:?}");
    let programs = |filter: &str| -> Vec<String> {
        let filter = format!("({filter}) and args.argv ~ \"*\" and not failed");
        let printed = print(&stage, "r.reel", &["-F", &filter]);
        let argv = Regex::new(r"execve\([^\[]*(\[[^\]]*\])").unwrap();
        argv.captures_iter(&printed).map(|found| found[1].to_owned()).collect()
    };
    assert_eq!(programs("env[MODE] == \"a b\""), [r#"["sh", "-c", ":"]"#]);
    assert_eq!(programs("env['MODE'] == \"x\""), [r#"["true"]"#]);
    // A variable that is empty has a value, one that does not exist has none.
    assert_eq!(programs("env[EMPTY] == \"\""), [r#"["sh", "-c", ":"]"#]);
    assert_eq!(programs("env[MODE] and not env[PATH]"), [r#"["true"]"#]);
    for (wrong, why) in
        [("env == 1", "which variable?"), ("env[] == \"\"", "the name of a variable in brackets")]
    {
        stage.sysreel(&["print", "-F", wrong, "r.reel"]).fails(2, &[why]);
    }
}

#[test]
fn a_filter_is_explained() {
    let stage = Stage::new();
    let explained = stage.sysreel(&[
        "filter",
        "--explain",
        "openat or failed and not (%network or env[HOME] == \"/\")",
    ]);
    assert!(explained.status.success(), "{explained:?}");
    let text = explained.text();
    for line in [
        "reads as: (openat or (failed and (not (%network or env[HOME] == \"/\"))))",
        "openat            by the number of the call",
        "failed            when the call has ended",
        "%network          by the number of the call",
        "env[HOME] == \"/\"  with the memory that calls read and write",
        "- 1 match:",
        "    openat",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    // What the number rules out is not recorded, unless it is needed.
    let stops = Regex::new(r"stops at (\d+) of the (\d+) calls").unwrap();
    let count = |filter: &str| -> (usize, usize) {
        let text = stage.sysreel(&["filter", "--explain", filter]).text();
        let found = stops.captures(&text).unwrap();
        (found[1].parse().unwrap(), found[2].parse().unwrap())
    };
    let ((some, all), (every, _)) = (count("getpid"), count("failed"));
    assert!(some < all && every == all, "{some} {every} {all}");
    stage.sysreel(&["filter", "--explain", "faild"]).fails(2, &["did you mean `failed`?"]);
}
