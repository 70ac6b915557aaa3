//! The call sites of a block, and how its tasks number them.
//!
//! Encoder, decoder and outline decoder go through the same steps. A task numbers sites in the
//! order of its first calls from them, so all processes of a program have the same numbers,
//! wherever it is loaded.

use super::columns::{Column, Columns, HOW, REF, SITE, SITES, fold, unfold};
use super::keys::{Key, Keys, mix};
use super::layout::{HOW_KNOWN, HOW_NEW, HOW_NEW_DISTANCE, HOW_RING_DISTANCE, IP_RING};
use super::ring::Ring;
use crate::limits::MAX_SITES;

/// A call site: a place in the code and the call made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) arch: u32,
    pub(super) ip: u64,
    pub(super) nr: u64,
}

/// The sites and tasks of a block.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) tracks: Vec<Track>,
    places: Vec<Place>,
    /// The site that a site is a moved copy of, or itself: the same for the same code, wherever it
    /// is loaded.
    roots: Vec<u32>,
    ring: Ring<IP_RING>,
}

/// A task and its sites.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// The number of the task in the log.
    pub(super) id: u32,
    /// Its sites, in the order of its first calls from them.
    sites: Vec<u32>,
    /// The site predicted for the next site that is new to the task.
    next_site: u32,
    /// The site of the call that has not returned yet.
    pub(super) open: Option<u32>,
}

/// How a task reaches a site.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arrival {
    /// The task has used the site before.
    Again(u32),
    /// Another task has used it.
    Known(u32),
    /// The site is new and like no other.
    New(Place),
    /// It is the code of site `like`, loaded `by` bytes further.
    Moved { like: u32, by: u64 },
}

impl Places {
    pub(super) fn new() -> Self {
        Places { tracks: Vec::new(), places: Vec::new(), roots: Vec::new(), ring: Ring::new() }
    }

