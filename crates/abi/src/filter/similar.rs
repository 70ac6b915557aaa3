//! Names of calls and classes that were perhaps meant.

use crate::arch::Abi;
use crate::desc::Classes;
use crate::number;

/// Returns the most similar name of a call or class.
pub(super) fn most_similar(word: &str) -> Option<String> {
    /// Minimum similarity of a suggestion.
    const MIN_SIMILARITY: f64 = 0.8;
    let calls =
        Abi::ALL.iter().flat_map(|&abi| number::calls(abi).map(|(_, name, _)| name.to_owned()));
    // A class without its sign is a more likely mistake than a misspelled call.
    let classes = Classes::ALL.into_iter().map(|(name, _)| format!("%{name}"));
    let score = |name: &str| strsim::jaro_winkler(name.trim_start_matches('%'), word);
    let best = calls.chain(classes).max_by(|a, b| score(a).total_cmp(&score(b)))?;
    (score(&best) >= MIN_SIMILARITY).then_some(best)
}
