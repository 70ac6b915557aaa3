//! The text of `show`.

use std::io::{self, Write};

use super::{RegionShown, Show};
use crate::hexdump::hexdump;
use crate::page::Page;
use crate::table::{Align, Table, write_line};
use crate::text::duration;
use crate::view::View;

impl View for Show {
    const SCHEMA: &'static str = "sysreel/show/1";

    fn write_text(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        // The caller says that there is no such event.
        let Some(kind) = &self.kind else { return Ok(()) };
        let Self { event, pid, tid, source, .. } = self;
        let exe = self.exe.as_deref().unwrap_or("?");
        writeln!(out, "event {event}: {kind} from {source}, {exe} [pid {pid}, thread {tid}]")?;
        let unix = (self.unix_ns / 1_000_000_000, self.unix_ns % 1_000_000_000);
        let since = (self.since_start_ns / 1_000_000_000, self.since_start_ns % 1_000_000_000);
        writeln!(out, "time: +{}.{:09} s, @{}.{:09}", since.0, since.1, unix.0, unix.1)?;
        for line in &self.lines {
            write_line(line, page, out)?;
        }
        self.write_struct(page, out)?;
        self.write_call(page, out)?;
        for region in &self.regions {
            region.write(page, out)?;
        }
        self.write_names(page, out)?;
        self.write_rest(page, out)
    }
}

impl Show {
    /// Writes what [`Show::of`] knows: the call and its memory first, the kernel's struct last.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write_details(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let since = (self.since_start_ns / 1_000_000_000, self.since_start_ns % 1_000_000_000);
        let unix = (self.unix_ns / 1_000_000_000, self.unix_ns % 1_000_000_000);
        self.write_args(page, out)?;
        self.write_names(page, out)?;
        for region in &self.regions {
            region.write(page, out)?;
        }
        let Self { event, pid, tid, source, .. } = self;
        writeln!(out, "\nevent {event} from {source}, pid {pid}, thread {tid}")?;
        writeln!(out, "time: +{}.{:09} s, @{}.{:09}", since.0, since.1, unix.0, unix.1)?;
        self.write_struct(page, out)
    }

    fn write_struct(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        if let Some(status) = self.wait_status {
            writeln!(out, "\nwait status {status:#x}, struct ptrace_syscall_info:")?;
            let mut table = Table::new(&[
                ("offset", Align::Right),
                ("bytes", Align::Left),
                ("field", Align::Left),
                ("value", Align::Left),
            ]);
            for field in &self.fields {
                let (hex, name) = (field.hex.clone(), field.name.clone());
                table.row(vec![field.offset.to_string(), hex, name, field.value.clone()]);
            }
            table.write(page, out)?;
        }
        Ok(())
    }

    fn write_call(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let Some(call) = &self.call else { return Ok(()) };
        writeln!(out)?;
        write_line(&call.text, page, out)?;
        self.write_args(page, out)
    }

    /// Writes when the call began and returned, and its arguments.
    fn write_args(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let Some(call) = &self.call else { return Ok(()) };
        let exit = match (call.exit, call.duration_ns) {
            (Some(exit), Some(took)) => {
                format!("returned at event {exit}, after {}", duration(took))
            }
            _ => "did not return".to_owned(),
        };
        writeln!(out, "began at event {}, {exit}", call.entry)?;
        let mut table =
            Table::new(&[("arg", Align::Left), ("raw", Align::Right), ("text", Align::Left)]);
        for arg in &call.args {
            table.row(vec![arg.name.clone(), format!("{:#x}", arg.raw), arg.text.clone()]);
        }
        if !call.args.is_empty() {
            table.write(page, out)?;
        }
        Ok(())
    }

    fn write_names(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        for name in &self.names {
            let ends = [("own address", &name.local), ("peer", &name.peer)];
            let ends = ends.iter().filter_map(|(what, end)| Some((what, end.as_ref()?)));
            let ends: String = ends.map(|(what, end)| format!(", {what} {end}")).collect();
            let (dev, ino) = name.id;
            let line = format!(
                "fd {} is {}, mode {:06o}, device {dev:#x}, inode {ino}{ends}",
                name.fd, name.link, name.mode
            );
            write_line(&line, page, out)?;
        }
        Ok(())
    }

    fn write_rest(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        if !self.values.is_empty() {
            writeln!(out, "\nfields for filters:")?;
            for (field, value) in &self.values {
                write_line(&format!("  {field} = {value}"), page, out)?;
            }
        }
        if !self.neighbors.is_empty() {
            writeln!(out, "\non the same descriptor:")?;
            for neighbor in &self.neighbors {
                let line = format!("  {} [{}] {}", neighbor.event, neighbor.tid, neighbor.call);
                write_line(&line, page, out)?;
            }
        }
        if !self.elsewhere.is_empty() {
            writeln!(out, "\nmeanwhile in a call:")?;
            for other in &self.elsewhere {
                let line = format!("  [{}] {} since event {}", other.tid, other.call, other.event);
                write_line(&line, page, out)?;
            }
        }
        Ok(())
    }
}

impl RegionShown {
    fn write(&self, page: &Page, out: &mut dyn Write) -> io::Result<()> {
        let Self { arg, direction, depth, index, address, asked, got, .. } = self;
        let errno = self.errno.as_ref().map(|errno| format!(", {errno}")).unwrap_or_default();
        let place =
            if *depth > 0 { format!(", depth {depth}, index {index}") } else { String::new() };
        let line = format!(
            "\n{arg} ({direction}{place}) at {address:#x}: {got} of {asked} bytes captured{errno}"
        );
        write_line(&line, page, out)?;
        match &self.hex {
            None => writeln!(out, "(the bytes are no longer in the log)"),
            Some(hex) => {
                let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
                let mut text = String::new();
                hexdump(&mut text, &bytes);
                out.write_all(text.as_bytes())?;
                let shown = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                match got.saturating_sub(shown) {
                    0 => Ok(()),
                    more => writeln!(out, "({more} more bytes: --bytes all)"),
                }
            }
        }
    }
}
