//! The state of the browser. It knows no terminal: keys go in, and [`crate::draw`] shows it.

mod acting;
mod answering;
mod detailing;
mod moving;
mod programming;
mod receiving;
mod wanting;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use foldhash::fast::RandomState;
use ratatui::layout::{Rect, Size};
use regex::Regex;

use crate::fitting::broken;
use crate::index::{Index, Reading};
use crate::list::List;
use crate::message::{Line, Message, Shared, Stop};
use crate::options::Options;
use crate::panes::{Beside, Pane, Panes};
use crate::program::Emulator;
use crate::prompt::Prompt;
use crate::reading::lines::{Requests, Wanted};
use crate::reading::{indexing, lines};
use crate::tree::Tree;
pub(crate) use detailing::Detail;

/// What the terminal has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Put a text into the clipboard.
    Copy(String),
    /// Show the manual page of a call.
    Manual(String),
    /// Draw everything again.
    Redraw,
    /// Stop, as Ctrl-Z does.
    Suspend,
}

/// A thread that does something that takes time.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) number: u64,
    /// What it does: `searching`.
    pub(crate) what: &'static str,
    pub(crate) percent: u64,
    stop: Stop,
}

/// A log that is browsed.
#[derive(Debug)]
pub(crate) struct Browser {
    path: PathBuf,
    pub(crate) options: Options,
    shared: Shared,
    receive: Receiver<Message>,
    requests: Requests,
    /// Stops the index.
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
    pub(crate) list: List,
    /// The row that was selected. While a filter has not come to it, another one is shown.
    selected: usize,
    /// The position of the selection in the list, and that of the first line on the screen.
    pub(crate) position: usize,
    pub(crate) top: usize,
    /// Whether the selection stays at the end while the log grows.
    stays_at_end: bool,
    /// How many columns of the lines are to the left of the list.
    pub(crate) shift: usize,
    /// The decoded rows.
    pub(crate) lines: HashMap<usize, Line, RandomState>,
    /// All about a row.
    details: Option<(usize, Vec<String>)>,
    pub(crate) details_top: usize,
    wanted: Wanted,
    ready: u64,
    pub(crate) focus: Pane,
    /// What is shown besides the list.
    beside: Beside,
    /// The program that is being recorded, with its terminal.
    pub(crate) program: Option<Emulator>,
    /// Whether the user has asked to leave while it runs.
    has_asked: bool,
    pub(crate) tree: Tree,
    pub(crate) panes: Panes,
    pub(crate) prompt: Option<Prompt>,
    /// The first line of the help that is shown, if it is.
    pub(crate) help: Option<usize>,
    /// What there is to tell, until the next key.
    pub(crate) said: Option<String>,
    /// Whether it was told what is missing in the log.
    has_told_lacks: bool,
    pattern: Option<Regex>,
    /// The job that applies the filter, and the other one.
    pub(crate) filtering: Option<Job>,
    pub(crate) job: Option<Job>,
    jobs: u64,
    /// The event to go to once it is read.
    pending: Option<u64>,
    effects: Vec<Effect>,
    pub(crate) is_over: bool,
}

