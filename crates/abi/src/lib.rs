//! What the Linux system call ABI means: one table, constants, layouts
