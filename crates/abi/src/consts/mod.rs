//! Lists of the kernel's constants, by subject. Every value comes from a package by its name.

pub mod open;

/// A list of constants, each value taken from the package by the name that is printed.
macro_rules! list {
    ($(#[$doc:meta])* $name:ident $prefix:literal $bits:literal: $($constant:ident)* $(; $($over:tt)*)?) => {
        $(#[$doc])*
        #[doc = concat!("`", $prefix, "*`")]
        pub static $name: $crate::desc::Constants = $crate::desc::Constants {
            prefix: $prefix,
            bits: $bits,
            items: &[$((stringify!($constant), $constant as u64)),*],
            overrides: &[$($($over)*)?],
        };
    };
}
pub(crate) use list;
