//! Reads sysreel logs: decode, print, describe
