//! Where calls come from: the sites of a block, and how its tasks number them.
//!
//! Encoder, decoder and whoever reads only the skeleton go through the same steps. A task numbers
//! sites in the order in which it comes to them, so every process of a program has the same
//! numbers, wherever it was loaded.

use super::columns::{Column, Columns, HOW, REF, SITE, SITES, fold, unfold};
use super::keys::{Key, Keys, mix};
use super::ring::Ring;
use super::{HOW_FAR, HOW_KNOWN, HOW_NEAR, HOW_NEW, IP_RING};
use crate::limits::MAX_SITES;

/// A place in the code from which calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) arch: u32,
    pub(super) ip: u64,
    pub(super) nr: u64,
}

/// The sites of a block, and its tasks.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) tracks: Vec<Track>,
    places: Vec<Place>,
    /// The site that this one was made after, or itself: the same for the same code, wherever it
    /// was loaded.
    roots: Vec<u32>,
    ring: Ring<IP_RING>,
}

/// One task's way through the sites.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// The number of the task in the log.
    pub(super) id: u32,
    /// Sites, in the order in which the task came to them.
    sites: Vec<u32>,
    /// Which site to expect next when one comes that is new to the task.
    expected: u32,
    /// Where the call came from that has not returned yet.
    pub(super) open: Option<u32>,
}

/// How a call's site is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// The task was there before.
    Again(u32),
    /// Another task was.
    Known(u32),
    /// Nobody was, and it is like no other.
    New(Place),
    /// It is the code of another site, loaded elsewhere.
    Moved { of: u32, by: u64 },
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

    /// Reads a site that a task comes to. `None` when there is none like that, or too many.
    pub(super) fn read(&self, columns: &mut [Column<'_>], task: usize) -> Option<Way> {
        let track = self.tracks.get(task)?;
        let local = columns.get_mut(SITE)?.size()?;
        if local != track.sites.len() {
            return Some(Way::Again(*track.sites.get(local)?));
        }
        let how = columns.get_mut(HOW)?.byte()?;
        if how == HOW_NEW {
            let column = columns.get_mut(SITES)?;
            let arch = u32::from_le_bytes(column.array()?);
            let (ip, nr) =
                (u64::from_le_bytes(column.array()?), u64::from_le_bytes(column.array()?));
            return Some(Way::New(Place { arch, ip, nr }));
        }
        let of =
            u32::try_from(unfold(columns.get_mut(REF)?.uint()?, u64::from(track.expected))).ok()?;
        self.get(of)?;
        Some(match how {
            HOW_KNOWN => Way::Known(of),
            HOW_FAR => Way::Moved { of, by: u64::from_le_bytes(columns.get_mut(SITES)?.array()?) },
            near => Way::Moved { of, by: self.ring.get(usize::from(near.checked_sub(HOW_NEAR)?))? },
        })
    }

    /// The task comes to a site. Gives its number; `None` when there are too many.
    pub(super) fn arrive(&mut self, task: usize, way: Way) -> Option<u32> {
        let next = u32::try_from(self.places.len()).ok()?;
        let track = self.tracks.get_mut(task)?;
        let (site, like) = match way {
            Way::Again(site) => return Some(site),
            Way::Known(site) => (site, site),
            Way::New(place) => {
                self.places.push(place);
                self.roots.push(next);
                (next, next)
            }
            Way::Moved { of, by } => {
                let index = usize::try_from(of).ok()?;
                let place = *self.places.get(index)?;
                self.places.push(Place { ip: place.ip.wrapping_add(by), ..place });
                self.roots.push(*self.roots.get(index)?);
                self.ring.note(by);
                (next, of)
            }
        };
        track.sites.push(site);
        track.expected = like.wrapping_add(1);
        (self.places.len() <= MAX_SITES).then_some(site)
    }
}

/// Finds out how to tell sites.
#[derive(Debug)]
pub(super) struct Finder {
    pub(super) places: Places,
    numbers: Keys<Place>,
    /// The last site that lies at the same place in its page and makes the same call.
    shapes: Keys<Place>,
    latest: Vec<u32>,
    /// The numbers that tasks have for sites.
    locals: Keys<Local>,
    local: Vec<u32>,
}

/// A task, and a site that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Local(usize, u32);

/// Code moves by whole pages.
const IN_PAGE: u64 = 0xfff;

impl Finder {
    pub(super) fn new() -> Self {
        Finder {
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

    /// How a task comes to a place. Changes nothing.
    pub(super) fn find(&self, task: usize, place: Place) -> Way {
        if let Some(site) = self.numbers.find(&place) {
            return match self.locals.find(&Local(task, site)) {
                Some(_) => Way::Again(site),
                None => Way::Known(site),
            };
        }
        let like = self
            .shapes
            .find(&place.shape())
            .and_then(|shape| self.latest.get(usize::try_from(shape).ok()?));
        match like.and_then(|&of| Some((of, self.places.get(of)?))) {
            Some((of, known)) => Way::Moved { of, by: place.ip.wrapping_sub(known.ip) },
            None => Way::New(place),
        }
    }

    /// The root that a place has or will have.
    pub(super) fn root_of(&self, way: Way) -> Option<u32> {
        match way {
            Way::Again(site) | Way::Known(site) | Way::Moved { of: site, .. } => {
                self.places.root(site)
            }
            Way::New(_) => u32::try_from(self.places.len()).ok(),
        }
    }

    /// Writes how the task comes to the place, and remembers it.
    pub(super) fn write(
        &mut self,
        columns: &mut Columns,
        task: usize,
        place: Place,
        way: Way,
    ) -> Option<u32> {
        let track = self.places.tracks.get(task)?;
        let count = track.sites.len();
        let like = |columns: &mut Columns, of: u32| {
            columns.uint::<REF>(fold(u64::from(of), u64::from(track.expected)));
        };
        match way {
            Way::Again(site) => {
                let local = self.locals.find(&Local(task, site))?;
                columns.uint::<SITE>(u64::from(*self.local.get(usize::try_from(local).ok()?)?));
                return Some(site);
            }
            Way::Known(of) => {
                columns.byte::<HOW>(HOW_KNOWN);
                like(columns, of);
            }
            Way::New(place) => {
                columns.byte::<HOW>(HOW_NEW);
                columns.bytes::<SITES>(&place.arch.to_le_bytes());
                columns.bytes::<SITES>(&place.ip.to_le_bytes());
                columns.bytes::<SITES>(&place.nr.to_le_bytes());
            }
            Way::Moved { of, by } => {
                match self.places.ring.find(by).and_then(|near| u8::try_from(near).ok()) {
                    Some(near) => columns.byte::<HOW>(HOW_NEAR + near),
                    None => {
                        columns.byte::<HOW>(HOW_FAR);
                        columns.bytes::<SITES>(&by.to_le_bytes());
                    }
                }
                like(columns, of);
            }
        }
        columns.uint::<SITE>(count as u64);
        let site = self.places.arrive(task, way)?;
        self.locals.number(Local(task, site));
        self.local.push(u32::try_from(count).ok()?);
        self.numbers.number(place);
        let (shape, new) = self.shapes.number(place.shape());
        if new {
            self.latest.push(site);
        } else if let Some(latest) = self.latest.get_mut(usize::try_from(shape).ok()?) {
            *latest = site;
        }
        Some(site)
    }
}

impl Place {
    /// What stays of a place when its code is loaded elsewhere.
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
