use clap::Parser;

use super::*;
use crate::args::{Args, Command};

fn options(words: &[&str]) -> Strace {
    let all = ["sysreel", "print"].iter().chain(words).chain(&["x.reel"]);
    match Args::try_parse_from(all).map(|args| args.command) {
        Ok(Command::Print(print)) => print.strace,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn qualified(words: &[&str]) -> Result<Qualified, String> {
    options(words).qualified()
}

#[test]
fn qualifiers_and_options_mean_the_same() {
    let calls =
        |words: &[&str]| qualified(words).unwrap().calls(b"/srv").map(|filter| filter.canonical());
    assert_eq!(calls(&[]), None);
    assert_eq!(calls(&["-e", "trace=read"]), calls(&["--trace=read"]));
    assert_eq!(calls(&["-e", "read"]).as_deref(), Some("read"));
    assert_eq!(calls(&["-Z"]).as_deref(), Some("failed"));
    assert_eq!(calls(&["-Z"]), calls(&["-e", "status=failed"]));
    assert_eq!(calls(&["-P", "a"]).as_deref(), Some(r#"path.written == "a" or path == "/srv/a""#));
    assert_eq!(calls(&["-e", "fd=3,4"]).as_deref(), Some("fd in {3, 4}"));
    // The last one counts.
    assert_eq!(calls(&["-e", "read", "-e", "write"]).as_deref(), Some("write"));
}

#[test]
fn sets_can_be_negated() {
    let signals = |set| qualified(&["-e", set]).unwrap().signals;
    assert_eq!(signals("signal=none"), 0);
    assert_eq!(signals("signal=!chld"), !(1 << 16));
    assert_eq!(signals("signal=SIGHUP,2"), 3);
    let quiet = qualified(&["--quiet=exit"]).unwrap().quiet;
    assert!(quiet.exit && !quiet.attach);
    assert!(qualified(&["-qq"]).unwrap().quiet.exit);
    let read = qualified(&["-e", "read=!1"]).unwrap().read;
    assert!(read.contains(0) && !read.contains(1));
    for (list, style) in [
        ("path", FdStyle::Path),
        ("all", FdStyle::Detail),
        ("none", FdStyle::Number),
        ("socket", FdStyle::Sockets { path: false }),
        ("path,dev", FdStyle::Devices { path: true }),
    ] {
        let option = format!("--decode-fds={list}");
        assert_eq!(qualified(&[&option]).unwrap().fds, style, "{list}");
    }
    assert_eq!(qualified(&["-y"]).unwrap().fds, FdStyle::Path);
    assert_eq!(qualified(&["-yy"]).unwrap().fds, FdStyle::Detail);
}

#[test]
fn what_is_unknown_is_an_error() {
    for wrong in ["trace=opnat", "status=x", "signal=x", "fd=x", "quiet=x", "nothing=x"] {
        assert!(qualified(&["-e", wrong]).is_err(), "{wrong}");
    }
}
