//! `tree` and `ps`: what the recorded programs said of themselves, and what other commands count.

use crate::attach;
use crate::program::program;
use crate::stage::Stage;
use crate::views_files::{json, record};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Each shell says its name, pid and parent, with builtins only.
const SCRIPT: &str = r#"
say() { read -r pid _ _ parent _ </proc/self/stat; echo "$1 $pid $parent" >>said; }
say top
sh -c 'read -r pid _ _ parent _ </proc/self/stat; echo "three $pid $parent" >>said; exit 3'
sh -c 'read -r pid _ _ parent _ </proc/self/stat; echo "killed $pid $parent" >>said; kill -9 $$'
( say fork; sh -c 'read -r pid _ _ parent _ </proc/self/stat; echo "deep $pid $parent" >>said
  exec sh -c "echo again \$\$ 0 >>said; exit 4"' )
missing-program
exit 7
"#;

fn nodes(value: &Value) -> &[Value] {
    value["nodes"].as_array().unwrap()
}

fn by_number(value: &Value) -> BTreeMap<u64, &Value> {
    nodes(value).iter().map(|node| (node["node"].as_u64().unwrap(), node)).collect()
}

/// Returns the pid of the process that made the process of a node.
fn parent_pid<'v>(all: &BTreeMap<u64, &'v Value>, mut node: &'v Value) -> Option<u64> {
    let pid = &node["pid"];
    loop {
        node = all.get(&node["parent"].as_u64()?)?;
        if node["pid"] != *pid {
            return node["pid"].as_u64();
        }
    }
}

#[test]
fn nodes_are_what_the_programs_say() {
    let stage = Stage::new();
    record(&stage, &["sh", "-c", SCRIPT]);
    let tree = json(&stage, &["tree"]);
    assert_eq!((&tree["schema"], &tree["complete"]), (&"sysreel/tree/1".into(), &true.into()));
    let all = by_number(&tree);
    let said = fs::read_to_string(stage.path("said")).unwrap();
    let mut seen = BTreeSet::new();
    for line in said.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, pid, parent] = words[..] else { panic!("{line}") };
        let (pid, parent): (u64, u64) = (pid.parse().unwrap(), parent.parse().unwrap());
        let last = nodes(&tree).iter().rfind(|node| node["pid"] == pid).unwrap();
        if !["top", "again"].contains(&name) {
            assert_eq!(parent_pid(&all, last), Some(parent), "{line}: {last}");
        }
        let (status, signal, exec) = match name {
            "top" => (Some(7), None, 1),
            "three" => (Some(3), None, 1),
            "killed" => (None, Some("SIGKILL"), 1),
            "fork" => (Some(4), None, 0),
            "deep" | "again" => (Some(4), None, 2),
            other => panic!("{other}"),
        };
        // The last subshell of a shell may run in the shell itself.
        assert!(last["exec"] == exec || name == "fork", "{line}: {last}");
        assert_eq!(last["end"]["status"], Value::from(status), "{line}: {last}");
        assert_eq!(last["end"]["signal"], Value::from(signal), "{line}: {last}");
        assert_eq!(last["orphan"], false, "{line}");
        seen.insert(name.to_owned());
    }
    assert_eq!(seen.len(), 6, "{said}");
    for node in nodes(&tree) {
        let argv: Vec<&str> =
            node["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match node["exec"].as_u64() {
            Some(0) => assert_eq!(node["executed"], false, "{node}"),
            _ => {
                assert_eq!((argv[0], argv[1], argv.len()), ("sh", "-c", 3), "{node}");
                assert!(node["exe"].as_str().unwrap().starts_with('/'), "{node}");
            }
        }
        let below = nodes(&tree)
            .iter()
            .find(|below| below["parent"] == node["node"] && below["origin"] == "exec");
        let ends_with_exec = node["end"]["how"] == "exec";
        assert_eq!(ends_with_exec, below.is_some(), "{node}");
        assert_eq!(ends_with_exec, node["utime_ns"].is_null(), "{node}");
    }
}

