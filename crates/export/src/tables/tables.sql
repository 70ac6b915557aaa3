PRAGMA user_version = 1;

CREATE TABLE logs (
    log INTEGER PRIMARY KEY,      -- the number of the log in the export, from 0
    name TEXT NOT NULL,           -- the file
    unix_us INTEGER NOT NULL,     -- the start of the recording, since 1970
    monotonic_ns INTEGER NOT NULL,-- the start of the recording, CLOCK_MONOTONIC
    complete INTEGER,             -- 1 if nothing of the log is missing
    missing TEXT                  -- what is missing
);

CREATE TABLE tasks (
    log INTEGER NOT NULL REFERENCES logs,
    task INTEGER NOT NULL,        -- never reused in a log
    pid INTEGER NOT NULL,
    tid INTEGER NOT NULL,
    parent INTEGER,               -- the task that made it
    origin TEXT NOT NULL,         -- spawned, attached, fork, vfork, clone, thread, unknown
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    how TEXT,                     -- exited, killed, superseded, vanished, detached, unknown
    status INTEGER,
    signal TEXT,
    utime_ns INTEGER,
    stime_ns INTEGER,
    PRIMARY KEY (log, task)
) WITHOUT ROWID;

CREATE TABLE programs (
    log INTEGER NOT NULL REFERENCES logs,
    event INTEGER NOT NULL,
    task INTEGER,
    start_ns INTEGER NOT NULL,
    exe TEXT NOT NULL,
    argv TEXT NOT NULL,           -- a JSON list
    cwd TEXT NOT NULL,
    attached INTEGER NOT NULL,    -- 1 if the recorder found it running
    PRIMARY KEY (log, event)
) WITHOUT ROWID;

CREATE TABLE calls (
    log INTEGER NOT NULL REFERENCES logs,
    event INTEGER NOT NULL,       -- the event at which it began
    exit_event INTEGER,
    task INTEGER,
    pid INTEGER NOT NULL,
    tid INTEGER NOT NULL,
    exe TEXT,
    start_ns INTEGER NOT NULL,    -- from the start of the recording
    unix_us INTEGER NOT NULL,     -- since 1970
    duration_ns INTEGER,
    call TEXT NOT NULL,
    class TEXT NOT NULL,          -- a list with commas
    args TEXT NOT NULL,
    outcome TEXT NOT NULL,        -- returned, failed, restarts, exited, killed, detached, unfinished
    result INTEGER,
    errno TEXT,
    fd INTEGER,
    file_id INTEGER,              -- files.file_id: what fd refers to
    path TEXT,
    path2 TEXT,
    peer TEXT,
    bytes INTEGER,
    PRIMARY KEY (log, event)
) WITHOUT ROWID;

CREATE TABLE signals (
    log INTEGER NOT NULL REFERENCES logs,
    event INTEGER NOT NULL,
    task INTEGER,
    start_ns INTEGER NOT NULL,
    unix_us INTEGER NOT NULL,
    signal TEXT NOT NULL,
    PRIMARY KEY (log, event)
) WITHOUT ROWID;

CREATE TABLE files (
    log INTEGER NOT NULL REFERENCES logs,
    file_id INTEGER NOT NULL,     -- an open file description
    name TEXT NOT NULL,           -- when a call first used it
    mode INTEGER NOT NULL,        -- st_mode; 0 if unknown
    dev INTEGER NOT NULL,
    ino INTEGER NOT NULL,
    event INTEGER NOT NULL,       -- the event at which it appeared
    PRIMARY KEY (log, file_id)
) WITHOUT ROWID;

CREATE TABLE sockets (
    log INTEGER NOT NULL REFERENCES logs,
    file_id INTEGER NOT NULL,
    family TEXT NOT NULL,         -- inet, inet6, unix, netlink, other
    type INTEGER NOT NULL,        -- SOCK_STREAM is 1, SOCK_DGRAM 2; 0 if unknown
    local TEXT,
    peer TEXT,
    PRIMARY KEY (log, file_id)
) WITHOUT ROWID;

CREATE TABLE regions (
    log INTEGER NOT NULL REFERENCES logs,
    event INTEGER NOT NULL,       -- calls.event
    arg INTEGER,                  -- the position of the argument, from 0
    direction TEXT NOT NULL,      -- in: captured before the call; out: after it
    depth INTEGER NOT NULL,       -- pointers between the argument and the memory
    idx INTEGER NOT NULL,         -- the element of an iovec or of argv
    address INTEGER NOT NULL,     -- as a number with a sign
    asked INTEGER NOT NULL,       -- bytes that the call asked for
    got INTEGER NOT NULL,         -- bytes that were captured
    errno TEXT,                   -- why fewer could be read
    data BLOB                     -- the bytes, up to --string-limit
);
