//! `env`: the environment with which each program began.

use std::io::{self, Write};

use serde::Serialize;
use sysreel_inspect::{Error, Findings, LogFile, Required};

use crate::captured::{Program, Programs, programs};
use crate::environment::{self, Variables};
use crate::page::Page;
use crate::select::Select;
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
pub type Env = Programs<Environment>;

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
    let selected = (&options.select, &*options.pids);
    programs(file, selected, true, |program, exec, pool| {
        let environment = environment::of_program(exec, pool);
        let (texts, cut) = match environment {
            Some(environment) => (Some(environment.variables), environment.cut),
            None => (None, 0),
        };
        let show_secrets = options.show_secrets;
        let variables = texts.map(|texts| Variables { texts, show_secrets });
        Some(Environment { program, variables, cut })
    })
}

impl View for Env {
    const SCHEMA: &'static str = "sysreel/env/1";
    const REQUIRED: Required = Required::MEMORY;

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        self.write(page, out, |of, out| {
            write_line(&of.program.heading(), page, out)?;
            let Some(variables) = &of.variables else {
                return write_line("    (the environment is not in the log)", page, out);
            };
            for variable in variables.iter() {
                write_line(&format!("    {}={}", variable.name, variable.value), page, out)?;
            }
            if of.cut > 0 {
                let line = format!("    ({} values were cut when they were recorded)", of.cut);
                write_line(&line, page, out)?;
            }
            Ok(())
        })
    }

    fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }
}
