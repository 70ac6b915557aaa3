//! Names that differ in generated parts only.

use std::collections::BTreeMap;

use super::form::{Form, How};

/// Stands for all folders over which a store spreads its files.
pub(super) const SPREAD: &str = "<hex>/";
/// The most digits of the name of such a folder.
const MOST_SPREAD: usize = 3;

/// The common properties of generated names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Family {
    pub(super) folder: String,
    pub(super) role: String,
    pub(super) form: Form,
}

/// The names of a family in one run.
pub(super) type Members<'r> = BTreeMap<&'r str, How>;

/// Returns the family of a name. Folders with a short hexadecimal name, over which a store spreads
/// its files by their hashes, count as one.
pub(super) fn family(name: &str, role: &str, spreads: &dyn Fn(&str) -> bool) -> Option<Family> {
    let (folder, base) = split(name);
    let form = Form::of(base).filter(|_| !folder.is_empty())?;
    let path = folder.trim_end_matches('/');
    let (above, own) = split(path);
    let is_short_hex = (1..=MOST_SPREAD).contains(&own.len())
        && own.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let folder = match is_short_hex && spreads(path) {
        true => format!("{above}{SPREAD}"),
        false => folder.to_owned(),
    };
    Some(Family { folder, role: role.to_owned(), form })
}

/// Whether a name is a hash, by which a store finds what it keeps.
pub(super) fn is_hash(name: &str) -> bool {
    /// The digits that git leaves of a hash, and others more.
    const LEAST: usize = 30;
    let base = split(name).1;
    base.len() >= LEAST && base.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Splits a name into its folder and its last component.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('/').map_or(0, |at| at + 1))
}
