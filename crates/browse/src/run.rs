//! The loop: keys and signals in, screens out.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crossterm::event::{Event, poll, read};
use signal_hook::consts::{SIGHUP, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::browser::{Browser, Effect};
use crate::draw::draw;
use crate::options::Options;
use crate::terminal::{Screen, give_back};

/// How long to wait for keys while threads are at work, and while none is.
const BUSY: Duration = Duration::from_millis(15);
const IDLE: Duration = Duration::from_millis(100);

/// Browses a log until the user leaves.
///
/// # Errors
/// When the terminal cannot be used. What is wrong with the log is shown.
pub fn run(path: &Path, options: Options) -> io::Result<()> {
    let (signals, handle) = signals()?;
    let result = browse(path, options, &signals);
    handle.close();
    result
}

fn browse(path: &Path, options: Options, signals: &Receiver<()>) -> io::Result<()> {
    let mut browser = Browser::new(path, options);
    let mut screen = Screen::take()?;
    // The first screen has lines, if they come at once.
    browser.wait(IDLE);
    while !browser.is_over {
        if !Screen::is_taken() {
            return Err(io::Error::other("a part of browse has failed, as reported above"));
        }
        browser.receive();
        browser.prepare(screen.terminal.size()?);
        screen.terminal.draw(|frame| draw(frame, &browser))?;
        wait(&mut browser)?;
        for effect in browser.take_effects() {
            perform(effect, &mut browser, &mut screen)?;
        }
        for () in signals.try_iter() {
            suspend(&mut screen)?;
        }
    }
    Ok(())
}

/// Waits for keys or for threads, and takes what comes.
fn wait(browser: &mut Browser) -> io::Result<()> {
    let mut patience = match () {
        () if !browser.is_list_complete() => Duration::ZERO,
        () if browser.is_busy() => BUSY,
        () => IDLE,
    };
    // All keys that were typed before the next screen, so that a held key takes effect at once.
    while poll(patience)? {
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
    Ok(())
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
fn signals() -> io::Result<(Receiver<()>, Handle)> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGTSTP])?;
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
                // Ends the process.
                _ = emulate_default_handler(signal);
            }
        }
    });
    Ok((receive, handle))
}
