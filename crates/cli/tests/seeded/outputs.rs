//! The reverse of the audit: memory that a row announces and that no call of any fixture program
//! changed.

use crate::program::folder;
use crate::recording::outputs;
use std::collections::BTreeMap;
use sysreel_abi::all_rows;

/// Call, argument, whether the result was 0, and why the row is right although nothing changed.
const JUDGED: &[(&str, &str, bool, &str)] = &[
    (
        "accept",
        "upeer_sockaddr",
        false,
        "as long as addrlen says; its last bytes are zeros, and there were zeros before",
    ),
    (
        "getdents64",
        "dirent",
        false,
        "as long as the result says; behind the last name is padding, which print does not show",
    ),
    ("ptrace", "data", false, "numbers whose high bytes are zeros, as they were before"),
    (
        "waitid",
        "ru",
        true,
        "the siginfo says whether it was written, not the result: When::UnlessEmpty",
    ),
];

/// Programs that need another one to drive them: alone they wait, attack, or loop.
const DRIVEN: &[&str] = &["sleeper", "epoll_server", "tail_attack", "spin", "sandboxed_poll"];

#[test]
#[ignore = "takes minutes"]
fn long_what_is_announced_is_written() {
    if let Err(why) = sysreel_sys::pages::check() {
        crate::skipped(&format!("no audit here: {why}"));
        return;
    }
    let mut all: BTreeMap<(String, String, bool), (u64, u64, u64)> = BTreeMap::new();
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !DRIVEN.contains(&name.as_str()))
        .collect();
    names.sort();
    for name in &names {
        let started = std::time::Instant::now();
        for output in outputs(&crate::built(name)) {
            let row = all_rows().map(|(_, row)| row).find(|row| row.name == output.call);
            let arg = row.and_then(|row| row.args.get(usize::from(output.argument)));
            let arg = arg.map_or_else(|| output.argument.to_string(), |arg| arg.name.to_owned());
            let arg = if output.follows { format!("{arg}*") } else { arg };
            let (calls, changed, end) =
                all.entry((output.call, arg, output.zero)).or_insert((0, 0, u64::MAX));
            *calls += output.calls;
            *changed += output.changed;
            *end = output.unchanged_end.min(*end);
        }
        eprintln!("{name}: {:?}", started.elapsed());
    }
    let judged = |call: &str, arg: &str, zero: bool| {
        JUDGED.iter().any(|one| (one.0, one.1, one.2) == (call, arg, zero))
    };
    let never: Vec<String> = all
        .iter()
        .filter(|((call, arg, zero), (_, _, end))| *end > 0 && !judged(call, arg, *zero))
        .map(|((call, arg, zero), (calls, changed, end))| {
            let result = if *zero { "0" } else { "not 0" };
            format!(
                "{call} {arg}, result {result}: {changed} of {calls} calls, {end} bytes at its \
                 end never"
            )
        })
        .collect();
    eprintln!("{} kinds of output", all.len());
    assert!(never.is_empty(), "announced and never changed:\n{}", never.join("\n"));
}
