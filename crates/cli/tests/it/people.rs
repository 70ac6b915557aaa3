//! What people see on a terminal: colors, the pager, help that fits.

use crate::stage::{Screen, Stage, installed};
use std::fs;
use std::time::{Duration, Instant};

/// A log of some hundred lines, and one of a run that did something else.
fn stage() -> Stage {
    let stage = Stage::new();
    let script =
        "i=0; while [ $i -lt 300 ]; do test -e x; i=$((i+1)); done; test -e go && echo >new";
    stage.write("script", format!("{script}\nexit 0"));
    for log in ["a.reel", "b.reel"] {
        let ran = stage.sysreel(&["record", "-q", "-o", log, "--", "sh", "script"]);
        assert!(ran.status.success(), "{ran:?}");
        stage.write("go", "");
    }
    stage
}

const EXECVE: &str = "\x1b[1mexecve\x1b[0m(";
const PRINT: &[&str] = &["print", "a.reel"];

#[test]
fn colors_are_for_terminals() {
    if !installed("colors_are_for_terminals", &["setsid"]) {
        return;
    }
    let stage = stage();
    let plain = stage.sysreel(PRINT).text();
    assert!(plain.contains("execve(") && !plain.contains('\x1b'));
    for (variables, options, is_colored) in [
        (&[][..], &[][..], true),
        (&[("NO_COLOR", "1")], &[], false),
        (&[("NO_COLOR", "")], &[], true),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], &[], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
        (&[("CLICOLOR", "0")], &[], false),
        (&[("TERM", "dumb")], &[], false),
        (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], &[], true),
        (&[], &["--color", "never"], false),
    ] {
        let variables = [variables, &[("PAGER", "cat")]].concat();
        let shown = stage.on_screen(&variables, &[PRINT, options].concat());
        assert_eq!(shown.text.contains(EXECVE), is_colored, "{variables:?} {options:?}");
        assert_eq!(shown.text.contains('\x1b'), is_colored, "{variables:?} {options:?}");
        assert_eq!(shown.status, 0);
        if !is_colored {
            assert_eq!(shown.text, plain);
        }
    }
    // Not a terminal.
    let colored = stage.sysreel(&["print", "--color", "always", "a.reel"]).text();
    assert!(colored.contains(EXECVE));
    let mut forced = stage.command(crate::stage::SYSREEL);
    let forced = stage.run(forced.args(PRINT).env("CLICOLOR_FORCE", "1")).text();
    assert_eq!(forced, colored);
    let shown = stage.on_screen(&[], &["print", "-o", "text", "a.reel"]);
    assert_eq!((shown.status, shown.text.as_str()), (0, ""));
    assert!(!fs::read_to_string(stage.path("text")).unwrap().contains('\x1b'));
}

#[test]
fn differences_have_colors() {
    if !installed("differences_have_colors", &["setsid"]) {
        return;
    }
    let stage = stage();
    let diff = &["diff", "--report", "text=report", "a.reel", "b.reel"];
    let shown = stage.on_screen(&[("PAGER", "cat")], diff);
    assert_eq!(shown.status, 1);
    for colored in [
        "\n\x1b[1mwarn (1)\x1b[0m\n",
        "    \x1b[33m~ err.changed: stat $WS/go",
        "        \x1b[32mso + write $WS/new",
        // The call in the context of the difference.
        "\x1b[1mopenat\x1b[0m(",
    ] {
        assert!(shown.text.contains(colored), "{colored:?}: {}", shown.text);
    }
    let report = fs::read_to_string(stage.path("report")).unwrap();
    assert_eq!(report, stage.sysreel(&["diff", "a.reel", "b.reel"]).text());
}

#[test]
fn summaries_and_logs_of_new_recordings_have_colors() {
    if !installed("summaries_and_logs_of_new_recordings_have_colors", &["setsid"]) {
        return;
    }
    let stage = stage();
    let info = stage.on_screen(&[("PAGER", "cat")], &["info", "a.reel"]).text;
    assert!(info.contains("\x1b[1mcommand    \x1b[0m sh script\n"), "{info}");
    let plain = info.replace("\x1b[1m", "").replace("\x1b[0m", "");
    assert_eq!(plain, stage.sysreel(&["info", "a.reel"]).text());
    for arguments in [
        &["record", "-q", "--print", "-o", "r.reel", "--replayable", "true"][..],
        &["replay", "-q", "--print", "r.reel"],
    ] {
        let shown = stage.on_screen(&[], arguments);
        assert_eq!(shown.status, 0, "{}", shown.text);
        assert!(shown.text.contains("\x1b[1mexit_group\x1b[0m("), "{}", shown.text);
    }
}

