//! Texts of views for committed logs.

use expect_test::{Expect, expect};
use sysreel_inspect::{Error, Findings, LogFile, open};

use crate::page::Page;
use crate::view::View;
use crate::{env, files, maps, tree};

fn check<V: View>(
    log: &str,
    read: impl FnOnce(&LogFile) -> Result<(V, Findings), Error>,
    expected: &Expect,
) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/logs/v1");
    let file = open(format!("{folder}/{log}.reel").as_ref()).unwrap();
    let (view, findings) = read(&file).unwrap();
    assert!(findings.is_whole(), "{findings}");
    let mut out = Vec::new();
    view.write_text(&Page::default(), &mut out).unwrap();
    expected.assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn a_tree_with_programs_after_each_other() {
    let options = tree::Options { threads: true, env: true, ..tree::Options::default() };
    check(
        "exec_arch",
        |file| tree::tree(file, &options),
        &expect![[r#"
          pid   start    time  cpu  end   calls  failed  files  program
        12295  3.04ms  4.82ms       exec     30              1  /tmp/sysreel-hXG958/exec_arch
        12298  7.05ms   397us    -  0         6                 ├─ (/tmp/sysreel-hXG958/exec_arch)
        12295  7.86ms   647us       exec      4       1         └─ => elf32
                                                                       - NONE=
        12295  8.51ms  1.45ms    -  0        24              1     └─ => /proc/self/fd/9 again
    "#]],
    );
}

#[test]
fn an_attached_process() {
    let options = tree::Options::default();
    check(
        "attach_read",
        |file| tree::ps(file, &options, (tree::Order::Calls, 1)),
        &expect![[r#"
         pid   start    time  cpu  end  calls  failed  files  program
        2262  4.61ms  37.0ms    -  0        3       1         /tmp/sysreel-bb16qC/sleeper read  [attached]
    "#]],
    );
}

#[test]
fn files_of_a_program() {
    check(
        "exec_arch",
        |file| files::files(file, &files::Options::default()),
        &expect![[r#"
            read  written  uses              by                   path
                           probe             exec_arch[12295] +1  /proc/self/exe => /tmp/sysreel-hXG958/exec_arch
                           execute           exec_arch[12295]     /proc/self/fd/9
                           open,execute,map  exec_arch[12295] +1  /tmp/sysreel-hXG958/exec_arch
                      999  write             exec_arch[12295] +1  /tmp/sysreel-hXG958/recorded.statements
        "#]],
    );
    let options = files::Options { which: files::Which::Missing, ..files::Options::default() };
    check(
        "signal_kinds",
        |file| files::files(file, &options),
        &expect![[r#"
        times  by  name  looked for in
    "#]],
    );
}

#[test]
fn what_programs_began_with() {
    check(
        "exec_arch",
        |file| env::env(file, &env::Options::default()),
        &expect![[r#"
        pid 12295, exec 1, event 5: /tmp/sysreel-hXG958/exec_arch
            NONE=
        pid 12295, exec 2, event 84: elf32
        pid 12295, exec 3, event 94: /proc/self/fd/9 again
    "#]],
    );
    check(
        "exec_arch",
        |file| maps::maps(file, &maps::Options::default()),
        &expect![[r#"
        pid 12295, exec 1, event 5: /tmp/sysreel-hXG958/exec_arch
                   start               end   size  perms  offset  path
                  400000            401000  4.00K  r--p        0  /tmp/sysreel-hXG958/exec_arch
                  401000            47b000   488K  r-xp     1000  /tmp/sysreel-hXG958/exec_arch
                  47b000            4a3000   160K  r--p    7b000  /tmp/sysreel-hXG958/exec_arch
                  4a3000            4aa000  28.0K  rw-p    a3000  /tmp/sysreel-hXG958/exec_arch
                  4aa000            4b0000  24.0K  rw-p        0
            7fd6f77ee000      7fd6f77f2000  16.0K  r--p        0  [vvar]
            7fd6f77f2000      7fd6f77f4000  8.00K  r--p        0  [vvar_vclock]
            7fd6f77f4000      7fd6f77f6000  8.00K  r-xp        0  [vdso]
            7ffe8424f000      7ffe84270000   132K  rw-p        0  [stack]
        ffffffffff600000  ffffffffff601000  4.00K  --xp        0  [vsyscall]
        pid 12295, exec 2, event 84: elf32
           start       end   size  perms  offset  path
         8048000   8049000  4.00K  r-xp        0  /memfd:image32 (deleted)
        f7f66000  f7f6a000  16.0K  r--p        0  [vvar]
        f7f6a000  f7f6c000  8.00K  r--p        0  [vvar_vclock]
        f7f6c000  f7f6e000  8.00K  r-xp        0  [vdso]
        ff969000  ff98a000   132K  rwxp        0  [stack]
        pid 12295, exec 3, event 94: /proc/self/fd/9 again
                   start               end   size  perms  offset  path
                  400000            401000  4.00K  r--p        0  /tmp/sysreel-hXG958/exec_arch
                  401000            47b000   488K  r-xp     1000  /tmp/sysreel-hXG958/exec_arch
                  47b000            4a3000   160K  r--p    7b000  /tmp/sysreel-hXG958/exec_arch
                  4a3000            4aa000  28.0K  rw-p    a3000  /tmp/sysreel-hXG958/exec_arch
                  4aa000            4b0000  24.0K  rw-p        0
            7fa043c11000      7fa043c15000  16.0K  r--p        0  [vvar]
            7fa043c15000      7fa043c17000  8.00K  r--p        0  [vvar_vclock]
            7fa043c17000      7fa043c19000  8.00K  r-xp        0  [vdso]
            7fff7ddf8000      7fff7de19000   132K  rw-p        0  [stack]
        ffffffffff600000  ffffffffff601000  4.00K  --xp        0  [vsyscall]
    "#]],
    );
}
