//! Measures sizes and speeds on a recorded log, for changes of the model: `SYSREEL_LOG=run.reel
//! cargo test --release -p sysreel-format sites_speed -- --ignored --nocapture`.

use std::time::Instant;

use super::{Packed, SitesPacker, SitesUnpacker};
use crate::limits::EVENTS_TARGET;
use crate::sites::columns::{COLUMNS, FRAMES};
use crate::zframe::{Packer, Unpacker};
use crate::{Item, Limits, Log};

const ROUNDS: u32 = 20;

/// Returns the rows of a log, in blocks as a writer makes them, and the number of rows.
fn read_blocks(path: &str) -> (Vec<Vec<u8>>, usize) {
    let log = Log::open(std::fs::read(path).unwrap(), Limits::default()).unwrap();
    let (mut blocks, mut block, mut count) = (Vec::new(), Vec::new(), 0);
    let mut events = log.events();
    while let Some(Item::Event(event)) = events.next().unwrap() {
        if block.len() + event.row().len() > EVENTS_TARGET {
            blocks.push(std::mem::take(&mut block));
        }
        block.extend_from_slice(event.row());
        count += 1;
    }
    blocks.push(block);
    (blocks, count)
}

/// Returns the nanoseconds per row of the best round.
fn best(count: usize, mut work: impl FnMut()) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e9
    });
    rounds.fold(f64::INFINITY, f64::min) / count as f64
}

#[test]
#[ignore = "needs a recorded log in SYSREEL_LOG"]
fn sites_speed() {
    let path = std::env::var("SYSREEL_LOG").expect("SYSREEL_LOG names a log");
    let (blocks, count) = read_blocks(&path);
    let per = |len: usize| len as f64 / count as f64;
    let rows: usize = blocks.iter().map(Vec::len).sum();
    println!("{path}: {count} rows, {:.1} bytes each, {} blocks", per(rows), blocks.len());

    let mut plain = Packer::new().unwrap();
    let mut frames: Vec<Vec<u8>> = vec![Vec::new(); blocks.len()];
    let encode = best(count, || {
        for (block, frame) in blocks.iter().zip(&mut frames) {
            frame.clear();
            assert!(plain.pack(block, frame).unwrap());
        }
    });
    let (mut unpacker, mut out) = (Unpacker::new().unwrap(), Vec::new());
    let decode = best(count, || {
        blocks
            .iter()
            .zip(&frames)
            .for_each(|(block, frame)| unpacker.unpack(frame, block.len(), &mut out).unwrap());
    });
    let size = per(frames.iter().map(Vec::len).sum());
    println!("codec 0: {size:.3} bytes, encode and check {encode:.0} ns, decode {decode:.0} ns");

    let mut sites = SitesPacker::new().unwrap();
    let model =
        best(count, || blocks.iter().for_each(|block| sites.encoder.encode(block).unwrap()));
    let encode = best(count, || {
        for (block, frame) in blocks.iter().zip(&mut frames) {
            frame.clear();
            sites.pack_unchecked(block, frame).unwrap().unwrap();
        }
    });
    let check = best(count, || {
        for (block, frame) in blocks.iter().zip(&mut frames) {
            frame.clear();
            assert_ne!(sites.pack(block, frame).unwrap(), Packed::Unsupported);
        }
    });
    let mut unpacker = SitesUnpacker::new().unwrap();
    let decode = best(count, || {
        blocks.iter().zip(&frames).for_each(|(block, frame)| {
            assert!(unpacker.unpack(frame, block.len(), &mut out).is_ok())
        });
    });
    let size = per(frames.iter().map(Vec::len).sum());
    println!(
        "codec 1: {size:.3} bytes, encode {encode:.0} ns (model {model:.0}), with check {check:.0} \
         ns, decode {decode:.0} ns"
    );
    columns(&blocks, &mut sites, per);
}

/// Prints the size of each column, raw and compressed alone.
fn columns(blocks: &[Vec<u8>], sites: &mut SitesPacker, per: impl Fn(usize) -> f64) {
    let mut sizes = [(0, 0); COLUMNS];
    for block in blocks {
        sites.encoder.encode(block).unwrap();
        for (column, (raw, packed)) in sites.encoder.columns.0.iter().zip(&mut sizes) {
            *raw += column.len();
            *packed += zstd::bulk::compress(column, 3).unwrap().len();
        }
    }
    for range in FRAMES {
        let frame: usize = sizes[range.clone()].iter().map(|(_, packed)| packed).sum();
        println!("frame of {:.3} bytes:", per(frame));
        for column in range {
            let (raw, packed) = sizes[column];
            println!("  column {column}: {:.3} bytes, packed {:.3}", per(raw), per(packed));
        }
    }
}
