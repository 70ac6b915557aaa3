//! What paths mean to a task, and the calls that change it: they change working directories and
//! roots, rename and remove, mount, and enter namespaces.

use sysreel_abi::places::{self, PathArg};
use sysreel_abi::{CallKind, MountChange, NamespaceChange, path_args};
use sysreel_format::{Part, Parts, TaskId};

use super::context::TaskContext;
use super::mounts::{Location, Walked};
use super::open_call::OpenCall;
use super::paths::{PATH_MAX, resolve};
use super::resolved_call::{ResolvedCall, region};
use super::tracker::Tracker;
use crate::regions::Buffers;
use crate::text::until_nul;
use std::rc::Rc;

/// A call that ended: resolved, what it began with, the parts of its exit.
type Ended<'a> = (&'a ResolvedCall, &'a OpenCall, Parts<'a>, &'a dyn Buffers);

impl Tracker {
    /// Writes the full path of the file that `path` means to a task, relative to `dirfd` if
    /// given: the path from the root of the first process, also after chroot(2) and pivot_root(2),
    /// and after a directory above the working directory was renamed. A relative path stays
    /// relative if the place where it begins is not in the log. Symbolic links are not followed.
    pub fn path(&self, id: TaskId, dirfd: Option<u64>, path: &[u8], out: &mut Vec<u8>) {
        out.clear();
        match self.walk(id, dirfd, path) {
            Some(walked) => walked.write_full_path(out),
            None => resolve(b"", path, out),
        }
    }

    /// As [`Self::path`], for an argument of a call: it means what it meant at the entry of the
    /// call. `below`: the path does not leave the directory where it begins, and an absolute one
    /// begins there too.
    pub(crate) fn path_of_argument(
        &self,
        id: TaskId,
        open: &OpenCall,
        (dirfd, path): (Option<u64>, &[u8]),
        below: bool,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        let begins = self.base(id, Some(open), dirfd, if below { b"" } else { path });
        match begins {
            Some((base, _)) if below => base.walk(&base, path).write_full_path(out),
            Some((base, root)) => base.walk(&root, path).write_full_path(out),
            None => resolve(b"", path, out),
        }
    }