#[test]
fn counts_are_those_of_stat() {
    let stage = Stage::new();
    record(&stage, &["sh", "-c", SCRIPT]);
    let ps = json(&stage, &["ps"]);
    let stat = json(&stage, &["stat", "--by", "pid"]);
    let mut sums = BTreeMap::<u64, (u64, u64)>::new();
    for node in nodes(&ps) {
        let sum = sums.entry(node["pid"].as_u64().unwrap()).or_default();
        sum.0 += node["calls"].as_u64().unwrap();
        sum.1 += node["failed"].as_u64().unwrap();
    }
    let groups = stat["groups"].as_array().unwrap();
    for group in groups {
        let pid: u64 = group["key"][0].as_str().unwrap().parse().unwrap();
        let expected = (group["calls"].as_u64().unwrap(), group["errors"].as_u64().unwrap());
        assert_eq!(sums.remove(&pid), Some(expected), "{pid}");
    }
    assert!(sums.is_empty(), "{sums:?}");
    let top = json(&stage, &["ps", "-S", "calls", "-n", "2"]);
    let mut calls: Vec<u64> =
        nodes(&ps).iter().map(|node| node["calls"].as_u64().unwrap()).collect();
    calls.sort_unstable_by(|a, b| b.cmp(a));
    let shown: Vec<u64> = nodes(&top).iter().map(|node| node["calls"].as_u64().unwrap()).collect();
    assert_eq!(shown, calls[..2]);
    assert_eq!(top["more_nodes"], calls.len() - 2);
}

#[test]
fn only_branches_with_hits_are_shown_up_to_a_depth() {
    let stage = Stage::new();
    record(&stage, &["sh", "-c", SCRIPT]);
    let whole = json(&stage, &["tree"]);
    let all = by_number(&whole);
    let said = fs::read_to_string(stage.path("said")).unwrap();
    let three = said.lines().find(|line| line.starts_with("three ")).unwrap();
    let pid: u64 = three.split(' ').nth(1).unwrap().parse().unwrap();
    let part = json(&stage, &["tree", "-F", &format!("pid == {pid} and write")]);
    let (hits, above): (Vec<_>, Vec<_>) =
        nodes(&part).iter().partition(|node| node["calls"].as_u64().unwrap() > 0);
    assert!(!hits.is_empty() && !above.is_empty(), "{part}");
    assert!(hits.iter().all(|node| node["pid"] == pid), "{part}");
    let mut expected = BTreeSet::new();
    for hit in hits {
        let mut next = Some(hit["node"].as_u64().unwrap());
        while let Some(number) = next {
            expected.insert(number);
            next = all[&number]["parent"].as_u64();
        }
    }
    assert_eq!(by_number(&part).into_keys().collect::<BTreeSet<_>>(), expected);
    let ps = json(&stage, &["ps", "-F", &format!("pid == {pid} and write")]);
    assert!(nodes(&ps).iter().all(|node| node["pid"] == pid), "{ps}");
    // A list of calls says nothing about beginnings and ends, which are no hits.
    assert!(nodes(&json(&stage, &["ps", "-F", "kill"])).len() <= 2);
    assert_eq!(nodes(&json(&stage, &["ps", "-F", "signal == SIGUSR2"])).len(), 0);
    let top = json(&stage, &["tree", "--depth", "1"]);
    let pids: BTreeSet<_> = nodes(&top).iter().map(|node| node["pid"].as_u64()).collect();
    assert_eq!(pids.len(), 1, "{top}");
    assert_eq!(
        nodes(&top).len() as u64 + top["too_deep"].as_u64().unwrap(),
        nodes(&whole).len() as u64
    );
}

#[test]
fn environments_are_compared_with_those_above_and_secrets_are_masked() {
    let stage = Stage::new();
    let script = r#"export KEEP=1 GONE=2 OTHER=3
        env -u GONE OTHER=4 NEW="$(printf 'a\nb\033')" API_TOKEN='two words' sh -c :"#;
    record(&stage, &["sh", "-c", script]);
    let changes = |words: &[&str]| {
        let tree = json(&stage, &[&["tree", "--env", "CHANGED"], words].concat());
        let last = nodes(&tree)
            .iter()
            .rfind(|node| node["exec"] == 2 && node["argv"][0] == "sh")
            .unwrap_or_else(|| panic!("{tree}"))
            .clone();
        let of = |kind: &str| -> BTreeMap<String, String> {
            let list = last["env"][kind].as_array().unwrap().iter();
            list.map(|variable| {
                let text = |key: &str| variable[key].as_str().unwrap().to_owned();
                (text("name"), text("value"))
            })
            .filter(|(name, _)| name != "_")
            .collect()
        };
        (of("added"), of("changed"), of("removed"))
    };
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (mut added, changed, removed) = changes(&[]);
    let masked = added.remove("API_TOKEN").unwrap();
    assert!(masked.starts_with("***") && masked.len() == 7, "{masked}");
    assert_eq!(added, pairs(&[("NEW", "a\\nb\\u{1b}")]));
    assert_eq!(changed, pairs(&[("OTHER", "4")]));
    assert_eq!(removed, pairs(&[("GONE", "2")]));
    let (added, ..) = changes(&["--show-secrets"]);
    assert_eq!(added["API_TOKEN"], "two words");
    let text = stage.sysreel(&["tree", "--env", "changed", "run.reel"]).text();
    assert!(text.contains("+ NEW=a\\nb\\u{1b}\n") && text.contains("- GONE=2\n"), "{text}");
    assert!(text.contains("+ API_TOKEN=***") && !text.contains("+ API_TOKEN=two"), "{text}");
}

