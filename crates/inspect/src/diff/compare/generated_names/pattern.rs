//! How a program makes up names, whichever folder it makes them in.

use std::collections::BTreeMap;

use super::family::{Family, Members, split};
use super::form::{self, Form, Part};

/// The least letters and digits that all names of a pattern have: without them, a word is a name
/// like any other.
const FIXED: usize = 3;

/// The patterns by which programs make up names that must be new.
#[derive(Debug, Default)]
pub(super) struct Patterns(BTreeMap<(String, Form), Vec<Pattern>>);

#[derive(Debug)]
struct Pattern {
    /// The names without their generated parts: `tmp_obj_<new>`.
    masked: String,
    parts: Vec<Part>,
}

impl Patterns {
    /// Learns the pattern of generated names.
    pub(super) fn learn(&mut self, family: &Family, members: &[Members<'_>; 2], parts: &[Part]) {
        let key = (family.role.clone(), family.form.clone());
        let mut all = members.iter().flatten();
        let Some((first, _)) = all.next() else { return };
        let masked = form::masked(split(first).1, parts);
        let fixed = masked.replace("<new>", "").bytes().filter(u8::is_ascii_alphanumeric).count();
        let is_one = all.all(|(name, _)| form::masked(split(name).1, parts) == masked);
        let is_exclusive = members.iter().flatten().all(|(_, how)| how.exclusive);
        if fixed >= FIXED && is_one && is_exclusive {
            self.0.entry(key).or_default().push(Pattern { masked, parts: parts.to_vec() });
        }
    }

    /// Returns the generated parts of names that follow a known pattern; `None` if one does not.
    pub(super) fn parts_of(
        &self,
        family: &Family,
        members: &[Members<'_>; 2],
    ) -> Option<Vec<Part>> {
        let known = self.0.get(&(family.role.clone(), family.form.clone()))?;
        if members.iter().any(Members::is_empty) {
            return None;
        }
        let follows = |pattern: &&Pattern| {
            members.iter().flatten().all(|(name, how)| {
                how.exclusive && form::masked(split(name).1, &pattern.parts) == pattern.masked
            })
        };
        known.iter().find(follows).map(|pattern| pattern.parts.clone())
    }
}
