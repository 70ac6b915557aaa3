//! `env` and `maps`: environments are those that programs got, and mappings those of /proc.

use crate::stage::Stage;
use crate::views_files::{json, record};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

#[test]
fn environments_are_those_of_the_programs() {
    let stage = Stage::new();
    let script = r#"env -i A=1 EMPTY= 'ODD=x
y' PASSWORD='p q' sh -c 'tr "\0" "\n" </proc/self/environ >said; echo $$ >pid; exec env -i true'"#;
    record(&stage, &["sh", "-c", script]);
    let pid = fs::read_to_string(stage.path("pid")).unwrap().trim().to_owned();
    let env = json(&stage, &["env", "--pid", &pid, "--show-secrets"]);
    let programs = env["programs"].as_array().unwrap();
    let variables = |program: &Value| -> BTreeMap<String, String> {
        let list = program["variables"].as_array().unwrap().iter();
        let text = |variable: &Value, key: &str| variable[key].as_str().unwrap().to_owned();
        list.map(|variable| (text(variable, "name"), text(variable, "value"))).collect()
    };
    let of_shell = programs.iter().find(|program| program["argv"][0] == "sh").unwrap();
    let mut shown = variables(of_shell);
    assert_eq!(shown.remove("ODD").as_deref(), Some("x\\ny"));
    let said = fs::read_to_string(stage.path("said")).unwrap();
    for line in said.lines().filter(|line| !line.starts_with("ODD") && *line != "y") {
        let (name, value) = line.split_once('=').unwrap();
        // The tr of the shell has two more.
        if !["PWD", "_", "OLDPWD", "SHLVL"].contains(&name) {
            assert_eq!(shown.remove(name).as_deref(), Some(value), "{line}");
        }
    }
    assert!(shown.is_empty(), "{shown:?}");
    assert!(variables(programs.last().unwrap()).is_empty(), "{env}");
    let masked = stage.sysreel(&["env", "run.reel"]).text();
    assert!(masked.contains("    PASSWORD=***") && !masked.contains("    PASSWORD=p"), "{masked}");
    assert!(masked.contains("    ODD=x\\ny\n"), "{masked}");
    let all = json(&stage, &["env"]);
    assert!(all["programs"].as_array().unwrap().len() > programs.len());
    let part = json(&stage, &["env", "-F", "exe ~ \"**/env\""]);
    let part = part["programs"].as_array().unwrap();
    assert!(!part.is_empty() && part.iter().all(|program| program["argv"][0] == "env"));
}

#[test]
fn an_environment_that_was_not_recorded_is_told() {
    let stage = Stage::new();
    record(&stage, &["--capture-limit", "0", "true"]);
    let ran = stage.sysreel(&["env", "--json", "run.reel"]);
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    let env: Value = serde_json::from_slice(&ran.stdout).unwrap();
    crate::views::check(&env);
    let program = &env["programs"][0];
    assert!(program["variables"].is_null() && program["argv"][0] == "true", "{env}");
    assert_eq!(env["complete"], false, "{env}");
}

#[test]
fn mappings_are_those_of_proc() {
    let stage = Stage::new();
    record(&stage, &["sh", "-c", "cat /proc/self/maps >maps"]);
    let maps = json(&stage, &["maps", "-F", "exe ~ \"**/cat\""]);
    let [program] = &maps["programs"].as_array().unwrap()[..] else { panic!("{maps}") };
    let proc = fs::read_to_string(stage.path("maps")).unwrap();
    let hex = |value: &Value| {
        u64::from_str_radix(value.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
    };
    // The first mapping of each file is as the kernel made it; the loader changes later ones.
    let first_of = |path: &str| {
        let line = proc.lines().find(|line| line.ends_with(path)).unwrap();
        let mut words = line.split_whitespace();
        let (start, end) = words.next().unwrap().split_once('-').unwrap();
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let perms = words.next().unwrap().to_owned();
        let offset = number(words.next().unwrap());
        let inode: u64 = words.nth(1).unwrap().parse().unwrap();
        (number(start), number(end), perms, offset, inode)
    };
    let exe = program["exe"].as_str().unwrap();
    for path in [exe, "[vdso]"] {
        let mappings = program["mappings"].as_array().unwrap();
        let mapping = mappings.iter().find(|mapping| mapping["path"] == path).unwrap();
        let shown = (
            hex(&mapping["start"]),
            hex(&mapping["end"]),
            mapping["perms"].as_str().unwrap().to_owned(),
            mapping["offset"].as_u64().unwrap(),
            mapping["inode"].as_u64().unwrap(),
        );
        assert_eq!(shown, first_of(path), "{path}");
    }
}