#[test]
fn the_pager_of_the_environment_is_used() {
    if !installed("the_pager_of_the_environment_is_used", &["setsid", "tr", "head"]) {
        return;
    }
    let stage = stage();
    let plain = stage.sysreel(PRINT).text();
    let upper = plain.to_uppercase();
    for (variables, options, expected) in [
        (&[("PAGER", "tr a-z A-Z")][..], &[][..], &upper),
        (&[("PAGER", "false"), ("SYSREEL_PAGER", " tr a-z  A-Z")], &[], &upper),
        // As git, through a shell.
        (&[("PAGER", "tr 'a-z' \"$TO\" | cat"), ("TO", "A-Z")], &[], &upper),
        (&[("PAGER", "tr a-z A-Z")], &["--no-pager"], &plain),
        (&[("PAGER", "tr a-z A-Z"), ("SYSREEL_PAGER", "")], &[], &plain),
        (&[("PAGER", "tr a-z A-Z"), ("SYSREEL_PAGER", "cat")], &[], &plain),
        (&[("TERM", "dumb")], &[], &plain),
    ] {
        let variables = [&[("NO_COLOR", "1")], variables].concat();
        let shown = stage.on_screen(&variables, &[PRINT, options].concat());
        assert_eq!(shown.text, *expected, "{variables:?} {options:?}");
        assert_eq!(shown.status, 0, "{variables:?} {options:?}");
    }
    // Not a terminal.
    let mut piped = stage.command(crate::stage::SYSREEL);
    assert_eq!(stage.run(piped.args(PRINT).env("PAGER", "false")).text(), plain);
}

#[test]
fn a_pager_that_cannot_be_started_is_done_without() {
    if !installed("a_pager_that_cannot_be_started_is_done_without", &["setsid"]) {
        return;
    }
    let stage = stage();
    let plain = stage.sysreel(PRINT).text();
    let without = |pager: &str| stage.on_screen(&[("NO_COLOR", "1"), ("PAGER", pager)], PRINT);
    let shown = without("missing-pager -x");
    let message = "sysreel: cannot start the pager missing-pager -x: No such file or directory \
                   (os error 2); printing without it\n";
    assert_eq!(shown.text, format!("{message}{plain}"));
    assert_eq!(shown.status, 0);
    // A shell says so only after the output was handed over.
    let shown = without("'missing pager'");
    assert!(shown.text.contains("the pager 'missing pager' failed: exit status: 127"));
    assert_eq!(shown.status, 1);
}

/// Who quits the pager has seen enough: that is success, and `diff` still says whether the runs
/// differ.
#[test]
fn quitting_the_pager_is_no_failure() {
    if !installed("quitting_the_pager_is_no_failure", &["setsid", "head"]) {
        return;
    }
    let stage = stage();
    for (arguments, status) in [
        (&["print", "-v", "a.reel"][..], 0),
        (&["print", "--format", "raw", "a.reel"], 0),
        (&["info", "a.reel"], 0),
        (&["diff", "a.reel", "a.reel"], 0),
        (&["diff", "a.reel", "b.reel"], 1),
        (&["diff", "--explain"], 0),
    ] {
        for pager in ["head -n 1", "true"] {
            let shown = stage.on_screen(&[("PAGER", pager)], arguments);
            assert_eq!(shown.status, status, "{pager} {arguments:?}: {}", shown.text);
            assert!(shown.text.lines().count() <= 1, "{pager} {arguments:?}: {}", shown.text);
        }
    }
}

#[test]
fn less_shows_a_screen_at_a_time() {
    if !installed("less_shows_a_screen_at_a_time", &["setsid", "less"]) {
        return;
    }
    let stage = stage();
    // What fits is printed as if there were no pager, in colors (less -FRX).
    let shown = stage.on_screen(&[], &["print", "-F", "execve", "a.reel"]);
    assert_eq!(shown.status, 0);
    assert!(shown.text.contains(EXECVE) && !shown.text.contains("(END)"), "{:?}", shown.text);

    let mut screen = Screen::start(&stage, 100, &[], PRINT);
    screen.until(EXECVE);
    screen.until("\x1b[K");
    screen.types("G");
    screen.until("+++ exited with 0 +++");
    screen.types("q");
    assert_eq!(screen.end().status, 0);

    // The options of the user win.
    let mut screen = Screen::start(&stage, 100, &[("LESS", "-Pprompt>")], PRINT);
    screen.until("prompt>");
    screen.types("q");
    assert_eq!(screen.end().status, 0);
}

