//! Reads files of /proc.

use std::fs;
use std::io::{self, Read};

/// Reads an open /proc file to its end. `one_record`: a short read is the end, as in files that the
/// kernel writes as one record.
pub(super) fn read_open(
    file: &mut fs::File,
    one_record: bool,
    bytes: &mut Vec<u8>,
) -> io::Result<()> {
    const STEP: usize = 4096;
    let mut len = 0;
    loop {
        bytes.resize(len + STEP, 0);
        let got = file.read(&mut bytes[len..])?;
        len += got;
        if got == 0 || (one_record && got < STEP) {
            bytes.truncate(len);
            return Ok(());
        }
    }
}
