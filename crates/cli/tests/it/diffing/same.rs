//! A program compared with itself.

use super::{Take, diff, lines};
use crate::stage::installed;

/// Records a command so many times twice, each time in a folder of its own, and finds no difference.
#[track_caller]
fn same(name: &str, pairs: usize, level: &str, setup: &str, words: &[&str]) {
    if !installed(name, &[words[0]]) {
        return;
    }
    for _ in 0..pairs {
        let (a, b) = (Take::of(setup, words), Take::of(setup, words));
        let (report, status) = diff(&a, &b, &["--level", level]);
        let found = lines(&report, "note");
        assert!(found.is_empty(), "{name} differs from itself at level {level}:\n{}", found.join("\n"));
        assert_eq!(status, 0);
    }
}

const FILES: &str = "mkdir d; for i in 1 2 3; do seq 1 ${i}00 > d/$i; done";
const PIPES: &str = "for i in 1 2 3; do cat d/$i | sort -r | head -5 | wc -l; done; \
    ls d | while read x; do test -f d/$x && echo $x; done > out.txt; rm out.txt";

#[test]
fn bash_with_pipes() {
    same("bash", 2, "effects", FILES, &["bash", "-c", PIPES]);
}

#[test]
fn tar() {
    same("tar", 2, "effects", FILES, &["tar", "-cf", "o.tar", "d"]);
}
