//! The table as a whole, against what others say about the same calls.

mod coverage;
