//! Free space on the disk of the cache.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::MinFree;

/// The usual free space to leave, unless a twentieth of the disk is less.
const USUAL_MIN_FREE: u64 = 256 * 1024 * 1024;

/// The time between two warnings.
const QUIET: Duration = Duration::from_secs(60);

/// Watches the free space of a disk.
pub(super) struct Room {
    min_free: MinFree,
    /// The sizes of the files that are being written.
    reserved: Arc<AtomicU64>,
    warned: Mutex<Option<Instant>>,
}

/// The space of a file that is being written.
pub(super) struct Reservation {
    reserved: Arc<AtomicU64>,
    size: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reserved.fetch_sub(self.size, Ordering::Relaxed);
    }
}

/// The space of a disk, in bytes.
struct Space {
    free: u64,
    total: u64,
}

impl Room {
    pub(super) fn new(min_free: MinFree) -> Self {
        Self {
            min_free,
            reserved: Arc::default(),
            warned: Mutex::default(),
        }
    }

    /// Reserves space for a file that will be written.
    pub(super) fn reserve(&self, size: u64) -> Reservation {
        self.reserved.fetch_add(size, Ordering::Relaxed);
        let reserved = Arc::clone(&self.reserved);
        Reservation { reserved, size }
    }

    /// Returns how many bytes must become free for the reserved files. Bytes that these files already have count twice.
    pub(super) fn missing(&self, directory: &Path) -> io::Result<u64> {
        let Space { free, total } = match self.min_free {
            MinFree::None => return Ok(0),
            _ => space(directory)?,
        };
        let min_free = match self.min_free {
            MinFree::Bytes(bytes) => bytes,
            _ => USUAL_MIN_FREE.min(total / 20),
        };
        let reserved = self.reserved.load(Ordering::Relaxed);
        Ok(reserved.saturating_add(min_free).saturating_sub(free))
    }

    /// Returns whether a full disk should be reported now.
    pub(super) fn is_warning_due(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = warned.is_none_or(|warned| warned.elapsed() >= QUIET);
        if is_due {
            *warned = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(unix)]
fn space(directory: &Path) -> io::Result<Space> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(Space {
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        total: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

#[cfg(not(unix))]
fn space(_directory: &Path) -> io::Result<Space> {
    Ok(Space {
        free: u64::MAX,
        total: 0,
    })
}
