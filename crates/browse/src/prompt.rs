//! The line at the bottom in which something is typed.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Search,
    Filter,
    Goto,
    Write,
}

impl Question {
    /// What is in front of the answer.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Search => "/",
            Self::Filter => "filter: ",
            Self::Goto => "go to: ",
            Self::Write => "write to: ",
        }
    }
}

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The part that is wrong, in bytes.
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    None,
    Answered,
    Dropped,
}

/// An answer that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) question: Question,
    pub(crate) text: String,
    /// The position of the cursor, in bytes.
    pub(crate) cursor: usize,
    pub(crate) wrong: Option<Wrong>,
    /// The completions of the word before the cursor, and which of them is shown.
    completions: Vec<String>,
    shown: usize,
}

impl Prompt {
    pub(crate) fn new(question: Question, text: String) -> Self {
        let cursor = text.len();
        Self { question, text, cursor, wrong: None, completions: Vec::new(), shown: 0 }
    }

    /// Takes a key. `words` are those that Tab completes to.
    pub(crate) fn key(&mut self, key: KeyEvent, words: &dyn Fn() -> Vec<String>) -> Decision {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.code != KeyCode::Tab {
            self.completions.clear();
        }
        match key.code {
            KeyCode::Enter => return Decision::Answered,
            KeyCode::Esc => return Decision::Dropped,
            KeyCode::Char('c') if is_control => return Decision::Dropped,
            KeyCode::Char('u') if is_control => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('w') if is_control => {
                let start = self.word();
                self.text.drain(start..self.cursor);
                self.cursor = start;
            }
            KeyCode::Char('a') if is_control => self.cursor = 0,
            KeyCode::Char('e') if is_control => self.cursor = self.text.len(),
            KeyCode::Char(c) if !is_control => self.insert(c),
            KeyCode::Backspace if self.text.is_empty() => return Decision::Dropped,
            KeyCode::Backspace => {
                if let Some((at, _)) = self.text[..self.cursor].char_indices().next_back() {
                    self.text.remove(at);
                    self.cursor = at;
                }
            }
            KeyCode::Delete if self.cursor < self.text.len() => _ = self.text.remove(self.cursor),
            KeyCode::Left => {
                let before = self.text[..self.cursor].char_indices().next_back();
                self.cursor = before.map_or(0, |(at, _)| at);
            }
            KeyCode::Right => {
                let after = self.text[self.cursor..].chars().next();
                self.cursor += after.map_or(0, char::len_utf8);
            }
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Tab => self.complete(words),
            _ => return Decision::None,
        }
        self.wrong = None;
        Decision::None
    }

    /// Types a character. What would upset the line is left out.
    fn insert(&mut self, c: char) {
        if sysreel_inspect::visible::is_visible(c) {
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// Types a text.
    pub(crate) fn paste(&mut self, text: &str) {
        self.completions.clear();
        text.chars().for_each(|c| self.insert(c));
        self.wrong = None;
    }

    /// Where the word before the cursor begins.
    fn word(&self) -> usize {
        let before = self.text[..self.cursor].trim_end_matches(' ');
        let is_of_word = |c: char| c.is_alphanumeric() || "_.%".contains(c);
        before.trim_end_matches(is_of_word).len().min(before.len())
    }

    /// Completes the word before the cursor; when asked again, to the next possible word.
    fn complete(&mut self, words: &dyn Fn() -> Vec<String>) {
        let start = self.word();
        if self.completions.is_empty() {
            let prefix = &self.text[start..self.cursor];
            if prefix.is_empty() || prefix.ends_with(' ') {
                return;
            }
            self.completions = words();
            self.completions.retain(|word| word.starts_with(prefix));
            self.completions.sort_unstable();
            self.completions.dedup();
            self.shown = 0;
        } else {
            self.shown = (self.shown + 1) % self.completions.len();
        }
        if let Some(word) = self.completions.get(self.shown) {
            self.text.replace_range(start..self.cursor, word);
            self.cursor = start + word.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str, question: Question) -> Prompt {
        let mut prompt = Prompt::new(question, String::new());
        let words = || ["failed", "fd", "fd.path", "openat"].map(str::to_owned).to_vec();
        for key in keys.chars() {
            let (code, modifiers) = match key {
                '\t' => (KeyCode::Tab, KeyModifiers::NONE),
                '\u{8}' => (KeyCode::Backspace, KeyModifiers::NONE),
                '\u{17}' => (KeyCode::Char('w'), KeyModifiers::CONTROL),
                '\u{15}' => (KeyCode::Char('u'), KeyModifiers::CONTROL),
                '\u{1}' => (KeyCode::Char('a'), KeyModifiers::CONTROL),
                '\u{2}' => (KeyCode::Left, KeyModifiers::NONE),
                c => (KeyCode::Char(c), KeyModifiers::NONE),
            };
            assert_eq!(prompt.key(KeyEvent::new(code, modifiers), &words), Decision::None);
        }
        prompt
    }

    #[test]
    fn a_line_is_edited() {
        for (keys, text, cursor) in [
            ("öpen", "öpen", 5),
            ("öö\u{8}", "ö", 2),
            ("ab\u{2}\u{2}ö", "öab", 2),
            ("a bc\u{17}", "a ", 2),
            ("a b.c \u{17}", "a ", 2),
            ("abc\u{15}d", "d", 1),
            ("abc\u{1}d", "dabc", 1),
            ("a\u{202e}\u{9b}b", "ab", 2),
            ("fa\t", "failed", 6),
            ("op\t and f\t\t", "openat and fd", 13),
            ("f\t\t\t\t", "failed", 6),
            ("x\t", "x", 1),
            ("\t", "", 0),
        ] {
            let prompt = typed(keys, Question::Filter);
            assert_eq!((prompt.text.as_str(), prompt.cursor), (text, cursor), "{keys:?}");
        }
    }
}
