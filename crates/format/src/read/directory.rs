//! A sparse list of places in the file, for finding blobs and events. It comes from the footer or
//! from walking the blocks.
//!
//! It has one place per 64 blocks, so it takes a tiny fraction of the file's size. The footer is
//! believed only where the block headers agree with it.

use super::source::ReadAt;
use super::store::{Found, Store};
use super::walk::{Step, Walk};
use crate::Error;
use crate::index::Waypoint;
use crate::kind::{BlobNumber, BlockKind};
use crate::limits::CHECKPOINT_EVERY;

/// The most BLOBS blocks remembered between two places.
const GROUP: usize = 4 * CHECKPOINT_EVERY as usize;

/// The sparse list and its state.
#[derive(Debug)]
pub(crate) struct Directory {
    points: Vec<Waypoint>,
    /// Extends the list; `None` once it is complete.
    frontier: Option<Frontier>,
    from_footer: bool,
    /// The BLOBS blocks after one of the points, and the index of the point.
    group: Option<(usize, Vec<Found>)>,
}

#[derive(Debug)]
struct Frontier {
    walk: Walk,
    next_event: u64,
    next_blob: u64,
    blocks_since_point: u32,
}

impl Directory {
    /// Returns the directory of a log whose first block is at `start`, with the footer's list if
    /// there is one.
    pub(crate) fn new<S: ReadAt>(
        store: &Store<S>,
        start: u64,
        footer: Option<Vec<Waypoint>>,
    ) -> Self {
        let first = Waypoint { offset: start, next_event: 0, next_blob: 0, t_last: 0 };
        let listed = footer.filter(|points| {
            let all = || std::iter::once(&first).chain(points);
            all().zip(all().skip(1)).all(|(a, b)| {
                a.offset < b.offset && a.next_event <= b.next_event && a.next_blob <= b.next_blob
            })
        });
        let from_footer = listed.is_some();
        let mut points = vec![first];
        points.extend(listed.into_iter().flatten());
        let mut directory = Directory { points, frontier: None, from_footer, group: None };
        if !from_footer {
            directory.restart(store);
        }
        directory
    }

    /// Drops the footer's list.
    fn restart<S: ReadAt>(&mut self, store: &Store<S>) {
        self.points.truncate(1);
        self.from_footer = false;
        self.group = None;
        let start = self.points.first().map_or(0, |point| point.offset);
        let walk = Walk::new(store, start);
        self.frontier = Some(Frontier { walk, next_event: 0, next_blob: 0, blocks_since_point: 0 });
    }

    /// Returns the number of an event, the largest that the footer's list allows, before which all
    /// events are earlier than `t_ns`.
    pub(crate) fn event_before_time(&self, t_ns: u64) -> u64 {
        // The first point is the start of the log. Points found by walking have no times.
        let earlier =
            self.points.iter().skip(1).take_while(|point| point.t_last != 0 && point.t_last < t_ns);
        earlier.last().map_or(0, |point| point.next_event)
    }

    /// Returns where to start a walk that reaches event `number`: the offset, the number of the
    /// next event there, and how many events are lost before it.
    pub(crate) fn before_event<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        number: u64,
    ) -> Result<(u64, u64, u64), Error> {
        let index =
            self.points.partition_point(|point| point.next_event <= number).saturating_sub(1);
        let start = self.points.first().map_or(0, |point| point.offset);
        let Some(point) = self.points.get(index).copied().filter(|_| index != 0) else {
            return Ok((start, 0, 0));
        };
        match Walk::new(store, point.offset).step(store)? {
            Step::Block { found, damage: None } if is_checkpoint_of(&point, &found) => {
                Ok((point.offset, point.next_event, found.header.dropped))
            }
            _ => Ok((start, 0, 0)),
        }
    }

    /// Returns the BLOBS blocks that claim blob `number`: several if a failed write was repeated.
    pub(crate) fn blocks_of<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        number: BlobNumber,
    ) -> Result<Vec<Found>, Error> {
        self.extend(store, number)?;
        let found = self.search(store, number)?;
        if !found.is_empty() || !self.from_footer {
            return Ok(found);
        }
        // Either the blob is lost or the footer is wrong: walk the blocks, once.
        self.restart(store);
        self.extend(store, number)?;
        self.search(store, number)
    }

    fn search<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        number: BlobNumber,
    ) -> Result<Vec<Found>, Error> {
        let index =
            self.points.partition_point(|point| point.next_blob <= number.0).saturating_sub(1);
        if self.group.as_ref().is_none_or(|(point, _)| *point != index) {
            self.group = Some((index, self.read_group(store, index)?));
        }
        let blocks = self.group.as_ref().map(|(_, blocks)| blocks.as_slice()).unwrap_or_default();
        Ok(blocks.iter().filter(|found| contains(found, number)).copied().collect())
    }

    /// Reads the headers of the BLOBS blocks from one point to the next.
    fn read_group<S: ReadAt>(&self, store: &Store<S>, index: usize) -> Result<Vec<Found>, Error> {
        let Some(point) = self.points.get(index) else { return Ok(Vec::new()) };
        let end = self.points.get(index.saturating_add(1)).map_or(u64::MAX, |next| next.offset);
        let mut blocks = Vec::new();
        let mut walk = Walk::new(store, point.offset);
        while let Step::Block { found, .. } = walk.step(store)? {
            if found.header.self_offset >= end || blocks.len() >= GROUP {
                break;
            }
            if found.header.kind == BlockKind::BLOBS {
                blocks.push(found);
            }
        }
        Ok(blocks)
    }

    /// Extends the list until it covers `number`.
    fn extend<S: ReadAt>(&mut self, store: &Store<S>, number: BlobNumber) -> Result<(), Error> {
        while let Some(frontier) =
            self.frontier.as_mut().filter(|frontier| frontier.next_blob <= number.0)
        {
            let Step::Block { found, .. } = frontier.walk.step(store)? else {
                self.frontier = None;
                break;
            };
            let header = &found.header;
            let end = header.first_item.saturating_add(u64::from(header.n_items));
            frontier.blocks_since_point = frontier.blocks_since_point.saturating_add(1);
            match header.kind {
                BlockKind::EVENTS => frontier.next_event = frontier.next_event.max(end),
                BlockKind::BLOBS => {
                    if frontier.blocks_since_point >= CHECKPOINT_EVERY
                        && header.first_item >= frontier.next_blob
                    {
                        frontier.blocks_since_point = 0;
                        self.points.push(Waypoint {
                            offset: header.self_offset,
                            next_event: frontier.next_event,
                            next_blob: header.first_item,
                            t_last: 0,
                        });
                    }
                    frontier.next_blob = frontier.next_blob.max(end);
                }
                _ => {}
            }
            // The last group may have grown.
            self.group = None;
        }
        Ok(())
    }
}

/// Whether the block at a point of the footer's list is that checkpoint.
fn is_checkpoint_of(point: &Waypoint, found: &Found) -> bool {
    let header = &found.header;
    header.kind == BlockKind::CHECKPOINT && header.first_item == point.next_event
}

fn contains(found: &Found, number: BlobNumber) -> bool {
    let items = u64::from(found.header.n_items);
    number.0.checked_sub(found.header.first_item).is_some_and(|index| index < items)
}
