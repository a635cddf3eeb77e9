//! Whether somebody wrote to a file, as the kernel tells: times alone do not say so, since they can be set back,
//! and since two writes within one tick of the clock leave the same.

use std::fs::File;

/// Notes each write to a file from the facts it was made. It sees writes through this machine's kernel, but not
/// those through a map of another process.
#[derive(Debug)]
pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    queue: std::os::fd::OwnedFd,
    /// A write was told of before; the queue tells of each once.
    #[cfg(target_os = "linux")]
    seen: std::sync::atomic::AtomicBool,
}

#[cfg(target_os = "linux")]
impl Watch {
    /// Watches the file; `None` where that cannot be had.
    pub(super) fn new(file: &File) -> Option<Self> {
        use rustix::fs::inotify;
        use std::os::fd::AsRawFd as _;

        if is_remote(file) {
            return None;
        }
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let queue = inotify::init(flags).ok()?;
        // By its number, since the name may lead to another file by now.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        inotify::add_watch(&queue, path, inotify::WatchFlags::MODIFY).ok()?;
        Some(Self {
            queue,
            seen: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// True when the file was written to, or when that cannot be determined any more.
    pub(super) fn saw_a_write(&self) -> bool {
        use std::sync::atomic::Ordering;

        let mut buffer = [std::mem::MaybeUninit::uninit(); 1024];
        let mut events = rustix::fs::inotify::Reader::new(&self.queue, &mut buffer);
        if !matches!(events.next(), Err(rustix::io::Errno::AGAIN)) {
            self.seen.store(true, Ordering::Relaxed);
        }
        self.seen.load(Ordering::Relaxed)
    }
}

/// File systems that others may write to without this machine's kernel.
#[cfg(target_os = "linux")]
fn is_remote(file: &File) -> bool {
    const REMOTE: [u64; 9] = [
        0x6969,      // NFS
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB2
        0x517b,      // SMB
        0x6573_5546, // FUSE
        0x0102_1997, // 9p
        0x00c3_6400, // Ceph
        0x0bd0_0bd0, // Lustre
        0x4750_4653, // GPFS
    ];
    rustix::fs::fstatfs(file).map_or(true, |found| {
        u64::try_from(found.f_type).is_ok_and(|kind| REMOTE.contains(&(kind & 0xffff_ffff)))
    })
}

#[cfg(not(target_os = "linux"))]
impl Watch {
    pub(super) fn new(_: &File) -> Option<Self> {
        None
    }

    pub(super) fn saw_a_write(&self) -> bool {
        true
    }
}
