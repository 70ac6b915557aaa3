//! Everything of sysreel that talks to the kernel: ptrace stops as types, tracee memory, spawn, attach
