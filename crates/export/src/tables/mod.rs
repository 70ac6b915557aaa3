//! The formats whose libraries take long to build: feature `tables`.

mod arrow_file;
mod base;
mod columns;
mod commands;
mod container;
pub(crate) mod files;
mod found;
pub(crate) mod parquet;
mod parquet_file;
pub(crate) mod regions;
pub(crate) mod sockets;
pub(crate) mod sqlite;
pub(crate) mod tasks;
#[cfg(test)]
mod tests;

pub(crate) use container::Container;

/// Returns a number with a sign, which is all that both formats have for everyone. Those beyond it
/// are as large as possible.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
