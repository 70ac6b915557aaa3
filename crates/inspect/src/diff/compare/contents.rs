//! The bytes that paired processes wrote to the same resource.

use std::collections::BTreeMap;

use super::content_diff::content_diff;
use super::places::is_secret;
use super::{Found, Pairing};
use crate::diff::report::Change;
use crate::diff::resource::Name;
use crate::diff::rule::Rule;
use crate::diff::run::Run;
use crate::diff::run::content::Content;
use crate::state::ProcessId;

pub(super) fn differences(a: &Run, b: &Run, pairing: &Pairing, found: &mut Vec<Found>) {
    let (contents_a, contents_b) = (by_process(a), by_process(b));
    for &(x, y) in &pairing.pairs {
        let (Some(xs), Some(ys)) = (contents_a.get(&x), contents_b.get(&y)) else { continue };
        for (name, one) in xs {
            let Some(other) = ys.get(name).filter(|other| other.fingerprint() != one.fingerprint())
            else {
                continue;
            };
            let is_file = name.file().is_some();
            let rule = if is_file { Rule::FsWriteContent } else { Rule::StreamContent };
            let role = b
                .processes
                .get(usize::try_from(y.0).unwrap_or(usize::MAX))
                .map_or("-", |p| p.role());
            let mut difference = Found::new(rule, Change::Changed, role, name.to_string());
            difference.difference.before = Some(format!("{} bytes", one.bytes));
            difference.difference.after = Some(format!(
                "{} {}bytes",
                other.bytes,
                if one.bytes == other.bytes { "other " } else { "" }
            ));
            if let (Some(old), Some(new)) = (one.small(), other.small()) {
                if !is_secret(name) {
                    difference.difference.content = content_diff(old, new);
                }
            } else if let same @ 1.. = one.same_until(other) {
                difference.difference.content =
                    vec![format!("the first {same} bytes are the same")];
            }
            difference.difference.events = [Some(one.event), Some(other.event)];
            difference.processes = [vec![x], vec![y]];
            difference.names = vec![name.to_string()];
            found.push(difference);
        }
    }
}

/// Groups contents by process. Pipes within the run are left out: their data is seen where it
/// leaves them.
fn by_process(run: &Run) -> BTreeMap<ProcessId, BTreeMap<Name, &Content>> {
    let mut contents = BTreeMap::<_, BTreeMap<_, _>>::new();
    for ((process, name), content) in &run.streams.contents {
        let Some(name) = run.value(*name) else { continue };
        if !matches!(name.as_str(), "<pipe>" | "<socket>") {
            contents.entry(*process).or_default().insert(name, content);
        }
    }
    contents
}
