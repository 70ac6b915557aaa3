//! The terminal: its modes, and what is written to it besides the screen. It is left as it was
//! found, however the program ends.

use std::io::{self, Stdout, Write, stdout};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// The most characters that are copied: terminals drop longer sequences.
const MOST_COPIED: usize = 74_000;

/// Whether the terminal has modes that have to be undone.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// A terminal that shows the browser.
pub(crate) struct Screen {
    pub(crate) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal. A panic gives it back before it is reported.
    ///
    /// # Errors
    /// When it is no terminal.
    pub(crate) fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                report(panic);
            }));
        });
        enter()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()));
        let terminal = terminal.inspect_err(|_| give_back())?;
        Ok(Self { terminal })
    }

    /// Whether it still has the terminal: a thread that panics gives it back.
    pub(crate) fn is_taken() -> bool {
        IS_TAKEN.load(Ordering::Relaxed)
    }

    /// Gives the terminal to something else for a while.
    ///
    /// # Errors
    /// When it cannot be taken again.
    pub(crate) fn lend<T>(&mut self, to: impl FnOnce() -> T) -> io::Result<T> {
        give_back();
        let result = to();
        enter()?;
        self.terminal.clear()?;
        Ok(result)
    }

    /// Puts a text into the clipboard of the terminal (OSC 52). Works over ssh too.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        let end = text.floor_char_boundary(MOST_COPIED);
        let encoded = data_encoding::BASE64.encode(&text.as_bytes()[..end]);
        let mut out = stdout();
        write!(out, "\u{1b}]52;c;{encoded}\u{7}")?;
        out.flush()
    }

    /// Shows the manual page of a call. Returns what went wrong.
    ///
    /// # Errors
    /// When the terminal cannot be taken again.
    pub(crate) fn manual(&mut self, name: &str) -> io::Result<Option<String>> {
        // Found out before the screen changes.
        let page = Command::new("man")
            .args(["-w", "2", name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match page {
            Ok(status) if status.success() => {}
            Ok(_) => return Ok(Some(format!("there is no manual page of {name} here"))),
            Err(error) => return Ok(Some(format!("cannot run man: {error}"))),
        }
        let shown = self.lend(|| Command::new("man").args(["2", name]).status())?;
        Ok(shown.err().map(|error| format!("cannot run man: {error}")))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    IS_TAKEN.store(true, Ordering::Relaxed);
    let entered =
        execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste);
    entered.inspect_err(|_| give_back())
}

/// Leaves the terminal as it was found.
pub(crate) fn give_back() {
    if IS_TAKEN.swap(false, Ordering::Relaxed) {
        // If that fails, there is no terminal left to report it to.
        _ = execute!(
            stdout(),
            DisableBracketedPaste,
            DisableMouseCapture,
            LeaveAlternateScreen,
            Show
        );
        _ = disable_raw_mode();
    }
}