    /// Writes the full path of the file that an argument of an ended call means. `parts` are those
    /// of its exit, which show where the path leads through symbolic links; without them it is as
    /// for [`Self::path`].
    pub(crate) fn path_of_call(
        &self,
        id: TaskId,
        (call, open): (&ResolvedCall, &OpenCall),
        arg: PathArg,
        (path, parts): (&[u8], Parts<'_>),
        out: &mut Vec<u8>,
    ) {
        out.clear();
        match self.walk_through(id, (call, open), arg, (path, parts)) {
            Some(walked) => walked.write_full_path(out),
            None => resolve(b"", path, out),
        }
    }

    /// Follows the path of an argument, from where the recorder found that it leads, if it did.
    fn walk_through<'p>(
        &self,
        id: TaskId,
        (call, open): (&ResolvedCall, &OpenCall),
        arg: PathArg,
        (path, parts): (&'p [u8], Parts<'_>),
    ) -> Option<Walked<'p>> {
        let begins = self.base(id, Some(open), dirfd(call, arg), path);
        let found = parts.flatten().find_map(|part| match part {
            Part::Path(found) if found.arg == arg.path && found.errno == 0 => Some(found),
            _ => None,
        });
        let Some(found) = found else {
            let (base, root) = begins?;
            return Some(base.walk(&root, path));
        };
        let base = match begins {
            Some((base, _)) => base,
            None => self.context(id)?.places.borrow().root.clone(),
        };
        let place = base.at_link(found.link, false);
        Some(match found.whole {
            true => Walked { at: place, rest: Vec::new() },
            // A single component, which is no way up.
            false => place.walk(&place, places::split_last(path).1),
        })
    }

    /// Returns the place where a path begins, and the root of the task: those at the entry of a
    /// call, if the path is an argument of one.
    fn base(
        &self,
        id: TaskId,
        open: Option<&OpenCall>,
        dirfd: Option<u64>,
        path: &[u8],
    ) -> Option<(Location, Location)> {
        base_in(self.context(id)?, open, dirfd, path)
    }

    fn walk<'p>(&self, id: TaskId, dirfd: Option<u64>, path: &'p [u8]) -> Option<Walked<'p>> {
        let (base, root) = self.base(id, None, dirfd, path)?;
        Some(base.walk(&root, path))
    }

    /// Returns the place whose links are like those of the files that a call opens: that of the
    /// directory where its path begins.
    pub(super) fn place_of_links(
        &self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
    ) -> Option<Location> {
        let arg = path_args(call.row)[0].filter(|_| call.row.kind == CallKind::Open);
        let begins = arg.and_then(|arg| {
            let bytes = open.memory.find(arg.path, call.role, 0)?.inline()?;
            self.base(id, Some(open), dirfd(call, arg), bytes)
        });
        match begins {
            Some((base, _)) => Some(base),
            None => Some(self.context(id)?.places.borrow().root.clone()),
        }
    }

    /// Whether the path of a call ends in the mark of a removed file, so that the name of the file
    /// does too.
    pub(super) fn names_mark(call: &ResolvedCall, open: &OpenCall) -> bool {
        let arg = path_args(call.row)[0];
        let region = arg.and_then(|arg| open.memory.find(arg.path, call.role, 0));
        let bytes = region.and_then(|region| region.inline());
        bytes.is_some_and(|bytes| until_nul(bytes).ends_with(b" (deleted)"))
    }

    /// Calls `apply` with the place that a path argument means.
    fn with_path<T>(
        &self,
        id: TaskId,
        (call, open, parts, buffers): Ended<'_>,
        at: usize,
        apply: impl FnOnce(Walked<'_>) -> Option<T>,
    ) -> Option<T> {
        let arg = path_args(call.row).get(at).copied().flatten()?;
        let bytes = open.memory.find(arg.path, call.role, 0)?.bytes(buffers, PATH_MAX)?;
        apply(self.walk_through(id, (call, open), arg, (until_nul(&bytes), parts))?)
    }

    /// Returns the place that a path argument means.
    fn located(&self, id: TaskId, with: Ended<'_>, at: usize) -> Option<Location> {
        self.with_path(id, with, at, |walked| walked.locate())
    }

    /// Applies a call that succeeded.
    pub(super) fn apply_to_directories(
        &mut self,
        id: TaskId,
        call: &ResolvedCall,
        open: &OpenCall,
        parts: Parts<'_>,
        buffers: &dyn Buffers,
    ) {
        let with = (call, open, parts, buffers);
        match call.row.kind {
            CallKind::Chdir => {
                let cwd = self.located(id, with, 0);
                self.with_places(id, |places| places.cwd = cwd);
            }
            CallKind::Fchdir => {
                let file = call.fd(0).and_then(|fd| self.argument_file(id, open, fd));
                let cwd = file.and_then(|file| file.place.borrow().clone());
                self.with_places(id, |places| places.cwd = cwd);
            }
            CallKind::Chroot => {
                if let Some(root) = self.located(id, with, 0) {
                    self.with_places(id, |places| places.root = root);
                }
            }
            CallKind::Rename => self.rename(id, with),
            CallKind::Unlink | CallKind::Rmdir => {
                _ = self.with_path(id, with, 0, |name| {
                    let entry = &name.known()?.entry;
                    entry.parent().map(|_| entry.remove())
                });
            }
            CallKind::Mount => self.mount(id, with),
            CallKind::Namespace => self.change_namespaces(id, call, open),
            CallKind::Other if places::returns_cwd(call.row) => {
                let bytes = region(parts, 0, call.role, 0).map(until_nul);
                self.confirm_cwd(id, bytes.unwrap_or_default());
            }
            _ => {}
        }
    }

    /// Takes over the working directory that getcwd(2) returned: symbolic links are not in the log.
    /// Outside the root it begins with `(unreachable)`.
    fn confirm_cwd(&self, id: TaskId, name: &[u8]) {
        if name.first() == Some(&b'/') {
            self.with_places(id, |places| {
                let walked = places.root.walk(&places.root, name);
                if walked.known().is_none() || walked.known() != places.cwd.as_ref() {
                    places.cwd = walked.locate();
                }
            });
        }
    }

    fn rename(&self, id: TaskId, with: Ended<'_>) {
        let (call, ..) = with;
        let found = |at| {
            self.with_path(id, with, at, |name| match name.known() {
                // A root has no name in a directory.
                Some(place) => {
                    Some((Some(place.entry.clone()), place.entry.parent()?, place.entry.name()))
                }
                None => {
                    let Walked { at, mut rest } = name;
                    let last = rest.pop()?;
                    Some((None, Walked { at, rest }.locate()?.entry, Rc::from(last)))
                }
            })
        };
        let (Some((old, old_parent, old_name)), Some((new, new_parent, new_name))) =
            (found(0), found(1))
        else {
            return;
        };
        if old.is_some() && old == new {
            return;
        }
        let exchanged = new.filter(|_| places::exchanges(call.abi, call.row, &call.args));
        match (&old, &exchanged) {
            (Some(old), _) => old.move_to(&new_parent, &new_name),
            // Nothing refers to what got the name.
            (None, None) => _ = new_parent.entry(&new_name).map(|replaced| replaced.remove()),
            (None, Some(_)) => {}
        }
        if let Some(new) = exchanged {
            new.move_to(&old_parent, &old_name);
        }
    }

    fn mount(&mut self, id: TaskId, with: Ended<'_>) {
        let (call, ..) = with;
        let place = |at| self.located(id, with, at);
        match places::mount_change(call.abi, call.row, &call.args) {
            Some(MountChange::Attach) => {
                if let Some(on) = place(1) {
                    on.mounts.borrow_mut().attach(&on.entry);
                }
            }
            Some(MountChange::Move) => {
                if let (Some(from), Some(to)) = (place(0), place(1)) {
                    to.mounts.borrow_mut().relocate(&from.entry, &to.entry);
                }
            }
            Some(MountChange::Detach) => {
                if let Some(mount) = place(0) {
                    mount.mounts.borrow_mut().detach(&mount.entry);
                }
            }
            Some(MountChange::PivotRoot) => {
                if let (Some(root), Some(old)) = (place(0), place(1)) {
                    self.pivot_root(&root, &old);
                }
            }
            None => {}
        }
    }

    /// Moves the root of a mount namespace. Every process whose root or working directory was the
    /// old root gets the new one (chroot_fs_refs, fs/fs_struct.c).
    fn pivot_root(&self, root: &Location, put_old: &Location) {
        let old = root.mounts.borrow_mut().pivot(&root.entry, &put_old.entry);
        let was_root = Location { entry: old, mounts: Rc::clone(&root.mounts) };
        for (_, task) in self.tasks() {
            let Some(context) = &task.context else { continue };
            let mut places = context.places.borrow_mut();
            if places.root == was_root {
                places.root = root.clone();
            }
            if places.cwd.as_ref() == Some(&was_root) {
                places.cwd = Some(root.clone());
            }
        }
    }

    fn change_namespaces(&mut self, id: TaskId, call: &ResolvedCall, open: &OpenCall) {
        match places::namespace_change(call.abi, call.row, &call.args) {
            Some(NamespaceChange::Unshare(flags)) => {
                // unshare(2): these imply CLONE_FS.
                if flags.fs() || flags.new_mounts() || flags.new_users() {
                    self.unshare_places(id);
                }
                if flags.files() {
                    self.unshare_files(id);
                }
                if flags.new_mounts() {
                    self.with_places(id, super::Places::unshare_mounts);
                }
            }
            Some(NamespaceChange::Join { fd, kinds }) => {
                let Some(file) = self.argument_file(id, open, fd) else { return };
                let about = file.about.get();
                let mounts = if about != 0 {
                    let (other, _) = self.tasks().find(|(_, task)| task.tgid == about).unzip();
                    let other = other.filter(|_| kinds.new_mounts());
                    let context = other.and_then(|other| self.context(other));
                    context.map(|context| Rc::clone(&context.places.borrow().root.mounts))
                } else if file.link.starts_with(b"mnt:[") || kinds.new_mounts() {
                    // The inode of a namespace is its number (ioctl_ns(2)).
                    self.processes.as_mut().map(|p| p.namespace(Some(file.id.1), None))
                } else {
                    None
                };
                if let Some(mounts) = mounts {
                    self.with_places(id, |places| places.enter(&mounts));
                }
            }
            None => {}
        }
    }
}

