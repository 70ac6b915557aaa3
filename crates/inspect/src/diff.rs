//! Comparing two logs.

pub mod align;
