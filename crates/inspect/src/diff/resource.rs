//! What an effect is about, as values: one or two names, and what is asked for. Severity, gates and
//! policies ask these values.

use std::fmt;

pub(crate) use super::name::{Kind, Name};

use super::op::Op;

/// Separates the two names of a rename or a link.
pub(crate) const ARROW: &str = " -> ";

/// What an operation acts on: a subject, the second name of a rename or a link, and what is asked
/// for. Its text is `SUBJECT`, `SUBJECT ASKED`, `OLD -> NEW` or `OLD -> NEW ASKED`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    pub(crate) subject: Name,
    pub(crate) to: Option<Name>,
    pub(crate) asked: Option<Name>,
}

impl From<Name> for Resource {
    fn from(subject: Name) -> Self {
        Self { subject, to: None, asked: None }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subject.fmt(f)?;
        if let Some(to) = &self.to {
            write!(f, "{ARROW}{to}")?;
        }
        match &self.asked {
            Some(asked) => write!(f, " {asked}"),
            None => Ok(()),
        }
    }
}

impl serde::Serialize for Resource {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Resource {
    /// Returns the resource of an operation without one.
    pub(crate) fn none() -> Self {
        Name::word("-").into()
    }

    /// Reads the resource of an operation from the text of a baseline.
    pub(crate) fn parse(op: Op, text: &str) -> Self {
        let pair = |text: &str| match text.split_once(ARROW) {
            Some((one, other)) => (Name::parse(one), Some(Name::parse(other))),
            None => (Name::parse(text), None),
        };
        match op {
            Op::Rename | Op::Link | Op::Symlink => {
                let (subject, to) = pair(text);
                Self { subject, to, asked: None }
            }
            Op::Durability | Op::Flags => match text.rsplit_once(' ') {
                Some((names, how)) => {
                    let (subject, to) = pair(names);
                    Self { subject, to, asked: Some(Name::word(how)) }
                }
                None => Name::parse(text).into(),
            },
            op if op.has_request() => match text.split_once(' ') {
                Some((subject, asked)) => {
                    let call = match op {
                        Op::Kernel => asked.find(' ').unwrap_or(asked.len()),
                        _ => 0,
                    };
                    let asked = match Name::parse(asked) {
                        lock if matches!(op, Op::Locked | Op::Signal) => lock,
                        _ => Name::new(Kind::Request { call }, asked.to_owned()),
                    };
                    let subject = match op {
                        Op::Kernel | Op::Creds | Op::Signal | Op::Ipc => Name::word(subject),
                        _ => Name::parse(subject),
                    };
                    Self { subject, to: None, asked: Some(asked) }
                }
                None => Name::parse(text).into(),
            },
            _ => Name::parse(text).into(),
        }
    }

    /// Returns the files, sockets and processes that it names, the second one last.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        [Some(&self.subject), self.to.as_ref()].into_iter().flatten()
    }

    /// Returns the name that a change leaves: the new one of a rename or a link.
    pub(crate) fn last(&self) -> &Name {
        self.to.as_ref().unwrap_or(&self.subject)
    }

    /// Gives its names other texts.
    pub(crate) fn rename(&mut self, new: &dyn Fn(&str) -> Option<String>) {
        let names = [Some(&mut self.subject), self.to.as_mut(), self.asked.as_mut()];
        for name in names.into_iter().flatten() {
            if let Some(text) = new(name.as_str()) {
                *name = name.renamed(text);
            }
        }
    }

    /// Returns it without what is asked for.
    pub(crate) fn without_asked(&self) -> Self {
        Self { asked: None, ..self.clone() }
    }

    /// Returns it with something else asked for.
    pub(crate) fn asking(&self, asked: &str) -> Self {
        Self { asked: Some(Name::word(asked)), ..self.clone() }
    }

    /// Splits it into a subject and what is asked for it; `None` if the operation asks for nothing:
    /// see [`Op::has_request`].
    pub(crate) fn request(&self, op: Op) -> Option<(Self, String)> {
        let asked = self.asked.as_ref().map_or("", Name::as_str);
        Some(match op {
            // The area, the name of the call, its arguments.
            Op::Kernel => {
                let call = match self.asked.as_ref()?.kind() {
                    Kind::Request { call } => call,
                    _ => asked.len(),
                };
                let (call, arguments) = asked.split_at_checked(call).unwrap_or((asked, ""));
                (self.asking(call), arguments.trim_start_matches(' ').to_owned())
            }
            // The target comes first.
            Op::Symlink => (self.to.clone()?.into(), self.subject.to_string()),
            // The signal comes first. A group is another way to reach the process.
            Op::Signal => match self.asked.as_ref()? {
                to if to.kind() == (Kind::Process { group: true }) => {
                    let process = to.as_str().trim_end_matches(GROUP).to_owned();
                    let process = Name::new(Kind::Process { group: false }, process + ">");
                    (process.into(), self.to_string())
                }
                to => (to.clone().into(), self.subject.to_string()),
            },
            op if op.has_request() => (self.without_asked(), asked.to_owned()),
            _ => return None,
        })
    }
}

/// The end of the name of a group that is known by its process.
const GROUP: &str = "-group>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_resources_are_read_back() {
        for (op, text, subject, to, asked) in [
            (Op::Read, "$WS/a", "$WS/a", None, None),
            (Op::Rename, "$WS/a -> $WS/b", "$WS/a", Some("$WS/b"), None),
            (Op::Durability, "$WS/a -> $WS/b durable", "$WS/a", Some("$WS/b"), Some("durable")),
            (Op::Flags, "$WS/a O_NOFOLLOW", "$WS/a", None, Some("O_NOFOLLOW")),
            (Op::Chmod, "$WS/a 0644", "$WS/a", None, Some("0644")),
            (Op::Connect, "tcp 127.0.0.1:80", "tcp 127.0.0.1:80", None, None),
            (Op::Kernel, "mount mount /a /b", "mount", None, Some("mount /a /b")),
        ] {
            let resource = Resource::parse(op, text);
            let parts = (resource.subject.as_str(), resource.to.as_ref().map(Name::as_str));
            assert_eq!((parts, resource.asked.as_ref().map(Name::as_str)), ((subject, to), asked));
            assert_eq!(resource.to_string(), text);
        }
    }

    #[test]
    fn what_is_asked_is_told_from_the_subject() {
        for (op, text, subject, asked) in [
            (Op::Create, "$WS/a 0600,O_EXCL", "$WS/a", "0600,O_EXCL"),
            (Op::Kernel, "mount mount /a /b ext4", "mount mount", "/a /b ext4"),
            (Op::Kernel, "quota quotactl", "quota quotactl", ""),
            (Op::Symlink, "t -> $WS/l", "$WS/l", "t"),
            (Op::Signal, "SIGTERM <traced>", "<traced>", "SIGTERM"),
            (Op::Signal, "SIGTERM <traced-group>", "<traced>", "SIGTERM <traced-group>"),
            (Op::Signal, "SIGTERM <own-group>", "<own-group>", "SIGTERM"),
            (Op::Durability, "$WS/a -> $WS/b durable", "$WS/a -> $WS/b", "durable"),
        ] {
            let (one, other) = Resource::parse(op, text).request(op).unwrap();
            assert_eq!((&*one.to_string(), &*other), (subject, asked), "{text}");
        }
        assert_eq!(Resource::parse(Op::Read, "$WS/a").request(Op::Read), None);
    }
}