fn dirfd(call: &ResolvedCall, arg: PathArg) -> Option<u64> {
    arg.dirfd.and_then(|at| call.args.get(usize::from(at)).copied())
}

/// Returns where a path begins for a task, and the root of the task. An argument begins where it
/// did at the entry of its call; but the working directory of the first program is known only once
/// it runs.
fn base_in(
    context: &TaskContext,
    open: Option<&OpenCall>,
    dirfd: Option<u64>,
    path: &[u8],
) -> Option<(Location, Location)> {
    let now = context.places.borrow();
    let kept = open.and_then(|open| open.places.as_ref()).filter(|places| places.cwd.is_some());
    let places = kept.unwrap_or(&now);
    let root = places.root.clone();
    if path.first() == Some(&b'/') {
        return Some((root.clone(), root));
    }
    let fd = dirfd.filter(|fd| !sysreel_abi::intent::is_cwd(*fd));
    let base = match fd {
        Some(fd) => {
            let fd = i32::try_from(fd & 0xffff_ffff).ok()?;
            let file = match open {
                Some(open) => open.argument_file(context, fd)?,
                None => Rc::clone(context.files.borrow().get(fd)?),
            };
            file.place.borrow().clone()
        }
        None => places.cwd.clone(),
    };
    Some((base?, root))
}
