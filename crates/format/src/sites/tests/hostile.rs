//! Payloads that no encoder produced.

use proptest::collection::vec;
use proptest::prelude::*;

use super::rows::{any_row, calls, wild_rows};
use crate::sites::columns::{COLUMNS, Columns};
use crate::sites::frames::FramePacker;
use crate::sites::{SitesPacker, SitesUnpacker};

/// Returns the columns of rows.
fn columns_of(rows: &[u8]) -> Columns {
    let mut packer = SitesPacker::new().unwrap();
    packer.encoder.encode(rows).unwrap();
    std::mem::replace(&mut packer.encoder.columns, Columns::new())
}

fn payload_of(columns: &Columns) -> Vec<u8> {
    let mut payload = Vec::new();
    FramePacker::new().unwrap().pack(columns, &mut payload).unwrap();
    payload
}

/// Decodes a possibly malformed payload. The output has the requested length, and nothing larger
/// was allocated.
fn unpack(payload: &[u8], len: usize) -> Option<Vec<u8>> {
    let (mut unpacker, mut out) = (SitesUnpacker::new().unwrap(), Vec::new());
    let done = unpacker.unpack(payload, len, &mut out);
    assert!(out.len() <= len && out.capacity() <= len.max(64));
    done.ok()?;
    assert_eq!(out.len(), len);
    Some(out)
}

#[test]
fn a_wrong_length_is_refused() {
    let rows = calls(50);
    let payload = payload_of(&columns_of(&rows));
    assert_eq!(unpack(&payload, rows.len()), Some(rows.clone()));
    for wrong in [0, 1, rows.len() - 1, rows.len() + 1, rows.len() * 2] {
        assert_eq!(unpack(&payload, wrong), None);
    }
}

#[test]
fn a_payload_cut_or_grown_is_refused() {
    let rows = calls(30);
    let payload = payload_of(&columns_of(&rows));
    for len in 0..payload.len() {
        assert_eq!(unpack(&payload[..len], rows.len()), None);
    }
    let longer = [&payload[..], &zstd::bulk::compress(b"", 3).unwrap()].concat();
    assert_eq!(unpack(&longer, rows.len()), None);
}

#[test]
fn a_column_that_is_cut_or_grown_is_refused() {
    let rows = calls(64);
    for column in 0..COLUMNS {
        let mut columns = columns_of(&rows);
        columns.0[column].push(0);
        assert_eq!(
            unpack(&payload_of(&columns), rows.len()),
            None,
            "column {column} with a byte more"
        );
        columns.0[column].pop();
        if columns.0[column].pop().is_some() {
            assert_eq!(
                unpack(&payload_of(&columns), rows.len()),
                None,
                "column {column} with a byte less"
            );
        }
    }
}

#[test]
fn oversized_frames_are_refused_before_decompression() {
    // A few bytes that decompress to far more than rows of that length need.
    let large = zstd::bulk::compress(&vec![0; 8 << 20], 3).unwrap();
    let small = zstd::bulk::compress(&[0; 7], 3).unwrap();
    assert_eq!(unpack(&[&large[..], &small, &small].concat(), 100), None);
    assert_eq!(unpack(&[&small[..], &large, &small].concat(), 100), None);
}

#[test]
fn a_list_of_parts_longer_than_the_rows_is_refused() {
    let mut columns = columns_of(&calls(8));
    let parts = &mut columns.0[crate::sites::columns::PARTS];
    parts.splice(0..0, vec![1; 60_000]);
    assert_eq!(unpack(&payload_of(&columns), calls(8).len()), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn forged_columns_never_panic(
        rows in prop_oneof![
            (1_u64..80).prop_map(calls), wild_rows(),
            vec(any_row(), 0..9).prop_map(|rows| rows.concat())],
        changes in vec((0..COLUMNS, any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        longer in 0_usize..600,
    ) {
        let mut columns = columns_of(&rows);
        for (column, place, value, how) in &changes {
            let column = &mut columns.0[*column];
            match how {
                0 => column.truncate(place.index(column.len() + 1)),
                1 => column.insert(place.index(column.len() + 1), *value),
                _ if column.is_empty() => column.push(*value),
                _ => *place.get_mut(column) = *value,
            }
        }
        let payload = payload_of(&columns);
        unpack(&payload, rows.len());
        unpack(&payload, rows.len() + longer);
        unpack(&payload, rows.len().saturating_sub(longer));
    }

    #[test]
    fn random_columns_never_panic(parts in vec(vec(prop_oneof![0_u8..32, any::<u8>()], 0..40),
        COLUMNS), len in 0_usize..4000) {
        let mut columns = Columns::new();
        for (column, bytes) in columns.0.iter_mut().zip(parts) {
            *column = bytes;
        }
        unpack(&payload_of(&columns), len);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300), len in 0_usize..4000) {
        unpack(&bytes, len);
    }
}
