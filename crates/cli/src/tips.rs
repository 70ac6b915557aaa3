//! Answers the habits of strace's users: what to type instead of an option that is not there.

use crate::help;
use clap::Command;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::path::Path;

/// Options of strace without a counterpart, and what to do instead.
const STRACE: &[(&[&str], &str)] = &[
    (&["-f", "--follow-forks"], "threads and children are always followed"),
    (
        &["--output-separately"],
        "one log has all tasks; 'sysreel print -F \"tid == TID\" LOG' prints one",
    ),
    (
        &["-e", "--trace"],
        "'sysreel record --only SYSCALLS CMD' records only some system calls, 'sysreel print --only \
         SYSCALLS LOG' prints only some",
    ),
    (&["--inject", "--fault"], "sysreel records what a program does and changes no result"),
    (
        &["-k", "--stack-traces"],
        "a replay has backtraces: 'sysreel record --replayable CMD', then 'sysreel replay --until \
         EVENT LOG'",
    ),
    (
        &["-C", "--summary"],
        "'sysreel record --print CMD' prints the log, then 'sysreel print -c LOG' the summary",
    ),
    (&["-E", "--env"], "env(1) sets variables: 'sysreel record env VAR=VALUE CMD'"),
    (
        &["-u", "--user"],
        "setpriv(1) changes the user: 'sysreel record setpriv --reuid USER --init-groups CMD'",
    ),
    (
        &["-b", "--detach-on"],
        "a process is followed through execve; 'sysreel record --until-exit CMD' \
      leaves what the command has started",
    ),
    (
        &["-D", "--daemonize"],
        "to record a program that is no child of sysreel, start it first: 'sysreel record -p PID'",
    ),
    (&["-I", "--interruptible"], "signals and keys reach the command as without sysreel"),
    (&["-A", "--output-append-mode"], "a log has one recording: choose another file with -o"),
    (&["-O", "--summary-syscall-overhead"], "the times of a log are as measured"),
    (
        &["-w", "--summary-wall-clock"],
        "times are always from the entry of a system call to its exit",
    ),
    (&["-Y", "--decode-pids"], "'sysreel info LOG' lists processes with their names"),
    (&["-d", "--debug"], "'sysreel doctor' tells what prevents a recording"),
    (&["--seccomp-bpf"], "'sysreel record --only SYSCALLS CMD' stops for some system calls only"),
    (&["-V", "--version"], "'sysreel --version' prints the version"),
    (
        &["-P", "--trace-path"],
        "'sysreel print -F \"path == PATH\" LOG' prints what concerns a path",
    ),
    (&["-z", "--successful-only"], "'sysreel print -F \"not failed\" LOG' prints what succeeded"),
    (&["-Z", "--failed-only"], "'sysreel print -F failed LOG' prints what failed"),
    (&["-X", "--const-print-style"], "constants are printed by name"),
    (&["-a", "--columns"], "results are aligned at column 40"),
];

/// The commands that strace is compared with, and what follows an option of theirs.
const LIKE_STRACE: &[(&str, &str)] = &[("record", "CMD"), ("print", "LOG")];

/// Adds tips to an error of the arguments `words`, where they are strace's.
pub(crate) fn add(mut error: clap::Error, words: &[String]) -> clap::Error {
    let name = words.first().map_or("", String::as_str);
    let at = LIKE_STRACE.iter().any(|(command, _)| *command == name).then_some(name);
    let tips = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) => {
            if at.is_none() && !name.starts_with('-') {
                return error;
            }
            let option = option.split('=').next().unwrap_or_default();
            tips(&help::command(), at, option, value(words, option))
        }
        (ErrorKind::InvalidSubcommand, _) => {
            let mut tips = vec![format!("to record a command: 'sysreel record {name}'")];
            if Path::new(name).is_file() {
                tips.push(format!("to print a log: 'sysreel print {name}'"));
            }
            tips
        }
        _ => return error,
    };
    if !tips.is_empty() {
        let tips = tips.into_iter().map(StyledStr::from).collect();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// Returns the value that follows an option, in the same word or in the next one.
fn value<'w>(words: &'w [String], option: &str) -> Option<&'w str> {
    let at = words.iter().position(|word| word.starts_with(option))?;
    match words[at][option.len()..].trim_start_matches('=') {
        "" => words.get(at + 1).map(String::as_str),
        rest => Some(rest),
    }
}

/// Returns what to say of an option that the command `at`, or `sysreel` itself, does not have.
fn tips(command: &Command, at: Option<&str>, option: &str, value: Option<&str>) -> Vec<String> {
    let mut tips = Vec::new();
    let others = LIKE_STRACE.iter().filter(|(name, _)| Some(*name) != at);
    let other = others.into_iter().find(|(name, _)| has(command, name, option));
    let qualifier = value.filter(|_| option == "-e").map(|value| match value.split_once('=') {
        Some(parts) => parts,
        None => ("trace", value),
    });
    match (qualifier, other) {
        (Some(("trace" | "t", calls)), _) => tips.push(format!(
            "'sysreel record --only {calls} CMD' records only these system calls, 'sysreel print \
             --only {calls} LOG' prints only these"
        )),
        (Some(("inject" | "fault", _)), _) => tips.extend(of_strace("--inject")),
        (_, Some(("print", _))) => tips.push(format!(
            "a log has everything; how it looks is chosen when it is printed: 'sysreel print \
             {option} LOG'"
        )),
        (_, Some((name, follows))) => {
            let values = if option == "-p" { " PID" } else { "" };
            let follows = if option == "-p" { "" } else { follows };
            let text = format!("sysreel {name} {option}{values} {follows}");
            tips.push(format!("it is an option of {name}: '{}'", text.trim_end()));
        }
        (_, None) => tips.extend(of_strace(option)),
    }
    if at.is_none() {
        tips.push("to record a command, begin with 'sysreel record'".to_owned());
    }
    tips
}

