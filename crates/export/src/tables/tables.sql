-- The tables calls, tasks, files, sockets and regions follow: they have the columns of the files of
-- columns. docs/export.md describes them.
PRAGMA user_version = 2;

CREATE TABLE logs (
    log INTEGER PRIMARY KEY,      -- the number of the log in the export, from 0
    name TEXT NOT NULL,           -- the file
    unix_us INTEGER NOT NULL,     -- the start of the recording, since 1970
    monotonic_ns INTEGER NOT NULL,-- the start of the recording, CLOCK_MONOTONIC
    complete INTEGER,             -- 1 if nothing of the log is missing
    missing TEXT                  -- what is missing
);

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

CREATE TABLE signals (
    log INTEGER NOT NULL REFERENCES logs,
    event INTEGER NOT NULL,
    task INTEGER,
    start_ns INTEGER NOT NULL,
    unix_us INTEGER NOT NULL,
    signal TEXT NOT NULL,
    PRIMARY KEY (log, event)
) WITHOUT ROWID;

CREATE TABLE open_files (
    log INTEGER NOT NULL REFERENCES logs,
    file_id INTEGER NOT NULL,     -- an open file description
    name TEXT NOT NULL,           -- when a call first used it
    mode INTEGER NOT NULL,        -- st_mode; 0 if unknown
    dev INTEGER NOT NULL,
    ino INTEGER NOT NULL,
    event INTEGER NOT NULL,       -- the event at which it appeared
    family TEXT,                  -- of a socket: inet, inet6, unix, netlink, other
    type INTEGER,                 -- of a socket: SOCK_STREAM is 1, SOCK_DGRAM 2; 0 if unknown
    local TEXT,
    peer TEXT,
    PRIMARY KEY (log, file_id)
) WITHOUT ROWID;
