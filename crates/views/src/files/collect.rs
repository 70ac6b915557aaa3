//! Collects the paths of a log.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;

use foldhash::fast::RandomState;
use sysreel_inspect::calls::{Item, Task};

use super::counts::{Errors, UseNames, Uses};
use super::search::{Ended, Searches, Seeker};
use super::{By, File, Files, Options, Search, Which};
use crate::bounded::MAX_ENTRIES;
use crate::nodes::{Nodes, Place};
use crate::pool::{Bytes, Pool};
use crate::select::{Collect, Looker, Names, Needs};
use crate::touches::{self, Outcome, Touch, Touches, is_path};

/// The most programs of a path that are kept.
const MOST_BY: usize = 8;

/// What is kept of a path.
#[derive(Debug, Default)]
struct Entry {
    uses: Uses,
    not_found: u32,
    errors: Errors,
    bytes_read: u64,
    bytes_written: u64,
    leads_to: Option<Bytes>,
    renamed_to: Option<Bytes>,
    renamed_from: Option<Bytes>,
    changed: bool,
    first: Option<Place>,
    last: Option<Place>,
    by: Vec<(u32, touches::Uses)>,
    more_by: u32,
}

/// Collects paths.
pub(super) struct Collector<'o> {
    options: &'o Options,
    nodes: Nodes,
    pool: Pool,
    touches: Touches,
    /// By path, and whether the log has only its beginning.
    entries: HashMap<(Bytes, bool), Entry, RandomState>,
    searches: Searches,
    left_out: u64,
    latest: Place,
}

impl<'o> Collector<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self {
            options,
            nodes: Nodes::new(false),
            pool: Pool::default(),
            touches: Touches::default(),
            entries: HashMap::default(),
            searches: Searches::default(),
            left_out: 0,
            latest: Place { event: 0, t_ns: 0 },
        }
    }

    fn touched(&mut self, task: Task<'_>, (at, call): (Place, &'static str), touch: &Touch) {
        let node = self.nodes.of(task, self.latest);
        let seeker = Seeker { task: task.id(), node, event: at.event, call };
        if !touch.is_cut {
            self.searches.lookup(seeker, touch, &mut self.pool);
        }
        let wanted = is_outside(&self.options.outside, &touch.path)
            && match self.options.which {
                Which::All => true,
                Which::Missing => matches!(touch.outcome, Outcome::NotFound(_)),
                Which::Writes => touch.changes(),
            };
        if !wanted {
            return;
        }
        let has_room = self.entries.len() < MAX_ENTRIES;
        let key = self.pool.keep(&touch.path).map(|path| (path, touch.is_cut));
        let entry = match key.map(|key| self.entries.entry(key)) {
            Some(Slot::Occupied(known)) => known.into_mut(),
            Some(Slot::Vacant(new)) if has_room => new.insert(Entry::default()),
            _ => {
                self.left_out = self.left_out.saturating_add(1);
                return;
            }
        };
        let other = touch.other.as_ref().and_then(|other| self.pool.keep(other));
        entry.add(node, at, touch, other);
    }
}

impl Collect for Collector<'_> {
    type Result = Files;

    fn needs(&self) -> Needs {
        Needs::FILES
    }

    fn finish(mut self) -> Files {
        for task in self.searches.tasks() {
            self.searches.task_ends(task, None);
        }
        let nodes = &self.nodes;
        let mut files: Vec<File> =
            self.entries.into_iter().map(|(key, entry)| entry.into_file(key, nodes)).collect();
        files.sort_by(|a, b| (&a.path, a.is_cut).cmp(&(&b.path, b.is_cut)));
        let which = self.options.which;
        let mut searches: Vec<Search> = match which {
            Which::Writes => Vec::new(),
            Which::All | Which::Missing => {
                let all = self.searches.ended.into_iter().map(|ended| search(ended, nodes));
                all.filter(|search| is_search_outside(&self.options.outside, search)).collect()
            }
        };
        searches.sort_by(|a, b| {
            (Reverse(a.times), a.first_event, &a.name).cmp(&(
                Reverse(b.times),
                b.first_event,
                &b.name,
            ))
        });
        let left_out = self.left_out.saturating_add(self.searches.left_out);
        Files { files, searches, left_out, which }
    }
}

impl Looker for Collector<'_> {
    fn names(&self) -> Names {
        Names::ALL
    }

    fn item(&mut self, item: &Item<'_>, selected: bool) {
        if let Some(event) = item.event() {
            self.latest = Place::of(&event);
        }
        self.nodes.note(item, &mut self.pool);
        match item {
            Item::Call(call) => {
                let touches = self.touches.of(call);
                let at = Place { event: call.number(), t_ns: call.start().as_nanos() };
                let by = (at, call.row().map_or("", |row| row.name));
                for touch in touches.iter().filter(|_| selected) {
                    self.touched(call.task(), by, touch);
                }
            }
            // The kernel maps the program and its loader.
            Item::Exec(exec) if selected => {
                let maps = exec.found.maps.iter().map(|mapping| &*mapping.path);
                let mut paths: Vec<&[u8]> = maps.filter(|path| is_path(path)).collect();
                paths.sort_unstable();
                paths.dedup();
                let called = exec.call().and_then(|call| call.paths().next());
                let called = called.filter(|path| !path.written().is_empty() && !path.is_cut());
                let called = called.map(|path| path.full());
                let executes = exec.call().is_some();
                for path in paths {
                    // Another program than the call names: the target of a link, that of a
                    // descriptor, or the interpreter of a script.
                    let is_program = executes && path == exec.found.exe;
                    let is_other = called.as_deref() != Some(path);
                    let touch = Touch::mapped(path, is_program && is_other);
                    self.touched(exec.task, (Place::of(&exec.event), "execve"), &touch);
                }
            }
            Item::TaskEnd(at) => {
                let node = self.nodes.of(at.task, self.latest);
                self.searches.task_ends(at.task.id(), node);
            }
            _ => {}
        }
    }
}

