//! The server name that a TLS client sends in clear (RFC 8446, RFC 6066).

/// Returns the server name in a TLS record that begins with a ClientHello.
pub(super) fn server_name(bytes: &[u8]) -> Option<&[u8]> {
    let mut record = Reader(bytes);
    // handshake(22), the version, the length of the record.
    if record.u8()? != 22 || record.u8()? != 3 {
        return None;
    }
    record.take(3)?;
    // client_hello(1) and its length. What does not fit into the buffer is missed.
    if record.u8()? != 1 {
        return None;
    }
    record.take(3)?;
    // Version and random.
    record.take(34)?;
    let session = usize::from(record.u8()?);
    record.take(session)?;
    let suites = usize::from(record.u16()?);
    record.take(suites)?;
    let compressions = usize::from(record.u8()?);
    record.take(compressions)?;
    record.u16()?;
    loop {
        let (kind, length) = (record.u16()?, usize::from(record.u16()?));
        let mut extension = Reader(record.take(length)?);
        if kind != 0 {
            continue;
        }
        // The length of the list, then the type host_name(0) and its length.
        extension.u16()?;
        if extension.u8()? != 0 {
            return None;
        }
        let length = usize::from(extension.u16()?);
        return extension.take(length).filter(|name| !name.is_empty());
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::server_name;

    /// Builds a ClientHello from the fields of RFC 8446, 4.1.2.
    fn client_hello(name: &[u8]) -> Vec<u8> {
        fn sized(width: usize, bytes: &[u8]) -> Vec<u8> {
            let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
            [&length[4 - width..], bytes].concat()
        }
        let entry = [&[0][..], &sized(2, name)].concat();
        let extensions = [
            &[0xff, 1][..],
            &sized(2, &[0]),
            &[0, 0],
            &sized(2, &sized(2, &entry)),
            &[0, 23],
            &sized(2, &[]),
        ]
        .concat();
        let hello = [
            &[3, 3][..],
            &[7; 32],
            &sized(1, &[9; 32]),
            &sized(2, &[0x13, 1, 0x13, 2]),
            &sized(1, &[0]),
            &sized(2, &extensions),
        ]
        .concat();
        [&[22, 3, 1][..], &sized(2, &[&[1][..], &sized(3, &hello)].concat())].concat()
    }

    #[test]
    fn the_name_is_found() {
        let hello = client_hello(b"example.com");
        assert_eq!(server_name(&hello), Some(&b"example.com"[..]));
        assert_eq!(server_name(&client_hello(b"")), None);
        assert_eq!(server_name(b"GET / HTTP/1.1\r\n"), None);
        for end in 0..hello.len() {
            let found = server_name(&hello[..end]);
            assert!(found.is_none() || found == Some(b"example.com"), "{end}");
        }
        for at in 0..hello.len() {
            let mut damaged = hello.clone();
            damaged[at] ^= 0xff;
            let _ = server_name(&damaged);
        }
    }
}
