//! Removes differences that are found at several levels.

use std::collections::BTreeSet;

use super::Found;
use crate::diff::rule::Rule;

/// Removes differences that are there already: levels `sequence` and `fields` find what `effects`
/// has found.
pub(super) fn remove_repetitions(found: &mut Vec<Found>) {
    let mut known = BTreeSet::new();
    let mut indices = Vec::with_capacity(found.len());
    let mut kept = 0;
    let keep: Vec<bool> = found
        .iter()
        .map(|found| {
            let one = &found.difference;
            let texts = [Some(&one.what), one.before.as_ref(), one.after.as_ref()];
            let texts = texts.map(|text| text.cloned());
            let is_new = one.rule != Rule::ErrChanged || known.insert((one.role.clone(), texts));
            indices.push(kept);
            kept += usize::from(is_new);
            is_new
        })
        .collect();
    let mut keep = keep.into_iter();
    found.retain(|_| keep.next().unwrap_or(true));
    for found in found {
        found.cause = found.cause.and_then(|cause| indices.get(cause).copied());
    }
}
