//! The sysreel log format: bytes in, bytes out
