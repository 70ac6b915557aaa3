//! The loop: keys and signals in, screens out.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crossterm::event::{Event, poll, read};
use ratatui::layout::Rect;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::browser::{Browser, Effect};
use crate::draw::draw;
use crate::options::Options;
use crate::panes::Panes;
use crate::program::{Program, Size};
use crate::terminal::{Screen, give_back};

/// How long to wait for keys while threads are at work, and while none is.
const BUSY: Duration = Duration::from_millis(15);
const IDLE: Duration = Duration::from_millis(100);

/// Browses a log until the user leaves.
///
/// # Errors
/// When the terminal cannot be used. What is wrong with the log is shown.
pub fn run(path: &Path, options: Options) -> io::Result<()> {
    run_with(path, options, None)
}

/// Browses the log of a program that is being recorded, and shows its terminal, until the user
/// leaves.
///
/// # Errors
/// As [`run`].
pub fn run_with(path: &Path, options: Options, program: Option<Program>) -> io::Result<()> {
    let (signals, handle) = signals(options.files.discard)?;
    let mut browser = Browser::new(path, options);
    if let Some(program) = program {
        browser.show(program, size_of_program()?);
    }
    let result = browse(browser, &signals);
    handle.close();
    result
}

/// The size of the terminal that [`run_with`] gives to a program: columns and lines.
///
/// # Errors
/// When there is no terminal.
pub fn size_of_program() -> io::Result<Size> {
    let (width, height) = crossterm::terminal::size()?;
    Ok(Panes::size_of_program(Rect { x: 0, y: 0, width, height }))
}

fn browse(mut browser: Browser, signals: &Receiver<()>) -> io::Result<()> {
    let mut screen = Screen::take()?;
    let mut is_new = true;
    // The first screen has lines, if they come at once.
    browser.wait(IDLE);
    while !browser.is_over {
        if !Screen::is_taken() {
            return Err(io::Error::other("a part of browse has failed, as reported above"));
        }
        // While nothing changes nothing is drawn: a recording may take days.
        if browser.receive() || is_new {
            browser.prepare(screen.terminal.size()?);
            screen.terminal.draw(|frame| draw(frame, &browser))?;
        }
        is_new = wait(&mut browser)?;
        for effect in browser.take_effects() {
            perform(effect, &mut browser, &mut screen)?;
            is_new = true;
        }
        for () in signals.try_iter() {
            suspend(&mut screen)?;
            is_new = true;
        }
    }
    Ok(())
}

/// Waits for keys or for threads, and takes what comes. Returns whether keys did.
fn wait(browser: &mut Browser) -> io::Result<bool> {
    let mut patience = match () {
        () if !browser.is_list_complete() => Duration::ZERO,
        () if browser.is_busy() => BUSY,
        () => IDLE,
    };
    let mut has_come = false;
    // All keys that were typed before the next screen, so that a held key takes effect at once.
    while poll(patience)? {
        has_come = true;
        match read()? {
            Event::Key(key) => browser.key(key),
            Event::Mouse(mouse) => browser.mouse(mouse),
            Event::Paste(text) => browser.paste(&text),
            Event::Resize(..) | Event::FocusGained | Event::FocusLost => {}
        }
        if browser.is_over {
            break;
        }
        patience = Duration::ZERO;
    }
    Ok(has_come)
}

fn perform(effect: Effect, browser: &mut Browser, screen: &mut Screen) -> io::Result<()> {
    match effect {
        Effect::Copy(text) => screen.copy(&text)?,
        Effect::Redraw => screen.terminal.clear()?,
        Effect::Suspend => suspend(screen)?,
        Effect::Manual(name) => {
            if let Some(wrong) = screen.manual(&name)? {
                browser.say(wrong);
            }
        }
    }
    Ok(())
}

/// Stops as Ctrl-Z does, until somebody continues the process.
fn suspend(screen: &mut Screen) -> io::Result<()> {
    screen.lend(|| emulate_default_handler(SIGTSTP))?
}

/// Takes signals on a thread of their own. Those that end the process do so there: while the
/// terminal hangs up, crossterm reads its end again and again and does not return. What is received
/// is a request to stop.
fn signals(discard: fn()) -> io::Result<(Receiver<()>, Handle)> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP])?;
    let handle = signals.handle();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGTSTP {
                if send.send(()).is_err() {
                    break;
                }
            } else {
                give_back();
                discard();
                // Ends the process.
                _ = emulate_default_handler(signal);
            }
        }
    });
    Ok((receive, handle))
}
