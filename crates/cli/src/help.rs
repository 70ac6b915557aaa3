//! The command line as it is shown: commands and options in groups, texts that fit the terminal.
//!
//! [`command`] is the one definition that parsing, help texts, completions and man pages are made
//! from.

use crate::args::Args;
use clap::builder::Styles;
use clap::{Arg, Command, CommandFactory};

/// The width of help texts on a wider terminal, and without one.
const WIDEST: usize = 100;

/// The groups of commands. A command in none is listed last.
const COMMANDS: &[(&str, &[&str])] = &[
    ("Record", &["record", "doctor"]),
    ("Read a log", &["print", "browse", "info", "grep", "show", "export", "report", "filter"]),
    (
        "Ask a log",
        &["stat", "tree", "ps", "files", "net", "fds", "waits", "stream", "lint", "env", "maps"],
    ),
    ("Compare runs", &["diff", "ab", "baseline"]),
    ("Replay", &["replay", "verify"]),
];
const OTHERS: &str = "Others";

/// The groups of options, by the commands that have them. An option in none is under `Options`.
const OPTIONS: &[(&[&str], &str, &[&str])] = &[
    (&["record"], "Log", &["output", "force", "capture_limit", "no_names"]),
    (&["record"], "What to record", &["pid", "tree", "only", "until_exit", "refuse_tracers"]),
    (&["record"], "How to record", &["cpu", "tracers", "replayable", "no_file_contents", "audit"]),
    (&["print"], "Output", &["format", "output", "follow"]),
    (&["print"], "What to print", &["from", "to", "around", "context", "only", "filter"]),
    (
        &["print"],
        "Lines",
        &[
            "string_limit",
            "decode_fds",
            "no_abbrev",
            "timestamps",
            "absolute_timestamps",
            "relative",
            "relative_timestamps",
            "times",
            "syscall_times",
            "instruction_pointer",
            "syscall_number",
            "hex",
            "event_numbers",
            "join",
        ],
    ),
    (&["print"], "Summary", &["summary", "summary_columns", "summary_sort", "json"]),
    (&["ab"], "Sides", &["a", "b", "dir_a", "dir_b", "root_a", "root_b"]),
    (
        &["diff", "ab", "check"],
        "What to compare",
        &["level", "allow_env_drift", "allow_incomplete", "policy", "root"],
    ),
    (
        &["diff", "ab", "check"],
        "Result",
        &["format", "report", "gate", "exit_zero", "all", "verbose", "show_secrets", "explain"],
    ),
];

/// Returns the definition of the command line, with everything in its group.
pub(crate) fn command() -> Command {
    let command = Args::command().mut_subcommands(grouped);
    let width = sysreel_sys::terminal::columns().unwrap_or(WIDEST).min(WIDEST);
    let commands = commands(&command, width);
    command.max_term_width(WIDEST).help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{commands}{}\n{{options}}\
         {{after-help}}",
        heading("Options")
    ))
}

/// Puts the options of a command and of its subcommands under their headings.
fn grouped(command: Command) -> Command {
    let name = command.get_name().to_owned();
    command.mut_subcommands(grouped).mut_args(|arg: Arg| {
        let id = arg.get_id().as_str();
        let heading = OPTIONS
            .iter()
            .find(|(commands, _, ids)| commands.contains(&name.as_str()) && ids.contains(&id));
        match heading {
            Some((_, heading, _)) => arg.help_heading(*heading),
            None => arg,
        }
    })
}

/// Lists the commands in their groups.
fn commands(command: &Command, width: usize) -> String {
    let visible = || command.get_subcommands().filter(|command| !command.is_hide_set());
    let column = visible().map(|command| command.get_name().len()).max().unwrap_or(0) + 4;
    let is_grouped = |name: &str| COMMANDS.iter().any(|(_, names)| names.contains(&name));
    let groups = COMMANDS.iter().map(|(title, names)| {
        let of_group = names.iter().filter_map(|name| visible().find(|c| c.get_name() == *name));
        (*title, of_group.collect::<Vec<_>>())
    });
    let others = visible().filter(|command| !is_grouped(command.get_name())).collect::<Vec<_>>();
    let literal = Styles::styled();
    let literal = literal.get_literal();
    let mut text = String::new();
    for (title, commands) in groups.chain([(OTHERS, others)]).filter(|(_, c)| !c.is_empty()) {
        text += &format!("{}\n", heading(title));
        for command in commands {
            let name = command.get_name();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let room = width.saturating_sub(column).max(20);
            let blanks = " ".repeat(column - 2 - name.len());
            let about = wrapped(&about, room).join(&format!("\n{}", " ".repeat(column)));
            text += &format!("  {literal}{name}{literal:#}{blanks}{about}\n");
        }
        text.push('\n');
    }
    text
}

fn heading(title: &str) -> String {
    let styles = Styles::styled();
    let header = styles.get_header();
    format!("{header}{title}:{header:#}")
}

/// Divides a text into lines of at most `width` characters, if its words allow it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    #[test]
    fn clap_accepts_the_definition() {
        command().debug_assert();
    }

    #[test]
    fn groups_name_what_exists() {
        let command = command();
        for name in COMMANDS.iter().flat_map(|(_, names)| *names) {
            assert!(command.find_subcommand(name).is_some(), "{name}");
        }
        let baseline = command.find_subcommand("baseline").unwrap();
        for (names, heading, ids) in OPTIONS {
            let find = |name: &&str| {
                command.find_subcommand(name).or_else(|| baseline.find_subcommand(name)).unwrap()
            };
            let commands: Vec<_> = names.iter().map(find).collect();
            for id in *ids {
                let has =
                    |command: &&Command| command.get_arguments().any(|arg| arg.get_id() == id);
                assert!(commands.iter().any(has), "{heading}: {names:?} {id}");
            }
        }
    }

    /// Visits every visible command that can be run, with its name.
    fn each(command: &Command, name: &str, visit: &mut impl FnMut(&str, &Command)) {
        if !command.has_subcommands() {
            visit(name.trim(), command);
        }
        for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
            each(one, &format!("{name} {}", one.get_name()), visit);
        }
    }

    /// Each command tells its own exit statuses, and no other command's.
    #[test]
    fn each_command_has_its_statuses() {
        let mut count = 0;
        each(&command(), "", &mut |name, command| {
            let help = command.clone().render_long_help().to_string();
            let expected = exit::help(Some(name));
            let table = help.split("Exit status:").nth(1).unwrap_or_else(|| panic!("{name}"));
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(
                words(table),
                words(expected.split("Exit status:").nth(1).unwrap()),
                "{name}"
            );
            count += 1;
        });
        assert!(count > 12, "{count}");
        assert!(!command().render_long_help().to_string().contains("Exit status"));
    }

    #[test]
    fn the_list_of_commands_fits() {
        for width in [40, 60, 100] {
            let text = commands(&Args::command(), width);
            let plain = text.split('\x1b').map(|part| match part.strip_prefix('[') {
                Some(rest) => rest.split_once('m').map_or("", |(_, after)| after),
                None => part,
            });
            let plain = plain.collect::<String>();
            let longest = plain.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= width && longest > width / 2, "{width}: {longest}\n{plain}");
            assert!(plain.contains("Read a log:\n  print "), "{plain}");
        }
    }
}