impl Entry {
    fn add(&mut self, node: Option<u32>, at: Place, touch: &Touch, other: Option<Bytes>) {
        if self.first.is_none_or(|first| at.event < first.event) {
            self.first = Some(at);
        }
        if self.last.is_none_or(|last| at.event > last.event) {
            self.last = Some(at);
        }
        let mut uses = touches::Uses::default();
        match touch.outcome {
            Outcome::Done => {
                uses = touch.uses;
                self.uses.add(uses);
            }
            Outcome::NotFound(_) => self.not_found = self.not_found.saturating_add(1),
            Outcome::Failed(errno) => self.errors.add(errno),
        }
        self.bytes_read = self.bytes_read.saturating_add(touch.bytes_read);
        self.bytes_written = self.bytes_written.saturating_add(touch.bytes_written);
        self.changed |= touch.changes();
        if touch.outcome == Outcome::Done {
            let place = if touch.uses.any(touches::Uses::RENAME_AWAY) {
                &mut self.renamed_to
            } else if touch.uses.any(touches::Uses::RENAME_HERE) {
                &mut self.renamed_from
            } else {
                &mut self.leads_to
            };
            if other.is_some() {
                *place = other;
            }
        }
        let Some(node) = node else { return };
        let has_room = self.by.len() < MOST_BY;
        match self.by.iter_mut().find(|(known, _)| *known == node) {
            Some((_, known)) => *known = *known | uses,
            None if has_room => self.by.push((node, uses)),
            None => self.more_by = self.more_by.saturating_add(1),
        }
    }

    fn into_file(self, (path, is_cut): (Bytes, bool), nodes: &Nodes) -> File {
        let by = self.by.into_iter().filter_map(|(node, uses)| by(node, UseNames(uses), nodes));
        let [first, last] =
            [self.first, self.last].map(|at| at.map_or((0, 0), |at| (at.event, at.t_ns)));
        File {
            path,
            is_cut,
            uses: self.uses,
            not_found: self.not_found.into(),
            errors: self.errors,
            bytes_read: self.bytes_read,
            bytes_written: self.bytes_written,
            leads_to: self.leads_to,
            renamed_to: self.renamed_to,
            renamed_from: self.renamed_from,
            changed: self.changed,
            first_event: first.0,
            last_event: last.0,
            first_ns: first.1,
            last_ns: last.1,
            by: by.collect(),
            more_by: self.more_by.into(),
        }
    }
}

fn by(node: u32, uses: UseNames, nodes: &Nodes) -> Option<By> {
    let of = nodes.get(node)?;
    Some(By { node, pid: of.pid, exec: of.exec, exe: of.program.exe.clone(), uses })
}

fn search(ended: Ended, nodes: &Nodes) -> Search {
    let by = ended.by.into_iter().filter_map(|node| by(node, UseNames::default(), nodes));
    Search {
        name: ended.name,
        tried: ended.tried,
        more_tried: ended.more_tried,
        found: ended.found,
        times: ended.times,
        first_event: ended.first_event,
        by: by.collect(),
        more_by: ended.more_by,
    }
}

/// Whether a path is below none of these directories.
fn is_outside(directories: &[Vec<u8>], path: &[u8]) -> bool {
    !directories.iter().any(|directory| {
        let directory = directory.strip_suffix(b"/").unwrap_or(directory);
        path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    })
}

/// Whether a search looked at a path that is below none of these directories.
fn is_search_outside(directories: &[Vec<u8>], search: &Search) -> bool {
    let tried = search.tried.iter().map(|tried| &tried.directory);
    tried.chain(&search.found).any(|directory| {
        let path = [directory.as_bytes(), b"/", search.name.as_bytes()].concat();
        is_outside(directories, &path)
    })
}

#[cfg(test)]
mod tests {
    use super::is_outside;

    #[test]
    fn whole_names_are_compared() {
        for (directory, path, outside) in [
            ("/a", "/a/b", false),
            ("/a/", "/a", false),
            ("/a", "/ab", true),
            ("/", "/x", false),
            ("/a", "b", true),
        ] {
            let directories = [directory.as_bytes().to_vec()];
            assert_eq!(is_outside(&directories, path.as_bytes()), outside, "{directory} {path}");
        }
        assert!(is_outside(&[], b"/a"));
    }
}
