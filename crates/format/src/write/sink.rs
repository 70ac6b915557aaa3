//! The inner writer, with a count of the bytes that it accepted.
//!
//! After a failed write the file holds part of a block, which cannot be removed from a pipe. The
//! blocks after it must state their true offsets, or readers would not find them.

use std::io::{self, Write};

use crate::Error;

#[derive(Debug)]
pub(crate) struct Sink<W> {
    pub(crate) out: W,
    pub(crate) offset: u64,
}

impl<W: Write> Sink<W> {
    /// Writes all of `bytes`. On failure the bytes accepted before it are counted.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let source = match self.out.write(bytes) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(n) => {
                    self.offset += n as u64;
                    bytes = bytes.get(n..).unwrap_or_default();
                    continue;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => e,
            };
            return Err(Error::Io { offset: self.offset, source });
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(|source| Error::Io { offset: self.offset, source })
    }
}
