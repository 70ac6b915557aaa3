//! A program that runs while its log is browsed, and has a terminal of its own in a pane.

use std::fmt;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vt100::{Callbacks, Parser};

/// How many lines that have left the screen can be scrolled back to.
const SCROLLBACK: usize = 2000;

/// The size of a terminal: columns and lines.
pub type Size = (u16, u16);

/// What a program and its terminal tell.
#[derive(Debug)]
pub enum Told {
    /// The program has written bytes.
    Output(Vec<u8>),
    /// It has ended, and how: `exited with 1`.
    Ended(String),
}

/// What the terminal of a program is told.
#[derive(Debug)]
pub enum Input {
    /// Bytes were typed.
    Typed(Vec<u8>),
    /// It has another size.
    Resized(Size),
    /// It hangs up: the user has left.
    HungUp,
}

/// A program with a terminal of its own. Its runner sends what it tells, and takes its input.
pub struct Program {
    /// How it is called.
    pub name: String,
    /// What it tells. Closed when nothing more can come.
    pub output: Receiver<Told>,
    /// Takes input. Must not wait.
    pub input: Arc<dyn Fn(Input) + Send + Sync>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Answers what programs ask their terminal.
struct Answers {
    input: Arc<dyn Fn(Input) + Send + Sync>,
}

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        mark: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        c: char,
    ) {
        let param = params.first().and_then(|param| param.first()).copied().unwrap_or(0);
        let answer = match (mark, c, param) {
            // What it is: a VT102.
            (None, 'c', 0) => "\u{1b}[?6c".to_owned(),
            // That it is well.
            (None, 'n', 5) => "\u{1b}[0n".to_owned(),
            // Where the cursor is.
            (None, 'n', 6) => {
                let (line, column) = screen.cursor_position();
                format!("\u{1b}[{};{}R", line.saturating_add(1), column.saturating_add(1))
            }
            _ => return,
        };
        (self.input)(Input::Typed(answer.into_bytes()));
    }
}

/// The terminal of a program, as the screen shows it.
pub(crate) struct Emulator {
    pub(crate) name: String,
    parser: Arc<Mutex<Parser<Answers>>>,
    input: Arc<dyn Fn(Input) + Send + Sync>,
    size: Size,
    /// How the program has ended.
    pub(crate) ended: Option<String>,
    /// Whether the screen has been told that something has changed, and has not looked yet.
    told: Arc<AtomicBool>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Emulator {
    /// Shows a program. `changed` is called when something is to be shown, `ended` in the end.
    pub(crate) fn start(
        program: Program,
        size: Size,
        changed: impl Fn() + Send + 'static,
        ended: impl Fn(String) + Send + 'static,
    ) -> Self {
        let Program { name, output, input } = program;
        let (lines, columns) = lines_and_columns(size);
        let answers = Answers { input: Arc::clone(&input) };
        let parser = Parser::new_with_callbacks(lines, columns, SCROLLBACK, answers);
        let parser = Arc::new(Mutex::new(parser));
        let told = Arc::new(AtomicBool::new(false));
        let emulator = Self {
            name,
            parser: Arc::clone(&parser),
            input,
            size,
            ended: None,
            told: Arc::clone(&told),
        };
        std::thread::spawn(move || {
            for what in output {
                match what {
                    Told::Output(bytes) => {
                        lock(&parser).process(&bytes);
                        // Once for all that comes before the next screen.
                        if !told.swap(true, Ordering::Relaxed) {
                            changed();
                        }
                    }
                    Told::Ended(how) => ended(how),
                }
            }
        });
        emulator
    }

    /// Takes note that the screen shows what there is.
    pub(crate) fn looked(&self) {
        self.told.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.ended.is_none()
    }

    /// Does something with the screen.
    pub(crate) fn screen<T>(&self, with: impl FnOnce(&vt100::Screen) -> T) -> T {
        with(lock(&self.parser).screen())
    }

    /// Types bytes, and shows the end of what was written.
    pub(crate) fn typed(&self, bytes: Vec<u8>) {
        lock(&self.parser).screen_mut().set_scrollback(0);
        (self.input)(Input::Typed(bytes));
    }

    /// Scrolls through lines that have left the screen.
    pub(crate) fn scroll(&self, count: usize, up: bool) {
        let mut parser = lock(&self.parser);
        let screen = parser.screen_mut();
        let at = screen.scrollback();
        screen.set_scrollback(match up {
            true => at.saturating_add(count),
            false => at.saturating_sub(count),
        });
    }

    pub(crate) fn resize(&mut self, size: Size) {
        if size != self.size && size.0 > 0 && size.1 > 0 {
            self.size = size;
            let (lines, columns) = lines_and_columns(size);
            lock(&self.parser).set_size(lines, columns);
            (self.input)(Input::Resized(size));
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        (self.input)(Input::HungUp);
    }
}

fn lock(parser: &Mutex<Parser<Answers>>) -> MutexGuard<'_, Parser<Answers>> {
    parser.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lines_and_columns((columns, lines): Size) -> (NonZeroU16, NonZeroU16) {
    let at_least_one = |number: u16| NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN);
    (at_least_one(lines), at_least_one(columns))
}