fn of_strace(option: &str) -> Option<String> {
    let (_, tip) = STRACE.iter().find(|(options, _)| options.contains(&option))?;
    Some((*tip).to_owned())
}

/// Whether a command has an option, `-x` or `--long`.
fn has(command: &Command, name: &str, option: &str) -> bool {
    let Some(command) = command.find_subcommand(name) else { return false };
    command.get_arguments().filter(|arg| !arg.is_hide_set()).any(|arg| {
        match option.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| option == format!("-{short}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> String {
        let words: Vec<String> = shlex::split(line).unwrap();
        let all = std::iter::once("sysreel").chain(words.iter().map(String::as_str));
        let error = help::command().try_get_matches_from(all).expect_err(line);
        add(error, &words).to_string()
    }

    #[test]
    fn habits_are_answered() {
        for (line, tip) in [
            ("record -f make", "tip: threads and children are always followed"),
            ("record -ff -o x make", "tip: threads and children are always followed"),
            ("record -e open make", "'sysreel record --only open CMD'"),
            ("record -e trace=%file make", "'sysreel print --only %file LOG'"),
            ("record -etrace=open,close make", "--only open,close"),
            ("record -e inject=open:error=EIO make", "changes no result"),
            ("record --inject=open:error=EIO make", "changes no result"),
            ("record -c make", "'sysreel print -c LOG'"),
            ("record -tt make", "'sysreel print -t LOG'"),
            ("record -s 100 make", "'sysreel print -s LOG'"),
            ("record -k make", "backtraces"),
            ("record --syscall-times make", "'sysreel print --syscall-times LOG'"),
            ("print -p 12 x.reel", "'sysreel record -p PID'"),
            ("print -k x.reel", "backtraces"),
            ("-p 12", "'sysreel record -p PID'"),
            ("-f make", "begin with 'sysreel record'"),
            ("-c make", "'sysreel print -c LOG'"),
            ("-e open make", "'sysreel record --only open CMD'"),
            ("make", "'sysreel record make'"),
            ("Cargo.toml", "'sysreel print Cargo.toml'"),
        ] {
            let answer = answer(line);
            assert!(answer.contains(tip), "{line}: {answer}");
            assert!(!answer.contains("as a value"), "{line}: {answer}");
        }
        // Not strace's: clap's own tips stay.
        assert!(answer("record --nonsense true").contains("to pass '--nonsense' as a value"));
        assert!(answer("diff -f a b").contains("to pass '-f' as a value"));
    }

    /// What a tip quotes can be typed.
    #[test]
    fn tips_name_what_exists() {
        let of_lines = ["record -e open x", "record -c x", "print -p 1 x", "make"].map(answer);
        let tips = STRACE.iter().map(|(_, tip)| (*tip).to_owned()).chain(of_lines);
        let mut count = 0;
        for tip in tips {
            let quoted = tip.split("'sysreel ").skip(1).filter_map(|rest| rest.split('\'').next());
            for line in quoted {
                let line = line.replace("SYSCALLS", "open").replace("PID", "1").replace("TID", "1");
                let line = line.replace("EVENT", "1").replace("== PATH", "== \\\"/x\\\"");
                let words = shlex::split(&line).unwrap();
                let all = std::iter::once("sysreel").chain(words.iter().map(String::as_str));
                let wrong = help::command().try_get_matches_from(all).err();
                let wrong = wrong.filter(|error| error.use_stderr());
                assert!(wrong.is_none(), "{line}: {}", wrong.unwrap());
                count += 1;
            }
        }
        assert!(count > 15, "{count}");
    }

    /// Each option of the installed strace is an option of `record` or `print`, or has a tip.
    #[test]
    fn every_option_of_strace_is_known() {
        let Ok(strace) = std::process::Command::new("strace").arg("--help").output() else {
            assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "no strace");
            return;
        };
        let text = String::from_utf8(strace.stdout).unwrap();
        let command = help::command();
        let mut count = 0;
        for line in text.lines().filter(|line| line.trim_start().starts_with('-')) {
            let word = line.trim_start();
            let end = word.find([' ', ',', '=', '[']).unwrap_or(word.len());
            let option = &word[..end];
            let option = if option.starts_with("--") { option } else { &option[..2] };
            // `--tips` is strace's own; the others have a letter too, or choose among `-x` or `-t`.
            let ours = ["-h", "--tips", "--strings-in-hex", "--absolute-timestamps"];
            if ours.contains(&option) || option.starts_with("--decode-pids") {
                continue;
            }
            for at in ["record", "print"] {
                let known =
                    has(&command, at, option) || !tips(&command, Some(at), option, None).is_empty();
                assert!(known, "{at} {option}: {line}");
                count += 1;
            }
        }
        assert!(count > 60, "{count}");
    }
}
