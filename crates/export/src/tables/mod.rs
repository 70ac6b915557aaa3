//! The formats whose libraries take long to build: feature `tables`.

mod columns;
mod commands;
pub(crate) mod parquet;
pub(crate) mod sqlite;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;

/// Returns a number with a sign, which is all that both formats have for everyone. Those beyond it
/// are as large as possible.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
