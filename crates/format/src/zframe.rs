//! zstd frames: our headers are skippable frames, our payloads ordinary ones, so that `zstd -t` checks a log.

/// The magic number of the skippable frames that hold our headers (the variant 3).
pub(crate) const SKIPPABLE: u32 = 0x184D_2A53;
/// What comes before the content of a skippable frame: magic number and length.
pub(crate) const SKIPPABLE_HEAD: usize = 8;
