//! The server name that a TLS client sends in clear (RFC 8446, RFC 6066).

/// What the bytes that a client sent are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// A ClientHello with this server name.
    Name(Vec<u8>),
    /// The beginning of a ClientHello, so far without a name.
    Incomplete,
    /// A ClientHello without a name, or something else.
    None,
}

/// The types of a record and of its message, and of the extension and its list's entry.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
/// The major version of all records (RFC 8446, 5.1).
const MAJOR: u8 = 3;
/// The bytes before a message: its type and length.
const HEAD: usize = 4;

/// Finds the server name in what a client sent, which may be one record or several, the last one
/// incomplete.
pub(super) fn server_name(bytes: &[u8]) -> Hello {
    let Some((message, ends_early)) = message(bytes) else { return Hello::None };
    let mut reader = Reader(&message);
    match reader.u8() {
        None => return Hello::Incomplete,
        Some(CLIENT_HELLO) => {}
        Some(_) => return Hello::None,
    }
    let Some(length) = reader.u24() else { return Hello::Incomplete };
    match name_of(reader) {
        Some(name) => Hello::Name(name.to_vec()),
        None if ends_early && message.len() < length.saturating_add(HEAD) => Hello::Incomplete,
        None => Hello::None,
    }
}

/// Returns the contents of the records, and whether more of them may follow. `None`: these are no
/// records with a handshake.
fn message(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (mut rest, mut message) = (Reader(bytes), Vec::new());
    loop {
        let head = (rest.u8(), rest.u8());
        match head {
            (None, _) => return Some((message, true)),
            (Some(HANDSHAKE), None | Some(MAJOR)) => {}
            // After the handshake come other records.
            _ if !message.is_empty() => return Some((message, false)),
            _ => return None,
        }
        let (Some(_minor), Some(length)) = (rest.u8(), rest.u16()) else {
            return Some((message, true));
        };
        let length = usize::from(length);
        match rest.take(length) {
            Some(fragment) => message.extend_from_slice(fragment),
            None => {
                message.extend_from_slice(rest.0);
                return Some((message, true));
            }
        }
    }
}

/// Returns the server name in the body of a ClientHello.
fn name_of(mut body: Reader<'_>) -> Option<&[u8]> {
    // Version and random.
    body.take(34)?;
    let session = usize::from(body.u8()?);
    body.take(session)?;
    let suites = usize::from(body.u16()?);
    body.take(suites)?;
    let compressions = usize::from(body.u8()?);
    body.take(compressions)?;
    body.u16()?;
    loop {
        let (kind, length) = (body.u16()?, usize::from(body.u16()?));
        let mut extension = Reader(body.take(length)?);
        if kind != SERVER_NAME {
            continue;
        }
        // The length of the list, then the type of its entry and its length.
        extension.u16()?;
        if extension.u8()? != HOST_NAME {
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

    fn u24(&mut self) -> Option<usize> {
        let bytes: &[u8; 3] = self.take(3)?.first_chunk()?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Hello, server_name};

    /// Builds a ClientHello from the fields of RFC 8446, 4.1.2.
    fn client_hello(name: &[u8], fragment: usize) -> Vec<u8> {
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
        let message = [&[1][..], &sized(3, &hello)].concat();
        // A message may be spread over records.
        let fragments = message.chunks(fragment);
        fragments.flat_map(|part| [&[22, 3, 1][..], &sized(2, part)].concat()).collect()
    }

    #[test]
    fn the_name_is_found() {
        let name = || Hello::Name(b"example.com".to_vec());
        for fragment in [1, 7, 1 << 14] {
            let hello = client_hello(b"example.com", fragment);
            assert_eq!(server_name(&hello), name());
            // Later data does not matter.
            assert_eq!(server_name(&[&*hello, &[23, 3, 3, 0, 1, 0]].concat()), name());
            // However it is cut, the name is found once there is enough of it.
            let found: Vec<Hello> =
                (0..hello.len()).map(|end| server_name(&hello[..end])).collect();
            let first = found.iter().position(|hello| *hello == name()).unwrap();
            assert!(found[..first].iter().all(|hello| *hello == Hello::Incomplete));
            assert!(found[first..].iter().all(|hello| *hello == name()));
            for at in 0..hello.len() {
                let mut damaged = hello.clone();
                damaged[at] ^= 0xff;
                let _ = server_name(&damaged);
            }
        }
        assert_eq!(server_name(&client_hello(b"", 1 << 14)), Hello::None);
        for other in [&b"GET / HTTP/1.1\r\n"[..], &[22, 2, 0], &[22, 3, 1, 0, 1, 2], &[23]] {
            assert_eq!(server_name(other), Hello::None, "{other:?}");
        }
    }
}
