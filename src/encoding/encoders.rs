//! Threads that compress the frames of layers.
//!
//! ```text
//! compress() -> one job a frame, in order -> encoding threads -> frames in any order -> the caller writes them in order
//! ```
//!
//! All layers share the threads, so one large layer uses all of them, and many layers too. A frame waits in memory
//! until the caller has written the frames before it. A memory limit bounds the frames that are begun but not written.
//! Jobs start in order, so the first unwritten frame of a layer is always in work, and the limit cannot block it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use zstd_safe::compress_bound;

use super::frames::{Frames, MAX_FRAME_CONTENT, content_ranges};
use super::{Level, compress_frame, max_stored};
use crate::source::{RangesReader, Source};

/// The maximum memory of all encoders and waiting frames together, in bytes, on any number of processors.
const BUDGET_BYTES: usize = 48 * 1024 * 1024;

/// Threads that compress layers. Dropping this ends each thread after its last frame.
pub struct Encoders {
    level: Level,
    jobs: Sender<Job>,
}

impl Encoders {
    /// Starts as many threads as fit the processors and the memory for a level.
    pub fn start(level: Level) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let bytes = level.encoder_bytes() + MAX_FRAME_CONTENT as usize;
        Self::with_threads(level, processors.min(BUDGET_BYTES / bytes))
    }

    /// Starts a number of threads, at least one.
    pub fn with_threads(level: Level, threads: usize) -> Self {
        let threads = threads.max(1);
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let memory = Arc::new(Memory::new(threads as u64 * MAX_FRAME_CONTENT));
        for _ in 0..threads {
            let (queue, memory) = (Arc::clone(&queue), Arc::clone(&memory));
            thread::spawn(move || {
                while let Some((job, space)) = next(&queue, &memory) {
                    job.run(space);
                }
            });
        }
        Self { level, jobs }
    }

    /// Returns the compression level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Compresses a content at one of zstd's levels. This thread passes the frames to `write` in order.
    ///
    /// Returns nothing if the frames would not save a tenth of the content. The caller then discards the written
    /// frames and stores the content itself.
    pub fn compress(
        &self,
        content: Arc<dyn Source + Send>,
        level: u8,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Option<Frames>> {
        let size = content.size()?;
        let layer = Arc::new(Layer {
            content,
            level,
            most: max_stored(size),
            stored: AtomicU64::new(0),
        });
        let (done, finished) = mpsc::channel();
        let mut count = 0;
        for (index, range) in content_ranges(size).enumerate() {
            let (layer, done) = (Arc::downgrade(&layer), done.clone());
            let job = Job {
                layer,
                index,
                range,
                done,
            };
            self.jobs.send(job).map_err(|_| stopped())?;
            count += 1;
        }
        drop(done);
        let (mut waiting, mut sizes) = (BTreeMap::new(), Vec::new());
        for Finished { index, frame } in finished {
            let Some(frame) = frame? else {
                return Ok(None);
            };
            waiting.insert(index, frame);
            while let Some(frame) = waiting.remove(&sizes.len()) {
                write(&frame.bytes)?;
                sizes.push(frame.bytes.len() as u64);
            }
        }
        match sizes.len() == count {
            true => Ok(Some(Frames::encoded(sizes))),
            false => Err(stopped()),
        }
    }
}

/// The channel closes if a thread panicked.
fn stopped() -> io::Error {
    io::Error::other("an encoder stopped")
}

/// Waits for the next job and for memory for its frame. Returns nothing at the end.
fn next(queue: &Mutex<Receiver<Job>>, memory: &Arc<Memory>) -> Option<(Job, Space)> {
    // A thread holds the lock while it waits, so that jobs get their memory in order.
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let job = queue.recv().ok()?;
    let space = memory.reserve(job.range.end - job.range.start);
    Some((job, space))
}

/// A layer in work. The caller drops it when it stops, and the remaining jobs then do nothing.
struct Layer {
    content: Arc<dyn Source + Send>,
    level: u8,
    /// The maximum number of bytes of all frames together.
    most: u64,
    /// The bytes of all frames so far.
    stored: AtomicU64,
}

/// A frame to compress.
struct Job {
    layer: Weak<Layer>,
    index: usize,
    /// The range of the content.
    range: Range<u64>,
    done: Sender<Finished>,
}

struct Finished {
    index: usize,
    /// The frame. `None` if the layer's frames have too many bytes.
    frame: io::Result<Option<Frame>>,
}

struct Frame {
    bytes: Vec<u8>,
    _space: Space,
}

impl Job {
    fn run(self, mut space: Space) {
        let Some(layer) = self.layer.upgrade() else {
            return;
        };
        let frame = layer.frame(self.range).map(|bytes| {
            bytes.map(|bytes| {
                space.shrink(bytes.len() as u64);
                Frame {
                    bytes,
                    _space: space,
                }
            })
        });
        let index = self.index;
        let _caller_may_be_gone = self.done.send(Finished { index, frame });
    }
}

impl Layer {
    fn frame(&self, range: Range<u64>) -> io::Result<Option<Vec<u8>>> {
        let size = range.end - range.start;
        let mut content = RangesReader::new(self.content.as_ref(), [range]);
        // A frame that grows would move, and need its memory twice. Memory that is not written to costs nothing.
        let bound = compress_bound(usize::try_from(size).unwrap_or_default());
        let mut frame = Vec::with_capacity(bound);
        let is_complete = compress_frame(&mut content, size, self.level, &mut |bytes| {
            frame.extend_from_slice(bytes);
            let added = bytes.len() as u64;
            Ok(self.stored.fetch_add(added, Ordering::Relaxed) + added <= self.most)
        })?;
        Ok(is_complete.then_some(frame))
    }
}

/// The memory for frames.
struct Memory {
    free: Mutex<u64>,
    freed: Condvar,
}

impl Memory {
    fn new(bytes: u64) -> Self {
        Self {
            free: Mutex::new(bytes),
            freed: Condvar::new(),
        }
    }

    fn free(&self) -> MutexGuard<'_, u64> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a number of bytes is free, and reserves them.
    fn reserve(self: &Arc<Self>, bytes: u64) -> Space {
        let free = self.free();
        let waited = self.freed.wait_while(free, |free| *free < bytes);
        *waited.unwrap_or_else(PoisonError::into_inner) -= bytes;
        Space {
            memory: Arc::clone(self),
            bytes,
        }
    }
}

/// Reserved memory. It is free again when this is dropped.
struct Space {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Space {
    /// Keeps at most a number of bytes.
    fn shrink(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        *self.memory.free() += surplus;
        self.memory.freed.notify_one();
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.shrink(0);
    }
}