#[test]
fn a_task_whose_maker_has_ended_stays_below_it() {
    let stage = Stage::new();
    // The subshell waits until it belongs to another process.
    let script = r#"sh -c 'echo $$ >maker; (while read -r p _ _ parent _ </proc/self/stat &&
        [ "$parent" = $(cat maker) ]; do :; done; echo "$p" >orphan) & '"#;
    record(&stage, &["sh", "-c", &format!("{script}\n:")]);
    let number = |name: &str| -> u64 {
        fs::read_to_string(stage.path(name)).unwrap().trim().parse().unwrap()
    };
    let tree = json(&stage, &["tree"]);
    let all = by_number(&tree);
    let orphan = nodes(&tree).iter().find(|node| node["pid"] == number("orphan")).unwrap();
    assert_eq!(parent_pid(&all, orphan), Some(number("maker")), "{tree}");
}

#[test]
fn threads_are_counted_at_their_process() {
    let fixture = program("threads_futex");
    let stage = Stage::new();
    assert!(stage.record(&fixture, &[]).ended(&fixture.end));
    let plain = json(&stage, &["ps"]);
    let threads = json(&stage, &["ps", "--threads"]);
    let (of_threads, of_processes): (Vec<_>, Vec<_>) =
        nodes(&threads).iter().partition(|node| !node["tid"].is_null());
    assert!(of_threads.len() > 1, "{threads}");
    let key = |node: &Value| (node["pid"].clone(), node["exec"].clone(), node["calls"].clone());
    let keys = |nodes: &[&Value]| nodes.iter().map(|node| key(node)).collect::<Vec<_>>();
    assert_eq!(keys(&of_processes), keys(&nodes(&plain).iter().collect::<Vec<_>>()));
    let stat = json(&stage, &["stat", "--by", "tid"]);
    for thread in &of_threads {
        let groups = stat["groups"].as_array().unwrap();
        let tid = thread["tid"].to_string();
        let group = groups.iter().find(|group| group["key"][0] == *tid).unwrap();
        assert_eq!(thread["calls"], group["calls"], "{thread}");
    }
    let most = nodes(&plain).iter().map(|node| node["threads"].as_u64().unwrap()).max();
    assert_eq!(most, Some(of_threads.len() as u64 + 1));
}

#[test]
fn an_execve_of_a_thread_goes_on_in_its_process() {
    let fixture = program("exec_from_thread");
    let stage = Stage::new();
    assert!(stage.record(&fixture, &[]).ended(&fixture.end));
    let tree = json(&stage, &["tree", "--threads"]);
    let processes: Vec<_> = nodes(&tree).iter().filter(|node| node["tid"].is_null()).collect();
    let last = processes.last().unwrap();
    assert!(last["origin"] == "exec" && last["exec"].as_u64() > Some(1), "{tree}");
    assert!(processes.iter().all(|node| node["pid"] == last["pid"]), "{tree}");
    assert_eq!(last["end"]["how"], "exited", "{tree}");
}

#[test]
fn an_attached_process_is_an_orphan() {
    let (stage, _) = attach::record("read");
    let tree = json(&stage, &["tree"]);
    let first = &nodes(&tree)[0];
    assert_eq!((&first["origin"], &first["orphan"]), (&"attached".into(), &true.into()));
    assert!(first["executed"] == true && first["argv"].is_array(), "{first}");
    let text = stage.sysreel(&["tree", "run.reel"]).text();
    assert!(text.contains("  [attached]\n"), "{text}");
}

#[test]
fn damage_is_told_and_the_rest_is_shown() {
    let stage = Stage::new();
    record(&stage, &["sh", "-c", SCRIPT]);
    let whole = fs::read(stage.path("run.reel")).unwrap();
    let expected = nodes(&json(&stage, &["tree"])).len();
    stage.write("cut.reel", &whole[..whole.len() / 2]);
    for command in ["tree", "ps", "files", "env", "maps"] {
        let ran = stage.sysreel(&[command, "--json", "cut.reel"]);
        ran.fails(3, &["cut.reel"]);
        let value: Value = serde_json::from_slice(&ran.stdout).unwrap();
        crate::views::check(&value);
        assert_eq!(value["complete"], false);
        assert!(!value["missing"].as_array().unwrap().is_empty(), "{value}");
        if command == "tree" {
            assert!(nodes(&value).len() < expected, "{value}");
        }
        stage.sysreel(&[command, "cut.reel"]).fails(3, &["cut.reel"]);
    }
}
