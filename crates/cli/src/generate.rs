//! Files made from the definition of the command line: completions for shells and man pages.

use crate::args::{Completions, Generate, ShellName};
use crate::exit::{self, Exit};
use crate::help;
use crate::say::{self, Unwritten, say};
use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The name of the executable.
const NAME: &str = "sysreel";
/// The date of the man pages: that of the latest change of what they say, so that the same source
/// makes the same files on every day.
const DATE: &str = "2026-11-30";

/// What commands with an option heed of the environment: the option, variables, their meaning.
const ENVIRONMENT: &[(&str, &str, &str)] = &[
    (
        "no-pager",
        "SYSREEL_PAGER, PAGER",
        "The pager for output on a terminal; cat or nothing: none.",
    ),
    ("no-pager", "LESS", "The options of less; FRX if it is not set."),
    ("color", "NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM", "Whether --color auto uses colors."),
];

impl ShellName {
    const ALL: [Self; 3] = [Self::Bash, Self::Zsh, Self::Fish];

    fn shell(self) -> Shell {
        match self {
            Self::Bash => Shell::Bash,
            Self::Zsh => Shell::Zsh,
            Self::Fish => Shell::Fish,
        }
    }

    /// The name that the shell looks for.
    fn file(self) -> &'static str {
        match self {
            Self::Bash => "sysreel.bash",
            Self::Zsh => "_sysreel",
            Self::Fish => "sysreel.fish",
        }
    }
}

/// Prints the completions of one shell.
pub(crate) fn print_completions(args: &Completions) -> Exit {
    let text = completions(args.shell);
    match say::result(|out| out.write_all(&text)) {
        Ok(()) => Exit::SUCCESS,
        Err(Unwritten(exit)) => exit,
    }
}

fn completions(shell: ShellName) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell.shell(), &mut help::command(), NAME, &mut text);
    text
}

/// Writes all completions and man pages.
pub(crate) fn run(args: &Generate) -> Exit {
    match write_all(&args.folder) {
        Ok(()) => Exit::SUCCESS,
        Err(error) => {
            say!("cannot write to {}: {error}", args.folder.display());
            Exit::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> io::Result<()> {
    let pages = folder.join("man1");
    fs::create_dir_all(&pages)?;
    for shell in ShellName::ALL {
        fs::write(folder.join(shell.file()), completions(shell))?;
    }
    let mut command = help::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, &pages)
}

/// Writes the man pages of a command and of its subcommands.
fn write_pages(command: &Command, folder: &Path) -> io::Result<()> {
    // One option after the other would fill half a page.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let shown = command.clone().override_usage(usage).subcommand_help_heading("COMMANDS");
    let man = Man::new(shown).date(DATE).source(source()).manual("User Commands");
    let file = man.get_filename();
    let title = file.trim_end_matches(".1").to_uppercase();
    let page = String::from_utf8_lossy(&page(command, &man.title(title))?).into_owned();
    fs::write(folder.join(file), well_formed(&page))?;
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
    visible.into_iter().try_for_each(|command| write_pages(command, folder))
}

fn source() -> String {
    format!("{NAME} {}", env!("CARGO_PKG_VERSION"))
}

/// Returns the text of a man page.
fn page(command: &Command, man: &Man) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::default();
    let name = command.get_bin_name().unwrap_or_default().strip_prefix("sysreel ");
    if let Some(meanings) = name.and_then(exit::meanings) {
        rest.control("SH", ["EXIT STATUS"]);
        for (status, meaning) in meanings {
            rest.control("TP", []).text([bold(*status)]).text([roman(*meaning)]);
        }
    }
    let has = |option: &str| command.get_arguments().any(|arg| arg.get_long() == Some(option));
    let variables: Vec<_> = ENVIRONMENT.iter().filter(|(option, ..)| has(option)).collect();
    if !variables.is_empty() {
        rest.control("SH", ["ENVIRONMENT"]);
    }
    for (_, names, meaning) in variables {
        rest.control("TP", []).text([bold(*names)]).text([roman(*meaning)]);
    }
    rest.control("SH", ["SEE ALSO"]);
    let others = [(NAME, "1"), ("strace", "1"), ("ptrace", "2")];
    let others = others.into_iter().filter(|(other, _)| name.is_some() || *other != NAME);
    let mut separator = "";
    let mut line = Vec::new();
    for (other, section) in others {
        line.extend([roman(separator), bold(other), roman(format!("({section})"))]);
        separator = ", ";
    }
    rest.text(line);
    rest.to_writer(&mut page)?;
    Ok(page)
}

/// Mends what clap_mangen writes and `mandoc -Tlint` complains of: empty lines between breaks,
/// blanks at the end, long lines, and the definition of the apostrophe once for each section.
fn well_formed(page: &str) -> String {
    /// How many bytes of text mandoc wants on a line.
    const WIDTH: usize = 80;
    let mut out = String::with_capacity(page.len());
    let mut definitions = 2;
    for line in page.replace("\n.br\n\n.br\n", "\n.sp\n").lines() {
        let line = line.trim_end();
        if line.starts_with(".ie ") || line.starts_with(".el ") {
            if definitions == 0 {
                continue;
            }
            definitions -= 1;
        }
        let mut rest = if line.is_empty() { ".sp" } else { line };
        while rest.len() > WIDTH && !rest.starts_with('.') {
            // No line may begin as a request does.
            let is_place = |at: &usize| !rest[at + 1..].starts_with(['.', '\'']);
            let blanks = || rest.match_indices(' ').map(|(at, _)| at).filter(is_place);
            let at = blanks().take_while(|at| *at <= WIDTH).last().or_else(|| blanks().next());
            let Some(at) = at else { break };
            out.push_str(&rest[..at]);
            out.push('\n');
            rest = &rest[at + 1..];
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}
