//! Flags of open and kin.

use linux_raw_sys::general::*;

use super::list;

list! { OPEN "O_" 32: O_WRONLY O_RDWR O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_CLOEXEC }
