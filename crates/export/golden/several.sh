#!/bin/sh
# What these logs used: LOGS/exec_arch.reel, LOGS/attach_read.reel
set -- \
    --die-with-parent --unshare-all \
    --ro-bind-try /lib/ld-linux.so.2 /lib/ld-linux.so.2 \
    --ro-bind-try /lib/ld-musl-i386.so.1 /lib/ld-musl-i386.so.1 \
    --ro-bind-try /lib/ld-musl-x86_64.so.1 /lib/ld-musl-x86_64.so.1 \
    --ro-bind-try /lib64/ld-linux-x86-64.so.2 /lib64/ld-linux-x86-64.so.2 \
    --proc /proc \
    --ro-bind-try /tmp/sysreel-bb16qC/sleeper /tmp/sysreel-bb16qC/sleeper \
    --ro-bind-try /tmp/sysreel-hXG958/exec_arch /tmp/sysreel-hXG958/exec_arch \
    --bind-try /tmp/sysreel-hXG958/recorded.statements /tmp/sysreel-hXG958/recorded.statements \
    -- "$@"
exec bwrap "$@"
