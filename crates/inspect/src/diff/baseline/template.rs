//! Templates of generated names: the fixed text, and class and length of the parts that vary.
//!
//! `$TMP/sort<alnum:6>` matches `sort` and six letters or digits, nothing else. There is no bare
//! `*`.

use std::fmt;
use std::str::FromStr;

use crate::diff::effect::Effect;
use crate::diff::resource::Resource;

/// The characters of a generated part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `0` to `9`.
    Digit,
    /// Hexadecimal digits in lower case.
    Hex,
    /// Hexadecimal digits in upper case.
    UpperHex,
    /// Lower-case letters, digits and `_`, as in names by Python, few of which have the `_`.
    Lower,
    /// Letters and digits.
    Alnum,
    /// Letters, digits and `_`.
    Word,
}

impl Class {
    const ALL: [Self; 6] =
        [Self::Digit, Self::Hex, Self::UpperHex, Self::Lower, Self::Alnum, Self::Word];

    const fn name(self) -> &'static str {
        match self {
            Self::Digit => "digit",
            Self::Hex => "hex",
            Self::UpperHex => "HEX",
            Self::Lower => "lower",
            Self::Alnum => "alnum",
            Self::Word => "word",
        }
    }

    fn contains(self, byte: u8) -> bool {
        match self {
            Self::Digit => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::UpperHex => byte.is_ascii_digit() || matches!(byte, b'A'..=b'F'),
            Self::Lower => byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'_',
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
        }
    }

    /// Returns the narrowest class that contains all words.
    pub(super) fn narrowest<'w>(words: impl Iterator<Item = &'w str> + Clone) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|class| words.clone().flat_map(str::bytes).all(|byte| class.contains(byte)))
    }
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Piece {
    Text(String),
    /// Characters of a class, with the least and the greatest number.
    Any(Class, usize, usize),
}

/// Effects whose resource varies between runs in a known way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template {
    /// Role, operation and result; the resource is the text of the template.
    pub(super) effect: Effect,
    pub(super) pieces: Vec<Piece>,
}

impl Template {
    pub(super) fn new(like: &Effect, pieces: Vec<Piece>) -> Self {
        let resource: String = pieces.iter().map(Piece::to_string).collect();
        let resource = Resource::parse(like.op, &resource);
        Self { effect: Effect { resource, ..like.clone() }, pieces }
    }

    /// Returns the effect that represents all matching ones.
    #[must_use]
    pub fn effect(&self) -> &Effect {
        &self.effect
    }

    /// Whether the template matches an effect.
    #[must_use]
    pub fn matches(&self, effect: &Effect) -> bool {
        (&self.effect.role, self.effect.op, &self.effect.result)
            == (&effect.role, effect.op, &effect.result)
            && matches_pieces(&self.pieces, &effect.resource.to_string())
    }
}

fn matches_pieces(pieces: &[Piece], rest: &str) -> bool {
    match pieces {
        [] => rest.is_empty(),
        [Piece::Text(text), more @ ..] => {
            rest.strip_prefix(text.as_str()).is_some_and(|rest| matches_pieces(more, rest))
        }
        [Piece::Any(class, least, most), more @ ..] => {
            let run = rest.bytes().take(*most).take_while(|byte| class.contains(*byte)).count();
            // Characters of all classes are ASCII, so `len` is a character boundary.
            (*least..=run)
                .rev()
                .any(|len| rest.get(len..).is_some_and(|rest| matches_pieces(more, rest)))
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Any(class, least, most) if least == most => {
                write!(f, "<{}:{least}>", class.name())
            }
            Self::Any(class, least, most) => write!(f, "<{}:{least}-{most}>", class.name()),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.effect.fmt(f)
    }
}

impl FromStr for Template {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let effect: Effect = line.parse()?;
        let mut pieces = Vec::new();
        let mut text = String::new();
        let resource = effect.resource.to_string();
        let mut rest = resource.as_str();
        while !rest.is_empty() {
            if let Some((any, after)) = parse_any(rest) {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(any);
                rest = after;
                continue;
            }
            let mut letters = rest.chars();
            text.extend(letters.next());
            rest = letters.as_str();
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        if !pieces.iter().any(|piece| matches!(piece, Piece::Any(..))) {
            return Err(format!(
                "the template `{}` has no generated part, such as <alnum:6>",
                effect.resource
            ));
        }
        Ok(Self { effect, pieces })
    }
}

/// Parses `<alnum:6>` or `<digit:3-4>`, and returns the rest.
fn parse_any(text: &str) -> Option<(Piece, &str)> {
    let (inside, rest) = text.strip_prefix('<')?.split_once('>')?;
    let (name, len) = inside.split_once(':')?;
    let class = Class::ALL.into_iter().find(|class| class.name() == name)?;
    let (least, most) = len.split_once('-').unwrap_or((len, len));
    let (least, most) = (least.parse().ok()?, most.parse().ok()?);
    (0 < least && least <= most).then_some((Piece::Any(class, least, most), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_matches_its_class_and_length_only() {
        let template: Template = "sort write $TMP/sort<alnum:6>.<digit:1-2>x ok".parse().unwrap();
        let matches = |line: &str| template.matches(&line.parse().unwrap());
        assert!(matches("sort write $TMP/sortAb3dEf.1x ok"));
        assert!(matches("sort write $TMP/sort000000.12x ok"));
        for other in [
            "sort write $TMP/sortAb3dE.1x ok",
            "sort write $TMP/sortAb3dEfg.1x ok",
            "sort write $TMP/sortAb-dEf.1x ok",
            "sort write $TMP/sortAb3dEf.123x ok",
            "sort write $TMP/sortAb3dEf.1x EACCES",
            "sort read $TMP/sortAb3dEf.1x ok",
            "tsort write $TMP/sortAb3dEf.1x ok",
        ] {
            assert!(!matches(other), "{other}");
        }
        assert_eq!(template.to_string().parse::<Template>().unwrap(), template);
    }

    #[test]
    fn names_in_brackets_are_no_classes() {
        for line in [
            "a read <pid>/<tid> ok",
            "a read <alnum:0> ok",
            "a read <word:3-2> ok",
            "a read <*:3> ok",
        ] {
            assert!(line.parse::<Template>().is_err(), "{line}");
        }
        let template: Template = "a read /proc/<pid>/é<hex:2> ok".parse().unwrap();
        assert!(template.matches(&"a read /proc/<pid>/é0f ok".parse().unwrap()));
    }

    #[test]
    fn the_narrowest_class_is_found() {
        let narrowest = |words: &[&str]| Class::narrowest(words.iter().copied());
        assert_eq!(narrowest(&["12", "34"]), Some(Class::Digit));
        assert_eq!(narrowest(&["1a", "34"]), Some(Class::Hex));
        assert_eq!(narrowest(&["1g", "34"]), Some(Class::Lower));
        assert_eq!(narrowest(&["1A", "3G"]), Some(Class::Alnum));
        assert_eq!(narrowest(&["1_", "3g"]), Some(Class::Lower));
        assert_eq!(narrowest(&["1_", "3G"]), Some(Class::Word));
        assert_eq!(narrowest(&["1-"]), None);
    }
}
