//! Completions work in the shells that they are for, and man pages are well formed.

use crate::stage::{Stage, installed};
use std::fs;
use std::path::PathBuf;

/// A folder with all files.
fn generated() -> (Stage, PathBuf) {
    let stage = Stage::new();
    let folder = stage.path("dist");
    let ran = stage.sysreel(&["generate", "dist"]);
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
    (stage, folder)
}

#[test]
fn the_files_are_those_that_shells_and_man_look_for() {
    let (stage, folder) = generated();
    let names = |folder: PathBuf| {
        let files = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(folder.clone()), ["_sysreel", "man1", "sysreel.bash", "sysreel.fish"]);
    let pages = names(folder.join("man1"));
    for page in ["sysreel.1", "sysreel-record.1", "sysreel-print.1", "sysreel-baseline-check.1"] {
        assert!(pages.iter().any(|name| name == page), "{page}: {pages:?}");
    }
    assert!(!pages.iter().any(|name| name.contains("generate")), "{pages:?}");
    for (shell, file) in [("bash", "sysreel.bash"), ("zsh", "_sysreel"), ("fish", "sysreel.fish")] {
        let printed = stage.sysreel(&["completions", shell]).stdout;
        assert_eq!(printed, fs::read(folder.join(file)).unwrap(), "{shell}");
    }
    stage.sysreel(&["generate", "/dev/null/x"]).fails(1, &["cannot write to /dev/null/x"]);
}

/// What a shell offers after a command line.
fn offered(stage: &Stage, shell: &str, script: &str) -> String {
    let ran = stage.run(stage.command(shell).args(["-c", script]).env("TERM", "xterm"));
    assert!(ran.status.success() && ran.stderr.is_empty(), "{shell}: {ran:?}");
    ran.text()
}

#[test]
fn bash_completes() {
    if !installed("bash_completes", &["bash"]) {
        return;
    }
    let (stage, _) = generated();
    let complete = |words: &str| {
        let script = format!(
            "set -eu; source dist/sysreel.bash; complete -p sysreel >/dev/null; COMP_WORDS=({words}); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{words}'; \
             _sysreel sysreel \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        offered(&stage, "bash", &script)
    };
    assert_eq!(complete("sysreel repl"), "replay\n");
    assert_eq!(complete("sysreel print --event-n"), "--event-numbers\n");
    assert_eq!(complete("sysreel print --color ''"), "auto\nalways\nnever\n");
    assert_eq!(complete("sysreel baseline chec"), "check\n");
}

#[test]
fn fish_completes() {
    if !installed("fish_completes", &["fish"]) {
        return;
    }
    let (stage, _) = generated();
    let complete = |line: &str| {
        offered(&stage, "fish", &format!("source dist/sysreel.fish; complete -C '{line}'"))
    };
    assert!(complete("sysreel repl").starts_with("replay\tReplay a recorded program"));
    assert!(complete("sysreel print --event-n").starts_with("--event-numbers\t"));
    let colors = complete("sysreel print --color ");
    let colors: Vec<_> = colors.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(colors, ["always", "auto", "never"]);
    assert!(complete("sysreel baseline chec").starts_with("check\t"));
}

/// Completion in zsh happens in its line editor only, so a shell types into another one.
#[test]
fn zsh_completes() {
    if !installed("zsh_completes", &["zsh"]) {
        return;
    }
    let (stage, _) = generated();
    stage.write(
        "complete",
        r#"
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'fpath=($PWD/dist $fpath); autoload -U compinit; compinit -u -d $PWD/dump'
zpty -w z 'show() { zle complete-word; print -r -- "typed <$BUFFER>" }; zle -N show'
zpty -w z 'bindkey "^I" show; print -r -- found-$_comps[sysreel]'
zpty -r -m z line '*found-_sysreel*' || exit 1
zpty -w -n z "$1"$'\t'
zpty -r -m z line '*typed <*>*' || exit 2
print -r -- "${line#*typed }"
"#,
    );
    for (typed, whole) in [
        ("sysreel repl", "sysreel replay"),
        ("sysreel print --event-n", "sysreel print --event-numbers"),
        ("sysreel print --color al", "sysreel print --color always"),
        ("sysreel baseline chec", "sysreel baseline check"),
    ] {
        let mut zsh = stage.command("zsh");
        let ran = stage.run(zsh.args(["-f", "complete", typed]).env("TERM", "dumb"));
        assert!(
            ran.status.success() && ran.text().contains(&format!("<{whole} >")),
            "{typed}: {ran:?}"
        );
    }
}

#[test]
fn man_pages_are_well_formed() {
    if !installed("man_pages_are_well_formed", &["mandoc"]) {
        return;
    }
    let (stage, folder) = generated();
    for page in fs::read_dir(folder.join("man1")).unwrap().map(|page| page.unwrap().path()) {
        let ran = stage.run(stage.command("mandoc").args(["-Tlint"]).arg(&page));
        assert_eq!(ran.text(), "", "{}", page.display());
        assert!(ran.status.success(), "{ran:?}");
    }
    let shown = |page: &str| {
        let path = folder.join("man1").join(page);
        let text = stage.run(stage.command("mandoc").args(["-Tascii", "-Owidth=100"]).arg(path));
        // Bold and underlined text is overstruck.
        let text = text.text();
        let mut plain = String::new();
        for c in text.chars() {
            if c == '\u{8}' { _ = plain.pop() } else { plain.push(c) }
        }
        plain
    };
    let print = shown("sysreel-print.1");
    for part in ["EXIT STATUS", "--follow", "parts of the log are missing or damaged", "sysreel(1)"]
    {
        assert!(print.contains(part), "{part}: {print}");
    }
    let overview = shown("sysreel.1");
    assert!(
        overview.contains("sysreel-print(1)") && !overview.contains("EXIT STATUS"),
        "{overview}"
    );
}

/// The same source makes the same files.
#[test]
fn files_are_reproducible() {
    let (stage, folder) = generated();
    let mut later = stage.command(crate::stage::SYSREEL);
    later.args(["generate", "again"]).env("COLUMNS", "50").env("TZ", "Asia/Tokyo");
    assert!(stage.run(&mut later).status.success());
    for name in ["sysreel.bash", "_sysreel", "man1/sysreel.1", "man1/sysreel-record.1"] {
        let files = [&folder, &stage.path("again")].map(|at| fs::read(at.join(name)).unwrap());
        assert_eq!(files[0], files[1], "{name}");
    }
}
