//! Any rows round-trip, and no columns cause a panic.

mod hostile;
mod rows;
mod speed;

use proptest::collection::vec;
use proptest::prelude::*;
use rows::{any_row, call, calls, exit, row, wild_rows};

use super::columns::{HOW, KIND, MASK, PARTS, RAW, REF, REGS, RVAL, SITE, SITES, STOPS};
use super::layout::{
    ENTRY, EXIT, FAILED, HOW_NEW, HOW_NEW_DISTANCE, HOW_RING_DISTANCE, NEAR_ENTRY, NO_CHANGE,
    PARTS_KNOWN, SAME_TASK, WIDE_ENTRY, WIDE_EXIT,
};
use super::{Packed, SitesPacker, SitesUnpacker};

/// Encodes and decodes rows. Returns the result and the payload.
fn round_trip(rows: &[u8]) -> (Packed, Vec<u8>) {
    let (mut packer, mut payload) = (SitesPacker::new().unwrap(), b"before".to_vec());
    let packed = packer.pack(rows, &mut payload).unwrap();
    assert!(payload.starts_with(b"before"));
    payload.drain(..6);
    if packed != Packed::Unsupported {
        let (mut unpacker, mut out) = (SitesUnpacker::new().unwrap(), vec![7; 3]);
        unpacker.unpack(&payload, rows.len(), &mut out).unwrap();
        assert_eq!(out, rows);
    }
    (packed, payload)
}

#[test]
fn calls_fit_the_model() {
    let rows = calls(2000);
    let (packed, payload) = round_trip(&rows);
    assert_ne!(packed, Packed::Unsupported);
    let plain = zstd::bulk::compress(&rows, 3).unwrap();
    assert!(payload.len() * 3 < plain.len() * 2, "{} of {}", payload.len(), plain.len());
}

#[test]
fn values_are_predicted_from_site_task_and_result() {
    let entry = |site: u64, arg| call(7, site, &[site, 0, site & 15, arg, 0, 0, 0, 0, 0]);
    let result = |site, value| exit(7, site, &[site, 0, value]);
    let rows = [
        entry(1, 5),
        result(1, 77),
        // The value that the call before returned, the argument that it had, and the argument that
        // the site had.
        [entry(2, 77), result(2, 0)].concat(),
        [entry(3, 77), result(3, 0)].concat(),
        [entry(1, 5), result(1, 77)].concat(),
        [entry(1, 4), result(1, 78)].concat(),
        // The same code loaded elsewhere: the argument moves with it, and the call returns it.
        [entry(0x5001, 0x5004), result(0x5001, 0x5004)].concat(),
        [entry(0x5002, 0x504d), result(0x5002, 0)].concat(),
    ];
    let rows = rows.concat();
    assert_ne!(round_trip(&rows).0, Packed::Unsupported);
    let mut packer = SitesPacker::new().unwrap();
    packer.encoder.encode(&rows).unwrap();
    let columns = &packer.encoder.columns.0;
    let wide_exit = u8::try_from(WIDE_EXIT).unwrap();
    let (wide, near) = (u8::try_from(WIDE_ENTRY).unwrap(), u8::try_from(NEAR_ENTRY).unwrap());
    assert_eq!(columns[REGS + 1], [wide + 10, 1, 0, wide + 1, near, near]);
    assert_eq!(columns[MASK], [2; 6]);
    assert_eq!(columns[RVAL], [0x80 + 26 + wide_exit, 1, wide_exit + 2, 0]);
    assert_eq!(columns[SITE], [0, 1, 2, 0, 0, 3, 4]);
    assert_eq!(columns[HOW], [HOW_NEW, HOW_NEW, HOW_NEW, HOW_NEW_DISTANCE, HOW_RING_DISTANCE]);
    // Sites 0 and 1, where 3 and then 1 were predicted.
    assert_eq!(columns[REF], [5, 0]);
    assert_eq!(columns[SITES][60..], 0x5000_u64.to_le_bytes());
    let code = |sort, change| sort | PARTS_KNOWN | SAME_TASK | if change { 0 } else { NO_CHANGE };
    let (new, gone) = (|sort| code(sort, true), |sort| code(sort, false));
    let first = new(ENTRY) & !SAME_TASK;
    assert_eq!(columns[KIND][..2], [first, new(EXIT)]);
    assert_eq!(columns[KIND][2..6], [new(ENTRY), gone(EXIT), new(ENTRY), gone(EXIT)]);
    assert_eq!(columns[KIND][6..10], [gone(ENTRY), gone(EXIT), new(ENTRY), new(EXIT)]);
    assert_eq!(columns[KIND][10..], [new(ENTRY), new(EXIT), new(ENTRY), gone(EXIT)]);
    assert!(columns[RAW].is_empty() && columns[STOPS].is_empty() && columns[PARTS].is_empty());
}

