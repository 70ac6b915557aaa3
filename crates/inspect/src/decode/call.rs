//! Calls and their arguments as text.

use std::cell::Cell;
use std::fmt;

use sysreel_abi::CallKind;

use super::form::{DONE, begin, finish, one, unknown_arguments};
use super::outcome::{outcome, unknown_outcome};
use super::view::View;
use crate::calls::{Arg, Args, Call};
use crate::state::ResolvedCall;
use crate::style::{FdStyle, Style};
use crate::text;

impl Call<'_> {
    /// Appends the call as a line of strace without its end: `read(3, "x", 100) = 1`.
    pub fn write(&self, style: &Style, out: &mut String) {
        out.push_str(&self.name());
        out.push('(');
        let lost = Cell::new(0);
        let view = self.view(style, &lost);
        match &view {
            Some(view) => {
                let before = View { exit: None, outcome: None, ..*view };
                let cursor = begin(&before, out);
                match self.outcome() {
                    Some(_) => finish(view, cursor, out),
                    None if cursor != DONE => out.push_str(" <unfinished ...>"),
                    None => {}
                }
            }
            None => unknown_arguments(self.open().call.args, out),
        }
        out.push_str(") = ");
        match (&view, self.outcome()) {
            (Some(view), Some(end)) => outcome(view, end, out),
            (None, Some(end)) => unknown_outcome(end, out),
            (_, None) => out.push('?'),
        }
    }

    /// Returns the call as decoding sees it; `None` if the table has no row for it. Without a
    /// result it is as at its entry.
    pub(crate) fn view<'v>(&'v self, style: &'v Style, lost: &'v Cell<u64>) -> Option<View<'v>> {
        let call = self.resolved()?;
        let ResolvedCall { abi, row, args, role } = call;
        let transfers = matches!(row.kind, CallKind::Send | CallKind::Receive);
        let socket = call.fd(0).filter(|_| transfers);
        Some(View {
            netlink: socket.and_then(|fd| self.state().netlink_protocol(self.task().id(), fd)),
            abi,
            row,
            args,
            role,
            entry: &self.open().memory,
            exit: self.exit_regions(),
            outcome: self.outcome(),
            options: style,
            fds: self
                .state()
                .fds_of_call(self.task().id(), self.open())
                .filter(|_| style.fds != FdStyle::Number),
            buffers: self.buffers(),
            lost,
        })
    }
}

/// As [`Call::write`] with the default style.
impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&Style::default(), &mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("number", &self.number())
            .field("task", &self.task().id())
            .field("text", &self.to_string())
            .field("ended", &self.ended())
            .finish_non_exhaustive()
    }
}

impl Arg<'_> {
    /// Returns it as text: `O_RDONLY|O_CLOEXEC`, `"/etc/passwd"`, `{st_mode=S_IFREG|0644, ...}`.
    #[must_use]
    pub fn text(&self) -> String {
        self.to_string()
    }

    /// Appends it as text in a style.
    pub fn write(&self, style: &Style, out: &mut String) {
        let lost = Cell::new(0);
        match self.call.view(style, &lost) {
            Some(view) => one(&view, self.at, out),
            None => text::hex(out, self.raw()),
        }
    }
}

impl Args<'_> {
    /// Appends all of them as text in a style, with commas between them.
    pub fn write(&self, style: &Style, out: &mut String) {
        let lost = Cell::new(0);
        let view = self.call().view(style, &lost);
        for (at, arg) in self.iter().enumerate() {
            if at > 0 {
                out.push_str(", ");
            }
            match &view {
                Some(view) => one(view, arg.at, out),
                None => text::hex(out, arg.raw()),
            }
        }
    }
}

/// As [`Arg::write`] with the default style.
impl fmt::Display for Arg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&Style::default(), &mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Arg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={self}", self.name())
    }
}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
