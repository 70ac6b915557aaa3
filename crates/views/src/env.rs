//! `env`: the environment with which each program began.

use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::calls::Item;
use sysreel_inspect::{Error, Findings, Follow, LogFile};

use crate::captured::{Captured, Program, wants};
use crate::environment::{self, Variables};
use crate::page::Page;
use crate::select::{Looker, Select, look};
use crate::table::write_line;
use crate::view::View;

/// Which programs to return, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The part of the log. With a filter, only programs that match.
    pub select: Select,
    /// Only programs of these processes; empty: of all.
    pub pids: Vec<u32>,
    /// Whether the values of secret variables are shown.
    pub show_secrets: bool,
}

/// The environments of the programs of a log.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Env {
    /// The programs, in the order of their beginnings.
    pub programs: Vec<Environment>,
    /// The number of programs that had no room.
    pub left_out: u64,
    /// The number of texts that had no room, and are `null`.
    pub texts_left_out: u64,
}

/// The environment of a program.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment {
    /// The program.
    #[serde(flatten)]
    pub program: Program,
    /// The variables, in their order; `null` if they are not in the log: the process ran before
    /// the recorder attached to it, or no memory was captured.
    pub variables: Option<Variables>,
    /// How many values are cut, because the recorder kept only their beginning.
    pub cut: u64,
}

/// Returns the environments of the programs of a log.
///
/// # Errors
/// When the log cannot be read. Damage is not an error; the [`Findings`] report it.
pub fn env(file: &LogFile, options: &Options) -> Result<(Env, Findings), Error> {
    let mut collector = Collector { options, captured: Captured::of(file), programs: Vec::new() };
    let findings = look(file, &options.select, (Follow::default(), true), &mut collector)?;
    let left_out = collector.captured.left_out();
    let texts_left_out = collector.captured.pool.left_out();
    Ok((Env { programs: collector.programs, left_out, texts_left_out }, findings))
}

struct Collector<'o> {
    options: &'o Options,
    captured: Captured,
    programs: Vec<Environment>,
}

impl Looker for Collector<'_> {
    fn item(&mut self, item: &Item<'_>, selected: bool) {
        let program = self.captured.note(item);
        let (Item::Exec(exec), Some(program)) = (item, program) else { return };
        if !selected || !wants(&self.options.pids, &program) {
            return;
        }
        let environment = environment::of_program(exec, &mut self.captured.pool);
        let (texts, cut) = match environment {
            Some(environment) => (Some(environment.variables), environment.cut),
            None => (None, 0),
        };
        let show_secrets = self.options.show_secrets;
        let variables = texts.map(|texts| Variables { texts, show_secrets });
        self.programs.push(Environment { program, variables, cut });
    }
}

impl View for Env {
    const SCHEMA: &'static str = "sysreel/env/1";

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        for program in &self.programs {
            write_line(&program.program.heading(), page, out)?;
            let Some(variables) = &program.variables else {
                write_line("    (the environment is not in the log)", page, out)?;
                continue;
            };
            for variable in variables.iter() {
                write_line(&format!("    {}={}", variable.name, variable.value), page, out)?;
            }
            if program.cut > 0 {
                let line = format!("    ({} values were cut when they were recorded)", program.cut);
                write_line(&line, page, out)?;
            }
        }
        if self.left_out > 0 {
            write_line(&format!("({} programs had no room)", self.left_out), page, out)?;
        }
        if self.texts_left_out > 0 {
            write_line(&format!("({} texts had no room)", self.texts_left_out), page, out)?;
        }
        Ok(())
    }
}
