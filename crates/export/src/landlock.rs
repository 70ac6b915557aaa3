//! `landlock`: rules of Landlock, landlock(7), in the JSON of the kernel maintainers' Landlock
//! Config.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::visible::write_json_pretty;

use crate::grants::{Grant, Grants};

/// The version of Landlock's ABI whose rights are handled: that of Linux 6.10. An older kernel
/// ignores those that it does not know.
const ABI: u32 = 5;

/// Only here a file has an ioctl(2) of a driver.
const DEVICES: &str = "/dev";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    abi: u32,
    ruleset: [Ruleset; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path_beneath: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ruleset {
    handled_access_fs: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    handled_access_net: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    allowed_access: Vec<&'static str>,
    parent: Vec<String>,
}

/// Writes the rules.
pub(crate) fn write(grants: &Grants, out: &mut dyn Write) -> io::Result<()> {
    let mut rules = BTreeMap::<Vec<&str>, Vec<String>>::new();
    for (path, grant) in &grants.paths {
        rules.entry(rights(path, *grant)).or_default().push(path.clone());
    }
    let rules = rules.into_iter().filter(|(rights, _)| !rights.is_empty());
    let config = Config {
        abi: ABI,
        ruleset: [Ruleset {
            handled_access_fs: ["abi.all"],
            handled_access_net: (!grants.network).then_some(["abi.all"]),
        }],
        path_beneath: rules
            .map(|(allowed_access, parent)| Rule { allowed_access, parent })
            .collect(),
    };
    write_json_pretty(&config, out)?;
    writeln!(out)
}

/// Returns the rights of a path. Those of directories are refused for anything else.
fn rights(path: &str, grant: Grant) -> Vec<&'static str> {
    let mut rights = Vec::new();
    let mut add = |is_granted: bool, names: &[&'static str]| {
        if is_granted {
            rights.extend(names);
        }
    };
    add(grant.read, &["read_file"]);
    add(grant.execute, &["execute"]);
    add(grant.write, &["write_file", "truncate"]);
    add(grant.read && grant.is_folder, &["read_dir"]);
    add(path == DEVICES, &["ioctl_dev"]);
    add(
        grant.entries,
        &[
            "remove_dir",
            "remove_file",
            "make_dir",
            "make_reg",
            "make_sock",
            "make_fifo",
            "make_sym",
            "refer",
        ],
    );
    rights
}
