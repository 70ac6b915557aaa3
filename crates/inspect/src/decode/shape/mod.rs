//! Values as tables describe them: the members of structures and the payloads of attributes.

mod kind;
mod leaf;
mod write;

pub(crate) use kind::{Field, Shape, Table, Typed, count, fits, size, size_of};
pub(crate) use write::{members, write};
