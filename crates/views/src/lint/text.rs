//! The text of `lint`.

use std::io::{self, Write};

use super::Lint;
use crate::page::Page;
use crate::table::{Align, Table, write_line};
use crate::view::View;
use sysreel_inspect::Required;
use sysreel_inspect::abi::Classes;

impl View for Lint {
    const SCHEMA: &'static str = "sysreel/lint/1";
    const REQUIRED: Required = Required::files(Classes::FILE.and(Classes::DESC));

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        if self.warnings.is_empty() {
            let line = match page.is_partial {
                true => "nothing was noticed in what the log has",
                false => "nothing was noticed",
            };
            return write_line(line, page, out);
        }
        let mut table = Table::new(&[
            ("rule", Align::Left),
            ("event", Align::Right),
            ("pid", Align::Right),
            ("exe", Align::Left),
            ("what", Align::Left),
        ]);
        for warning in &self.warnings {
            table.row(vec![
                warning.rule.clone(),
                warning.event.to_string(),
                warning.pid.to_string(),
                warning.exe.clone(),
                warning.message.clone(),
            ]);
        }
        table.write(page, out)?;
        if self.left_out > 0 {
            write_line(&format!("({} more warnings)", self.left_out), page, out)?;
        }
        Ok(())
    }
}
