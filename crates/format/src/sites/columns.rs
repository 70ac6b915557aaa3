//! The columns of a block: their meaning, their frames, the encoding of numbers.

/// The number of columns.
pub(super) const COLUMNS: usize = 37;
/// The columns in each frame: calls and tasks, times, values, the rest.
pub(super) const FRAMES: [std::ops::Range<usize>; 4] = [0..10, 10..19, 19..28, 28..COLUMNS];

/// One byte per row: its kind, and which fields follow from the rows before.
pub(super) const KIND: usize = 0;
/// The task of a row, if it differs from the row before.
pub(super) const TASK: usize = 1;
/// The table of tasks.
pub(super) const TASKS: usize = 2;
/// The site of an entry, as numbered by its task.
pub(super) const SITE: usize = 3;
/// How a task reaches a site for the first time.
pub(super) const HOW: usize = 4;
/// The site that it is, or is like.
pub(super) const REF: usize = 5;
/// New sites, and distances by which sites moved.
pub(super) const SITES: usize = 6;
/// Kind, source and flags of raw rows.
pub(super) const SORT: usize = 7;
/// Lengths of raw bodies.
pub(super) const RAWLEN: usize = 8;
/// Stops other than entries and exits, without their parts; raw bodies of stops.
pub(super) const STOPS: usize = 9;
/// The period and phase of the clock.
pub(super) const TICKS: usize = 10;
/// Three planes of the ticks before an entry.
pub(super) const ENTRY_TIME: usize = 11;
/// Three planes of the ticks before any other row.
pub(super) const OTHER_TIME: usize = 14;
/// Ticks that do not fit the planes.
pub(super) const LONG_TIME: usize = 17;
/// The distances of times from the ticks, in nanoseconds.
pub(super) const TWEAK: usize = 18;
/// The mispredicted registers of an entry.
pub(super) const MASK: usize = 19;
/// Stack pointers; then the six arguments, a column each.
pub(super) const REGS: usize = 20;
/// Return values.
pub(super) const RVAL: usize = 27;
/// Lists of the classes of parts.
pub(super) const PARTS: usize = 28;
/// The table of classes.
pub(super) const CLASSES: usize = 29;
/// The mispredicted fields of a region.
pub(super) const REGION: usize = 30;
/// Lengths of strings.
pub(super) const STRLEN: usize = 31;
/// Lengths of other parts.
pub(super) const LEN: usize = 32;
/// Addresses of regions.
pub(super) const ADDRESS: usize = 33;
/// Indexes, asked lengths and blob numbers of regions.
pub(super) const REST: usize = 34;
/// Bodies that do not fit the model.
pub(super) const RAW: usize = 35;
/// The bytes of parts, class by class.
pub(super) const DATA: usize = 36;

/// The columns, for encoding.
#[derive(Debug)]
pub(super) struct Columns(pub(super) [Vec<u8>; COLUMNS]);

impl Columns {
    pub(super) fn new() -> Self {
        Columns(std::array::from_fn(|_| Vec::new()))
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(Vec::clear);
    }

    #[inline]
    pub(super) fn byte<const COLUMN: usize>(&mut self, byte: u8) {
        const { assert!(COLUMN < COLUMNS) };
        self.0[COLUMN].push(byte);
    }

    #[inline]
    pub(super) fn bytes<const COLUMN: usize>(&mut self, bytes: &[u8]) {
        const { assert!(COLUMN < COLUMNS) };
        self.0[COLUMN].extend_from_slice(bytes);
    }

    #[inline]
    pub(super) fn uint<const COLUMN: usize>(&mut self, value: u64) {
        const { assert!(COLUMN < COLUMNS) };
        put_uint(&mut self.0[COLUMN], value);
    }

    /// Appends the difference of `value` from its prediction.
    #[inline]
    pub(super) fn delta<const COLUMN: usize>(&mut self, value: u64, predicted: u64) {
        self.uint::<COLUMN>(fold(value, predicted));
    }
}

/// Appends a number, seven bits to a byte, lowest first.
#[inline]
pub(super) fn put_uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Returns the difference in zigzag form: small differences of either sign give small numbers.
#[inline]
pub(super) fn fold(value: u64, predicted: u64) -> u64 {
    let delta = value.wrapping_sub(predicted).cast_signed();
    ((delta << 1) ^ (delta >> 63)).cast_unsigned()
}

/// The inverse of [`fold`].
#[inline]
pub(super) fn unfold(folded: u64, predicted: u64) -> u64 {
    let sign = (folded & 1).wrapping_neg();
    predicted.wrapping_add((folded >> 1) ^ sign)
}

/// The rest of a column, for decoding. Methods return `None` if it ends too early.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Column<'a>(pub(super) &'a [u8]);

impl<'a> Column<'a> {
    #[inline]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    #[inline]
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    #[inline]
    pub(super) fn uint(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 { Some(u64::from(first)) } else { self.long_uint(first) }
    }

    fn long_uint(&mut self, first: u8) -> Option<u64> {
        let mut value = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    pub(super) fn delta(&mut self, predicted: u64) -> Option<u64> {
        Some(unfold(self.uint()?, predicted))
    }

    /// Reads a number that is a length or an index.
    #[inline]
    pub(super) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.uint()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, fold, put_uint, unfold};

    #[test]
    fn numbers_round_trip() {
        for value in [0, 1, 127, 128, 300, 1 << 35, 1 << 63, u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_uint(&mut bytes, value);
            assert_eq!(Column(&bytes).uint(), Some(value));
            assert_eq!(Column(&bytes[..bytes.len() - 1]).uint(), None);
            for predicted in [0, 5, 1 << 63, u64::MAX] {
                assert_eq!(unfold(fold(value, predicted), predicted), value);
            }
        }
        assert_eq!((fold(4, 5), fold(6, 5)), (1, 2));
        assert_eq!(Column(&[0xff; 10]).uint(), None, "more than 64 bits");
        assert_eq!(Column(&[0x80, 0]).uint(), Some(0), "a longer encoding than needed");
    }
}
