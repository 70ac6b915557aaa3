//! What is typed into the line at the bottom, and what follows from it.

use std::path::PathBuf;

use crossterm::event::KeyEvent;
use regex::RegexBuilder;
use sysreel_inspect::Bound;
use sysreel_inspect::abi::filter::Field;
use sysreel_inspect::abi::{Classes, Filter};
use sysreel_inspect::visible::visible;

use super::{Browser, Job};
use crate::list::Condition;
use crate::message::{Shared, Stop};
use crate::panes::Pane;
use crate::prompt::{Decision, Prompt, Question, Wrong};
use crate::reading::searching::Rows;
use crate::reading::{filtering, searching, writing};

/// Words of the filter language that are no fields (docs/filter.md).
const WORDS: &[&str] =
    &["and", "or", "not", "in", "contains", "any", "all", "under", "between", "failed"];
/// The most memory of a compiled pattern.
const PATTERN: usize = 1 << 20;

impl Browser {
    pub(super) fn ask(&mut self, question: Question, text: String) {
        self.prompt = Some(Prompt::new(question, text));
    }

    /// The filter that applies.
    pub(super) fn filter_text(&self) -> String {
        let filter = self.list.conditions().iter().find_map(|condition| match condition {
            Condition::Filter(text, _) => Some(text.clone()),
            _ => None,
        });
        filter.unwrap_or_default()
    }

    pub(super) fn prompt_key(&mut self, key: KeyEvent) {
        let Some(mut prompt) = self.prompt.take() else { return };
        let words = || match prompt_words(prompt.question) {
            false => Vec::new(),
            true => {
                let fields = Field::ALL.iter().map(|field| field.name().to_owned());
                let words = WORDS.iter().map(|word| (*word).to_owned());
                let calls = self.index().names.clone();
                let classes = Classes::ALL.iter().map(|(name, _)| format!("%{name}"));
                fields.chain(words).chain(calls).chain(classes).collect()
            }
        };
        let mut typed = prompt.clone();
        match typed.key(key, &words) {
            Decision::Dropped => {}
            Decision::None => self.prompt = Some(typed),
            Decision::Answered => {
                let answer = prompt.text.trim().to_owned();
                if let Err(wrong) = self.answer(prompt.question, &answer) {
                    prompt.wrong = Some(wrong);
                    self.prompt = Some(prompt);
                }
            }
        }
    }

    /// Types a text that was pasted.
    pub(crate) fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
        } else if self.focus == Pane::Program {
            self.program_paste(text);
        }
    }

    fn answer(&mut self, question: Question, answer: &str) -> Result<(), Wrong> {
        let all = |message: String| Wrong { span: 0..answer.len(), message };
        match question {
            Question::Filter => self.filter(answer),
            _ if answer.is_empty() => Ok(()),
            Question::Search => {
                // As in vim and less: small letters match both.
                let ignores_case = !answer.chars().any(char::is_uppercase);
                let mut builder = RegexBuilder::new(answer);
                let pattern = builder.case_insensitive(ignores_case).size_limit(PATTERN).build();
                let pattern = pattern.map_err(|error| {
                    let text = error.to_string();
                    all(visible(text.lines().last().unwrap_or_default()).into_owned())
                })?;
                self.pattern = Some(pattern);
                self.search_on(false);
                Ok(())
            }
            Question::Goto => {
                match answer.parse().map_err(all)? {
                    Bound::Event(event) => self.go_to_event(event),
                    place => {
                        let (path, job) = (self.path.clone(), self.begin("looking for the time"));
                        std::thread::spawn(move || searching::find_time(path, place, job));
                    }
                }
                Ok(())
            }
            Question::Write => {
                let (path, to) = (self.path.clone(), PathBuf::from(answer));
                let rows = self.rows();
                let job = self.begin("writing");
                // Awaited when the user leaves: it removes what is not complete.
                let files = self.options.files;
                let write = move || writing::write((path, to), files, rows, job);
                let thread = std::thread::spawn(write);
                self.threads.push(thread);
                Ok(())
            }
        }
    }

    pub(super) fn filter(&mut self, text: &str) -> Result<(), Wrong> {
        if text.is_empty() {
            self.stop_filter();
            self.list.set_filter(None, &self.shared.index());
            self.stay();
            return Ok(());
        }
        let filter = Filter::parse(text).map_err(|error| Wrong {
            span: error.span(),
            message: visible(&error.to_string()).into_owned(),
        })?;
        self.stop_filter();
        let job = self.new_job("filtering");
        let (number, stop) = (job.number, job.stop.clone());
        self.filtering = Some(job);
        self.list.set_filter(Some((text.to_owned(), number)), &self.shared.index());
        let (path, follow, shared) = (self.path.clone(), self.options.follow, self.shared.clone());
        std::thread::spawn(move || {
            filtering::filter(path, follow, filter, (number, shared, stop));
        });
        self.stay();
        Ok(())
    }

    pub(super) fn stop_filter(&mut self) {
        if let Some(job) = self.filtering.take() {
            job.stop.stop();
        }
    }

    /// Stops what takes time.
    pub(super) fn cancel(&mut self) {
        if let Some(job) = self.job.take() {
            job.stop.stop();
            self.say(format!("stopped {}", job.what));
        } else if self.filtering.is_some() {
            self.stop_filter();
            self.list.set_filter(None, &self.shared.index());
            self.stay();
            self.say("stopped filtering".to_owned());
        } else if self.pending.take().is_some() {
            self.say("stopped waiting".to_owned());
        }
    }

    /// Searches for the pattern again.
    pub(super) fn search_on(&mut self, backwards: bool) {
        let Some(pattern) = self.pattern.clone() else {
            return self.say("nothing was searched for yet: / does".to_owned());
        };
        let rows = self.rows();
        if rows.len == 0 {
            return;
        }
        // Around the end, and to the selected row last.
        let from = match backwards {
            false => self.position.saturating_add(1),
            true => self.position.saturating_add(rows.len).saturating_sub(1),
        };
        let (path, job) = (self.path.clone(), self.begin("searching"));
        std::thread::spawn(move || {
            searching::search(path, pattern, (rows, from, backwards), job);
        });
    }

    pub(super) fn rows(&self) -> Rows {
        let (list, len) = self.list.rows();
        Rows { list, len }
    }

    /// Begins a job in place of the one before.
    pub(super) fn begin(&mut self, what: &'static str) -> (u64, Shared, Stop) {
        if let Some(job) = self.job.take() {
            job.stop.stop();
        }
        let job = self.new_job(what);
        let parts = (job.number, self.shared.clone(), job.stop.clone());
        self.job = Some(job);
        parts
    }

    fn new_job(&mut self, what: &'static str) -> Job {
        self.jobs = self.jobs.saturating_add(1);
        Job { number: self.jobs, what, percent: 0, stop: Stop::default() }
    }
}

/// Whether Tab completes words of the filter language.
fn prompt_words(question: Question) -> bool {
    question == Question::Filter
}
