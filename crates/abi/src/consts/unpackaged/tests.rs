//! The numbers against the headers, by the C compiler.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::super::{
    families, input, ioctl_more, ioctl_values, keyboard, link, netlink, netlink_diag, netlink_link,
    netlink_netfilter, netlink_route, perf, uapi, video,
};
use super::ALL;

#[test]
fn headers_agree() {
    let mut source = String::new();
    for (header, name, value) in ALL.iter().filter(|(header, ..)| !header.is_empty()) {
        let _ = writeln!(
            source,
            "#include <{header}>\n_Static_assert({name} == {value}ULL, \"{name}\");"
        );
    }
    let routes = netlink_route::ALL.iter().chain(netlink_link::ALL).chain(netlink_diag::ALL);
    let netlink = routes
        .chain(netlink::ALL)
        .chain(ioctl_more::ALL)
        .chain(ioctl_values::ALL)
        .chain(netlink_netfilter::ALL);
    let devices = input::ALL.iter().chain(keyboard::ALL).chain(video::ALL);
    let lists = uapi::ALL
        .iter()
        .chain(devices)
        .chain(perf::ALL)
        .chain(link::ALL)
        .chain(families::ALL)
        .chain(netlink);
    for (header, list) in lists.filter(|(header, _)| !header.is_empty()) {
        let mask = if list.bits == 32 { 0xffff_ffffu64 } else { u64::MAX };
        let fields = list.fields.iter().flat_map(|field| field.items);
        for (name, value) in
            list.items.iter().chain(fields).filter(|(name, _)| *name != "FAN_DIR_MODIFY")
        {
            let _ = writeln!(
                source,
                "#include <{header}>\n_Static_assert(({name} & {mask}ULL) == {value}ULL, \
                 \"{name}\");"
            );
        }
    }
    let compiler = Command::new("gcc")
        .args(["-fsyntax-only", "-xc", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut compiler) = compiler else {
        assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "no gcc");
        _ = writeln!(std::io::stderr(), "skipped: no gcc");
        return;
    };
    compiler.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    let output = compiler.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No such file or directory") {
        _ = writeln!(std::io::stderr(), "skipped: a header is missing: {said}");
        return;
    }
    // A header that is older than a constant lacks it, which is an error of another kind.
    let wrong: Vec<&str> =
        said.lines().filter(|line| line.contains("static assertion failed")).collect();
    let unknown = said.lines().filter(|line| line.contains("undeclared")).count();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(unknown < 30, "too many constants are unknown to the headers: {said}");
}