#[test]
fn pairs_of_sites_predict_better_than_sites() {
    // The second site has a different argument after the first site than after itself.
    let entry = |site: u64, arg| call(7, site, &[site, 0, 1, arg, 0, 0, 0, 0, 0]);
    let rows: Vec<u8> =
        (0..50).flat_map(|_| [entry(1, 9), entry(2, 70), entry(2, 80)].concat()).collect();
    assert_ne!(round_trip(&rows).0, Packed::Unsupported);
    let mut packer = SitesPacker::new().unwrap();
    packer.encoder.encode(&rows).unwrap();
    assert_eq!(packer.encoder.columns.0[MASK].len(), 3);
}

#[test]
fn is_error_is_not_derived_from_the_value() {
    let entry = call(1, 1, &[1, 0, 1, 0, 0, 0, 0, 0, 0]);
    for (value, error) in [(5_u64, 1), (5, 0), (2_u64.wrapping_neg(), 0), (2_u64.wrapping_neg(), 1)]
    {
        let mut exit = exit(1, 1, &[1, 0, value]);
        *exit.last_mut().unwrap() = error;
        let rows = [&entry[..], &exit].concat();
        assert_ne!(round_trip(&rows).0, Packed::Unsupported);
        let mut packer = SitesPacker::new().unwrap();
        packer.encoder.encode(&rows).unwrap();
        assert_eq!(
            packer.encoder.columns.0[KIND][1] & (3 | FAILED),
            EXIT | if error == 1 { FAILED } else { 0 }
        );
    }
}

#[test]
fn a_value_too_far_from_the_last_is_kept_raw() {
    for word in [1, 3, 4, 8] {
        let (near, mut far) = ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        far[word] ^= 1 << 63;
        round_trip(
            &[call(0, 1, &near), call(0, 2, &far), exit(0, 3, &[1, far[1], 0]), call(0, 4, &near)]
                .concat(),
        );
        far[word] -= 1;
        round_trip(&[call(0, 1, &near), call(0, 2, &far), exit(0, 3, &[1, far[1], 0])].concat());
    }
}

#[test]
fn no_rows_have_a_payload() {
    let (packed, payload) = round_trip(&[]);
    assert_eq!(packed, Packed::Doubtful);
    assert!(SitesUnpacker::new().unwrap().unpack(&payload, 1, &mut Vec::new()).is_err());
}

#[test]
fn a_packer_remembers_nothing_of_the_block_before() {
    let (first, second) = (calls(300), calls(200));
    let mut packer = SitesPacker::new().unwrap();
    let (mut alone, mut after) = (Vec::new(), Vec::new());
    packer.pack(&second, &mut alone).unwrap();
    packer.pack(&first, &mut Vec::new()).unwrap();
    packer.pack(&second, &mut after).unwrap();
    assert_eq!(alone, after);
}

#[test]
fn too_many_sites_are_left_to_codec_0() {
    let many = |count: u64| {
        let mut rows = Vec::new();
        for site in 0..count {
            rows.extend(call(0, site, &[0x40_0000 + site, 0, 1, 0, 0, 0, 0, 0, 0]));
        }
        round_trip(&rows).0
    };
    assert_ne!(many(crate::limits::MAX_SITES as u64), Packed::Unsupported);
    assert_eq!(many(crate::limits::MAX_SITES as u64 + 1), Packed::Unsupported);
}

#[test]
fn malformed_rows_have_no_payload() {
    for rows in
        [&[0; 19][..], &[1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0xff; 64]]
    {
        assert_eq!(round_trip(rows).0, Packed::Unsupported);
    }
}

#[test]
fn stops_of_every_length_round_trip() {
    // A call and its exit, with the second row cut or extended at any place.
    let whole = calls(2);
    let first_len = 20 + usize::try_from(crate::wire::u32_at(&whole, 0).unwrap()).unwrap();
    let body = &whole[first_len + 20..];
    for len in 0..body.len() {
        let cut = row(1, 1, 0, 0, 99, &body[..len]);
        let rows = [&whole[..first_len], &cut, &whole[first_len..]].concat();
        assert_ne!(round_trip(&rows).0, Packed::Unsupported);
    }
}

#[test]
fn stops_with_a_flipped_bit_round_trip() {
    let rows = calls(6);
    for at in 0..rows.len() {
        for bit in 0..8 {
            let mut rows = rows.clone();
            rows[at] ^= 1 << bit;
            round_trip(&rows);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_rows_round_trip(rows in vec(any_row(), 0..60)) {
        prop_assert_ne!(round_trip(&rows.concat()).0, Packed::Unsupported);
    }

    #[test]
    fn rows_near_the_model_round_trip(rows in wild_rows()) {
        prop_assert_ne!(round_trip(&rows).0, Packed::Unsupported);
    }

    #[test]
    fn damaged_calls_round_trip(count in 1_u64..60,
        places in vec((any::<prop::sample::Index>(), any::<u8>()), 0..20)) {
        let mut rows = calls(count);
        for (place, value) in &places {
            *place.get_mut(&mut rows) = *value;
        }
        // If a length was hit, these are no longer rows and have no payload.
        round_trip(&rows);
    }
}