impl Browser {
    /// Begins to read a log.
    pub(crate) fn new(path: &Path, options: Options) -> Self {
        let (send, receive) = channel();
        let index = Index::new(options.follow);
        let shared = Shared { index: Arc::new(RwLock::new(index)), send };
        let (requests, stop) = (Requests::default(), Stop::default());
        let indexing = {
            let (path, shared, stop) = (path.to_path_buf(), shared.clone(), stop.clone());
            std::thread::spawn(move || indexing::index(path, options.follow, shared, stop))
        };
        let decoding = {
            let (path, requests, shared) = (path.to_path_buf(), requests.clone(), shared.clone());
            std::thread::spawn(move || lines::serve(path, requests, shared))
        };
        Self {
            path: path.to_path_buf(),
            options,
            shared,
            receive,
            requests,
            stop,
            threads: vec![indexing, decoding],
            list: List::default(),
            selected: 0,
            position: 0,
            top: 0,
            stays_at_end: false,
            shift: 0,
            lines: HashMap::default(),
            details: None,
            details_top: 0,
            wanted: Wanted::default(),
            ready: 0,
            focus: Pane::List,
            beside: Beside::Views,
            program: None,
            has_asked: false,
            tree: Tree::default(),
            panes: Panes::default(),
            prompt: None,
            help: None,
            said: None,
            has_told_lacks: false,
            pattern: None,
            filtering: None,
            job: None,
            jobs: 0,
            pending: None,
            effects: Vec::new(),
            is_over: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn index(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.shared.index()
    }

    #[cfg(test)]
    pub(crate) fn shared_index(&self) -> Arc<RwLock<Index>> {
        Arc::clone(&self.shared.index)
    }

    /// Whether a thread is at work of which the screen will show something.
    pub(crate) fn is_busy(&self) -> bool {
        let is_reading = self.index().reading == Reading::On;
        is_reading
            || self.program.as_ref().is_some_and(Emulator::is_running)
            || !self.is_list_complete()
            || self.ready < self.wanted.number
            || self.filtering.is_some()
            || self.job.is_some()
    }

    /// Whether the list has all rows that are known to belong to it.
    pub(crate) fn is_list_complete(&self) -> bool {
        self.list.is_complete(&self.index())
    }

    /// The row that is selected, if there is any.
    pub(crate) fn current(&self) -> Option<usize> {
        self.current_in(&self.index())
    }

    /// The row that is selected, for those who have the index already: a thread that asks for it
    /// twice could wait for itself.
    pub(crate) fn current_in(&self, index: &Index) -> Option<usize> {
        let row = self.list.row(self.position)?;
        index.row(row).is_some().then_some(row)
    }

    /// All about the selected row, once it is decoded.
    pub(crate) fn details(&self) -> Option<&[String]> {
        let (row, lines) = self.details.as_ref()?;
        (Some(*row) == self.current()).then_some(lines)
    }

    /// Divides the screen anew, and moves what is shown so that the selections are on it.
    pub(crate) fn prepare(&mut self, size: Size) {
        let screen = Rect { x: 0, y: 0, width: size.width, height: size.height };
        let footer = match (&self.prompt, &self.said) {
            (Some(prompt), _) if prompt.wrong.is_some() => 3,
            (None, Some(said)) => said_lines(said, size.width).len(),
            _ => 1,
        };
        // Half of the screen at most.
        let most = (size.height / 2).max(1);
        let footer = u16::try_from(footer).unwrap_or(u16::MAX).min(most);
        self.panes = Panes::new(screen, (self.focus, self.beside), footer);
        self.prepare_program(screen);
        let len = self.list.len();
        self.position = self.position.min(len.saturating_sub(1));
        let height = usize::from(self.panes.list.height).max(1);
        self.top = window(self.top, self.position, height).min(len.saturating_sub(height));
        {
            let index = self.shared.index();
            self.tree.update(&index);
        }
        let height = usize::from(self.panes.tree.height.saturating_sub(1)).max(1);
        self.tree.top = window(self.tree.top, self.tree.at, height);
        self.want();
    }

    /// Takes what the terminal has to do.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

/// Returns the lines of a message.
pub(crate) fn said_lines(said: &str, width: u16) -> Vec<String> {
    broken(said, usize::from(width).saturating_sub(2).max(1))
}

/// The first line of a window of some height that shows a line, moved as little as possible.
fn window(top: usize, at: usize, height: usize) -> usize {
    top.min(at).max(at.saturating_add(1).saturating_sub(height))
}

/// Ends the threads.
impl Drop for Browser {
    fn drop(&mut self) {
        self.stop.stop();
        self.requests.close();
        for job in self.filtering.iter().chain(&self.job) {
            job.stop.stop();
        }
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            _ = thread.join();
        }
    }
}
