//! Resolves the paths of calls that change names, or files by their names.

use crate::engine::{BySlot, Call, Context};
use sysreel_abi::places::{PathUse, changed_paths, split_last};
use sysreel_abi::{CallKind, intent};
use sysreel_format::ResolvedPath;
use sysreel_sys::path::{Base, How, Resolver};

/// Adds to the exits of calls where their paths lead.
///
/// At the exit, because the kernel has walked the path itself then: it is in memory, so that the
/// recorder waits for no file system, which may be one that a stopped task provides.
#[derive(Debug)]
pub(super) struct Paths {
    resolver: Resolver,
    how: How,
    pending: BySlot<[Pending; 2]>,
}

/// A path of an open call. Reused, so that a stop allocates nothing.
#[derive(Debug, Default)]
struct Pending {
    text: Vec<u8>,
    wanted: Option<Wanted>,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    arg: u8,
    base: Base,
    does: PathUse,
}

impl Paths {
    pub(super) fn new() -> Paths {
        Paths {
            resolver: Resolver::default(),
            how: How { shares_root: true, may_wait: true },
            pending: BySlot::default(),
        }
    }

    /// Notes that calls were made that are not recorded: tasks may have another root or other
    /// mounts than the recorder, and provide a file system.
    pub(super) fn anything_happened(&mut self) {
        self.how = How { shares_root: false, may_wait: false };
    }

    /// Notes the name of a new descriptor. A task that provides a file system may be stopped, so
    /// that nothing waits for it.
    pub(super) fn named(&mut self, link: &[u8]) {
        if link == b"/dev/fuse" {
            self.how.may_wait = false;
        }
    }

    /// Remembers the paths of a call that begins.
    pub(super) fn begin(&mut self, cx: &Context) {
        let pending = self.pending.get_mut(cx.at.slot);
        pending.iter_mut().for_each(|path| path.wanted = None);
        let Some(&Call { abi, row, args, clone, .. }) = cx.call() else { return };
        self.how.shares_root &= !matches!(row.kind, CallKind::Chroot | CallKind::Namespace)
            && !clone.is_some_and(|flags| flags.new_mounts());
        let paths = changed_paths(abi, row, &args);
        for (path, pending) in paths.into_iter().zip(pending) {
            let Some((arg, does)) = path else { continue };
            let Some(text) = cx.capture.captured(arg.path, 0, 0) else { continue };
            let Some(text) = text.iter().position(|byte| *byte == 0).map(|end| &text[..end]) else {
                continue;
            };
            let (directory, last) = split_last(text);
            // A single name is in the directory where the path begins, and that has a name.
            if text.is_empty() || does == PathUse::Name && directory.is_empty() && !last.is_empty()
            {
                continue;
            }
            let dirfd = arg.dirfd.and_then(|at| abi.args(&args).get(usize::from(at)).copied());
            let base = match dirfd {
                _ if text.starts_with(b"/") => Base::Root,
                Some(fd) if !intent::is_cwd(fd) => {
                    let fd = u32::try_from(fd & 0xffff_ffff).unwrap_or(u32::MAX);
                    Base::Fd(fd.cast_signed())
                }
                _ => Base::Cwd,
            };
            pending.text.clear();
            pending.text.extend_from_slice(text);
            pending.wanted = Some(Wanted { arg: arg.path, base, does });
        }
    }

    /// Adds where the paths of a call that ends lead.
    pub(super) fn end(&mut self, cx: &mut Context, is_error: bool) {
        let Paths { resolver, how, pending } = self;
        for path in pending.get_mut(cx.at.slot) {
            let Some(Wanted { arg, base, does }) = path.wanted.take() else { continue };
            let (tid, text) = (cx.at.tid, path.text.as_slice());
            let (directory, last) = split_last(text);
            let whole = match does {
                PathUse::WorkingDirectory | PathUse::Root if is_error => continue,
                PathUse::WorkingDirectory => Some(resolver.base(tid, Base::Cwd)),
                PathUse::Root => Some(resolver.base(tid, Base::Root)),
                PathUse::Name if !last.is_empty() => None,
                PathUse::Name | PathUse::File => Some(resolver.resolve(tid, base, text, *how)),
            };
            let is_missing = |e: i32| intent::is_not_found(i64::from(e).wrapping_neg(), true);
            let (found, whole) = match whole {
                Some(Err(e)) if !is_missing(e) || last.is_empty() => (Err(e), true),
                Some(Ok(())) => (Ok(()), true),
                // Where there is no file, its directory may be.
                _ => {
                    let directory: &[u8] = if directory.is_empty() { b"." } else { directory };
                    (resolver.resolve(tid, base, directory, *how), false)
                }
            };
            let (link, errno) = match found {
                Ok(()) => (resolver.link(), 0),
                Err(e) => (&b""[..], e.cast_unsigned()),
            };
            cx.log.row().path(&ResolvedPath { arg, whole, errno, link });
        }
    }
}