/// Ctrl-C goes to sysreel too, which must not leave the pager alone with the shell.
#[test]
fn the_pager_survives_ctrl_c() {
    if !installed("the_pager_survives_ctrl_c", &["setsid", "less"]) {
        return;
    }
    let stage = stage();
    let mut screen = Screen::start(&stage, 100, &[("LESS", "-RX -Pprompt>")], PRINT);
    screen.until("prompt>");
    screen.types("\x03");
    screen.types_until("G", "+++ exited with 0 +++");
    screen.types("q");
    // 128 + SIGINT, as git.
    assert_eq!(screen.end().status, 130);
}

#[test]
fn help_fits_the_terminal() {
    if !installed("help_fits_the_terminal", &["setsid"]) {
        return;
    }
    let stage = Stage::new();
    let names = stage.sysreel(&["--help"]).text();
    let names = names.split("Options:").next().unwrap().lines();
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split_once("  "));
    let names: Vec<_> = names.map(|(name, _)| name).filter(|name| !name.is_empty()).collect();
    assert!(names.contains(&"print") && names.contains(&"baseline"), "{names:?}");
    for name in [&["help"][..], &names].concat() {
        for columns in [60, 80, 140] {
            let mut arguments = vec![name, "--help"];
            arguments.retain(|word| *word != "help");
            let shown = Screen::start(&stage, columns, &[("NO_COLOR", "1")], &arguments).end();
            assert_eq!(shown.status, 0);
            let longest = shown.text.lines().map(|line| line.chars().count()).max().unwrap();
            // A usage is not divided.
            let limit = usize::from(columns.min(100));
            let too_long = shown.text.lines().filter(|line| {
                line.chars().count() > limit
                    && !line.trim_start().starts_with("sysreel ")
                    && !line.starts_with("Usage: ")
            });
            assert_eq!(too_long.collect::<Vec<_>>(), Vec::<&str>::new(), "{name} {columns}");
            assert!(longest > limit / 2, "{name} {columns}");
        }
    }
}

#[test]
fn help_has_groups() {
    let stage = Stage::new();
    let help = stage.sysreel(&["--help"]).text();
    for heading in ["\nRecord:\n  record", "\nRead a log:\n  print", "\nOptions:\n  -h, --help"] {
        assert!(help.contains(heading), "{heading:?}: {help}");
    }
    let help = stage.sysreel(&["print", "--help"]).text();
    for heading in ["\nWhat to print:\n", "\nLines:\n", "\nSummary:\n", "\nTerminal:\n"] {
        assert!(help.contains(heading), "{heading:?}: {help}");
    }
}

/// A bar shows what takes more than a second, and nothing of it is left.
#[test]
fn long_reading_shows_its_progress() {
    if !installed("long_reading_shows_its_progress", &["setsid", "dd"]) {
        return;
    }
    let stage = Stage::new();
    let dd = "dd if=/dev/zero of=/dev/null bs=1 count=20000 status=none";
    let ran = stage.sh(&format!("\"$SYSREEL\" record -q -o a.reel -- {dd}"));
    assert!(ran.status.success(), "{ran:?}");
    // As many logs as take several seconds here.
    let begun = Instant::now();
    let plain = stage.sysreel(&["diff", "a.reel", "a.reel"]).text();
    let needed = Duration::from_secs(4).as_millis() / begun.elapsed().as_millis().max(1);
    let count = usize::try_from(needed).unwrap() + 1;
    let logs = vec!["a.reel"; count];
    let arguments = [&["diff"], &logs[..], &["--"], &logs].concat();
    let shown = stage.on_screen(&[("PAGER", "cat"), ("NO_COLOR", "1")], &arguments);
    assert_eq!(shown.status, 0, "{}", shown.text);
    let total = shown.text.split(" events, ").next().unwrap();
    assert!(total.ends_with('K') || total.contains('/'), "no bar: {:?}", shown.text);
    assert!(shown.text.contains("\r\x1b[2K"), "not cleared: {:?}", shown.text);
    let last = plain.lines().last().unwrap();
    assert!(shown.text.ends_with(&format!("{last}\n")), "{:?}", shown.text);
    // Not without a terminal.
    let ran = stage.sysreel(&arguments);
    assert_eq!(ran.stderr, "");
}
