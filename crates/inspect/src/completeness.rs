//! What a log cannot show, as sentences.

use crate::log_file::LogFile;
use sysreel_format::Completeness;

/// Returns what a recording left out, as sentences, as far as the header and the footer of its log
/// say.
#[must_use]
pub fn left_out(file: &LogFile) -> Vec<String> {
    sentences(whole_word(file))
}

/// As [`left_out`], for some bits.
pub(crate) fn lacking<const N: usize>(file: &LogFile, bits: [Completeness; N]) -> Vec<String> {
    let word = whole_word(file);
    let lacking = bits.into_iter().filter(|bit| word.contains(*bit));
    sentences(lacking.fold(Completeness::default(), Completeness::with))
}

fn whole_word(file: &LogFile) -> Completeness {
    let word = file.log().header().completeness;
    file.log().summary().map_or(word, |summary| word.with(summary.completeness))
}

/// Returns what the log cannot show, as sentences.
pub(crate) fn sentences(word: Completeness) -> Vec<String> {
    let explained = [
        (Completeness::CAPTURE_LIMIT, "buffers were cut at the capture limit"),
        (Completeness::STRUCTS_ONLY, "no memory was captured, only the system call structs"),
        (Completeness::FILTERED, "some system calls were filtered out"),
        (Completeness::IO_URING, "io_uring was used: its operations cause no stops"),
        (Completeness::UNTRACED_CLONE, "a task was made with CLONE_UNTRACED and was not followed"),
        (
            Completeness::LOST_PRIVILEGES,
            "an execve did not get its privileges because of the recording",
        ),
        (Completeness::LOST_EVENTS, "events were dropped"),
        (Completeness::UNREADABLE_MEMORY, "some memory could not be read"),
        (Completeness::NO_NAMES, "names of file descriptors were left out"),
        (
            Completeness::ATTACHED,
            "tasks were attached while they ran: earlier events are not recorded",
        ),
        (Completeness::DETACHED, "tasks were detached before they ended"),
        (
            Completeness::UNRECORDED,
            "tasks were not recorded for a part of their lives: another program traced them, or \
             the first of a PID namespace crashed",
        ),
        (
            Completeness::ROWLESS,
            "a system call without a row in the table was seen: its memory was not captured",
        ),
    ];
    let mut sentences: Vec<String> = explained
        .into_iter()
        .filter(|(bit, _)| word.contains(*bit))
        .map(|(_, sentences)| sentences.to_owned())
        .collect();
    let known = explained.iter().fold(Completeness::default(), |all, (bit, _)| all.with(*bit));
    let unknown = word.0 & !known.0;
    if unknown != 0 {
        sentences.push(format!("bits that this version does not know: {unknown:#x}"));
    }
    sentences
}