    pub(super) fn clear(&mut self) {
        self.tracks.clear();
        self.places.clear();
        self.roots.clear();
        self.ring = Ring::new();
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn add_task(&mut self, id: u32) {
        self.tracks.push(Track { id, ..Track::default() });
    }

    pub(super) fn get(&self, site: u32) -> Option<&Place> {
        self.places.get(usize::try_from(site).ok()?)
    }

    pub(super) fn root(&self, site: u32) -> Option<u32> {
        self.roots.get(usize::try_from(site).ok()?).copied()
    }

    /// Decodes the site of a call. Returns `None` if it is invalid.
    pub(super) fn read(&self, columns: &mut [Column<'_>], task: usize) -> Option<Arrival> {
        let track = self.tracks.get(task)?;
        let local = columns.get_mut(SITE)?.size()?;
        if local != track.sites.len() {
            return Some(Arrival::Again(*track.sites.get(local)?));
        }
        let how = columns.get_mut(HOW)?.byte()?;
        if how == HOW_NEW {
            let column = columns.get_mut(SITES)?;
            let arch = u32::from_le_bytes(column.array()?);
            let (ip, nr) =
                (u64::from_le_bytes(column.array()?), u64::from_le_bytes(column.array()?));
            return Some(Arrival::New(Place { arch, ip, nr }));
        }
        let like = u32::try_from(unfold(columns.get_mut(REF)?.uint()?, u64::from(track.next_site)))
            .ok()?;
        self.get(like)?;
        Some(match how {
            HOW_KNOWN => Arrival::Known(like),
            HOW_NEW_DISTANCE => {
                Arrival::Moved { like, by: u64::from_le_bytes(columns.get_mut(SITES)?.array()?) }
            }
            near => Arrival::Moved {
                like,
                by: self.ring.get(usize::from(near.checked_sub(HOW_RING_DISTANCE)?))?,
            },
        })
    }

    /// Records that a task reaches a site. Returns the number of the site, or `None` if there are
    /// too many.
    pub(super) fn arrive(&mut self, task: usize, arrival: Arrival) -> Option<u32> {
        let next = u32::try_from(self.places.len()).ok()?;
        let track = self.tracks.get_mut(task)?;
        let (site, like) = match arrival {
            Arrival::Again(site) => return Some(site),
            Arrival::Known(site) => (site, site),
            Arrival::New(place) => {
                self.places.push(place);
                self.roots.push(next);
                (next, next)
            }
            Arrival::Moved { like, by } => {
                let index = usize::try_from(like).ok()?;
                let place = *self.places.get(index)?;
                self.places.push(Place { ip: place.ip.wrapping_add(by), ..place });
                self.roots.push(*self.roots.get(index)?);
                self.ring.push(by);
                (next, like)
            }
        };
        track.sites.push(site);
        track.next_site = like.wrapping_add(1);
        (self.places.len() <= MAX_SITES).then_some(site)
    }
}

/// Finds the site of a call, for the encoder.
#[derive(Debug)]
pub(super) struct SiteFinder {
    pub(super) places: Places,
    numbers: Keys<Place>,
    /// The call sites without the page of their address, and the last site of each.
    shapes: Keys<Place>,
    latest: Vec<u32>,
    /// The sites of each task, and the task's numbers for them.
    locals: Keys<Local>,
    local: Vec<u32>,
}

/// A task and a site that it has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Local(usize, u32);

/// Code is loaded at page boundaries.
const IN_PAGE: u64 = 0xfff;

impl SiteFinder {
    pub(super) fn new() -> Self {
        SiteFinder {
            places: Places::new(),
            numbers: Keys::new(),
            shapes: Keys::new(),
            latest: Vec::new(),
            locals: Keys::new(),
            local: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.numbers.clear();
        self.shapes.clear();
        self.latest.clear();
        self.locals.clear();
        self.local.clear();
    }

    /// Returns how a task reaches a call site. Changes nothing.
    pub(super) fn find(&self, task: usize, place: Place) -> Arrival {
        if let Some(site) = self.numbers.find(&place) {
            return match self.locals.find(&Local(task, site)) {
                Some(_) => Arrival::Again(site),
                None => Arrival::Known(site),
            };
        }
        let like = self
            .shapes
            .find(&place.shape())
            .and_then(|shape| self.latest.get(usize::try_from(shape).ok()?));
        match like.and_then(|&like| Some((like, self.places.get(like)?))) {
            Some((like, known)) => Arrival::Moved { like, by: place.ip.wrapping_sub(known.ip) },
            None => Arrival::New(place),
        }
    }

    /// Returns the root that a site has or will have.
    pub(super) fn root_of(&self, arrival: Arrival) -> Option<u32> {
        match arrival {
            Arrival::Again(site) | Arrival::Known(site) | Arrival::Moved { like: site, .. } => {
                self.places.root(site)
            }
            Arrival::New(_) => u32::try_from(self.places.len()).ok(),
        }
    }

    /// Encodes how the task reaches the site, and remembers it.
    pub(super) fn write(
        &mut self,
        columns: &mut Columns,
        task: usize,
        place: Place,
        arrival: Arrival,
    ) -> Option<u32> {
        let track = self.places.tracks.get(task)?;
        let count = track.sites.len();
        let write_like = |columns: &mut Columns, like: u32| {
            columns.uint::<REF>(fold(u64::from(like), u64::from(track.next_site)));
        };
        match arrival {
            Arrival::Again(site) => {
                let local = self.locals.find(&Local(task, site))?;
                columns.uint::<SITE>(u64::from(*self.local.get(usize::try_from(local).ok()?)?));
                return Some(site);
            }
            Arrival::Known(like) => {
                columns.byte::<HOW>(HOW_KNOWN);
                write_like(columns, like);
            }
            Arrival::New(place) => {
                columns.byte::<HOW>(HOW_NEW);
                columns.bytes::<SITES>(&place.arch.to_le_bytes());
                columns.bytes::<SITES>(&place.ip.to_le_bytes());
                columns.bytes::<SITES>(&place.nr.to_le_bytes());
            }
            Arrival::Moved { like, by } => {
                match self.places.ring.find(by).and_then(|near| u8::try_from(near).ok()) {
                    Some(near) => columns.byte::<HOW>(HOW_RING_DISTANCE + near),
                    None => {
                        columns.byte::<HOW>(HOW_NEW_DISTANCE);
                        columns.bytes::<SITES>(&by.to_le_bytes());
                    }
                }
                write_like(columns, like);
            }
        }
        columns.uint::<SITE>(count as u64);
        let site = self.places.arrive(task, arrival)?;
        self.locals.insert(Local(task, site));
        self.local.push(u32::try_from(count).ok()?);
        self.numbers.insert(place);
        let (shape, new) = self.shapes.insert(place.shape());
        if new {
            self.latest.push(site);
        } else if let Some(latest) = self.latest.get_mut(usize::try_from(shape).ok()?) {
            *latest = site;
        }
        Some(site)
    }
}

impl Place {
    /// Returns the part of a call site that does not depend on where the code is loaded.
    fn shape(self) -> Place {
        Place { ip: self.ip & IN_PAGE, ..self }
    }
}

impl Key for Place {
    fn hash(&self) -> u64 {
        mix(mix(u64::from(self.arch), self.ip), self.nr)
    }
}

impl Key for Local {
    fn hash(&self) -> u64 {
        mix(self.0 as u64, u64::from(self.1))
    }
}
