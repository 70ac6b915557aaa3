//! The kernel's constants by subject. Values come from `linux-raw-sys` by the name that is printed;
//! those that the package lacks are in `unpackaged.rs` with their headers.
//!
//! The package describes the host. Constants that differ between x86 and 64-bit ARM are given for
//! both in the `overrides` of their list, so results do not depend on the host.

pub mod clock;
pub mod control;
pub mod drivers;
pub mod families;
pub mod file;
pub mod input;
pub mod ioctl;
pub mod ioctl_drivers;
pub mod ioctl_more;
pub mod ioctl_values;
pub mod ipc;
pub mod keyboard;
pub mod link;
pub mod memory;
pub mod mount;
pub mod netlink;
pub mod netlink_diag;
pub mod netlink_link;
pub mod netlink_netfilter;
pub mod netlink_route;
pub mod open;
pub mod perf;
pub mod poll;
pub mod process;
pub mod security;
pub mod signal;
pub mod socket;
pub mod terminal;
pub mod uapi;
pub(crate) mod unpackaged;
pub mod video;

/// Defines a list of constants from names that are in scope.
macro_rules! list {
    (
        $(#[$doc:meta])* $name:ident $prefix:literal $bits:literal: $($constant:ident)*
        $(; field $mask:ident: $($part:ident)*)?
        $(; apart $apart:ident $apart_prefix:literal: $($apart_part:ident)*)?
        $(; ends $end:ident: $($last:ident)*)?
        $(; differs $($over:ident $x86:literal $arm:literal),*)?
    ) => {
        $(#[$doc])*
        pub static $name: $crate::desc::Constants = $crate::desc::Constants {
            prefix: $prefix,
            bits: $bits,
            items: &[$((stringify!($constant), $constant as u64)),*],
            fields: &[
                $($crate::desc::Field {
                    mask: $mask as u64,
                    last: false,
                    apart: None,
                    items: &[$((stringify!($part), $part as u64)),*],
                },)?
                $($crate::desc::Field {
                    mask: $apart as u64,
                    last: false,
                    apart: Some($apart_prefix),
                    items: &[$((stringify!($apart_part), $apart_part as u64)),*],
                },)?
                $($crate::desc::Field {
                    mask: $end as u64,
                    last: true,
                    apart: None,
                    items: &[$((stringify!($last), $last as u64)),*],
                },)?
            ],
            overrides: &[$($($crate::desc::Override { name: stringify!($over), x86: $x86,
                aarch64: $arm }),*)?],
        };
    };
}
pub(crate) use list;
