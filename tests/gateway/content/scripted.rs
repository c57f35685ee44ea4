//! Artifacts in memory, and a store of them that does what it is told.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use wharf::artifact::{self, SplitManifest};
use wharf::content::BlobOrigin;
use wharf::digest::{Digest, Identity};
use wharf::encoding::{EncodedBlob, EncodedLayer, Encoding, Frames, compress};
use wharf::gateway::content::Component;
use wharf::manifest::{Annotations, Config, Descriptor};
use wharf::reference::Name;
use wharf::section::map;
use wharf::split::{SplitPolicy, identify, plan};
use wharf::store::{ByteStream, Error, RawManifest, Store, Subject};

/// A component and its split form.
#[derive(Clone)]
pub(crate) struct Artifact {
    pub(crate) bytes: Vec<u8>,
    pub(crate) config: Config,
    pub(crate) stored: Vec<EncodedBlob>,
    pub(crate) manifest: Arc<SplitManifest>,
    pub(crate) blobs: HashMap<Digest, Vec<u8>>,
}

impl Artifact {
    /// Splits a component. Layers are frames where that saves a tenth.
    pub(crate) fn of(bytes: Vec<u8>, policy: &SplitPolicy) -> Self {
        let map = map(&bytes, policy.floor).unwrap();
        let plan = plan(&map, policy);
        let config = artifact::config(&map, &plan, &identify(&bytes, &plan).unwrap());
        let root: Vec<u8> = plan
            .root_ranges()
            .flat_map(|range| bytes[range.start as usize..range.end as usize].to_vec())
            .collect();
        let sections = plan.layers.iter().map(|layer| {
            let (start, end) = (layer.range.start as usize, layer.range.end as usize);
            bytes[start..end].to_vec()
        });
        let (mut stored, mut blobs) = (Vec::new(), HashMap::new());
        for content in std::iter::once(root).chain(sections) {
            let (encoding, blob) = encoded(content);
            let identity = Identity::of(&blob);
            blobs.insert(identity.digest, blob);
            stored.push(EncodedBlob {
                blob: identity,
                encoding,
            });
        }
        let manifest = manifest(&config, &stored, &blobs);
        Self {
            bytes,
            config,
            stored,
            manifest,
            blobs,
        }
    }

    /// The same blobs, described in another way.
    pub(crate) fn retold(&self, tell: impl FnOnce(&mut Config, &mut Vec<EncodedBlob>)) -> Self {
        let mut other = self.clone();
        tell(&mut other.config, &mut other.stored);
        other.manifest = manifest(&other.config, &other.stored, &other.blobs);
        other
    }

    /// The same with another blob for a layer, counted with the root: a frame that holds `content`. What it was
    /// before is no blob of it.
    pub(crate) fn reframed(&self, layer: usize, content: &[u8], level: u8) -> Self {
        let frame = frame(content, level).unwrap();
        let blob = Identity::of(&frame);
        let mut other = self.retold(|_, stored| {
            stored[layer] = EncodedBlob {
                blob,
                encoding: Encoding::Zstd,
            };
        });
        other.blobs.remove(&self.stored[layer].blob.digest);
        other.blobs.insert(blob.digest, frame);
        other
    }

    pub(crate) fn from(&self, store: &Arc<Scripted>) -> Component {
        Component {
            origin: BlobOrigin {
                upstream: Digest::of(b"scripted"),
                store: Arc::clone(store) as Arc<dyn Store>,
                component: Some(self.manifest.content.digest),
            },
            manifest: Arc::clone(&self.manifest),
        }
    }

    /// The layers that are stored so, but not the root.
    pub(crate) fn layers(&self, encoding: Encoding) -> Vec<usize> {
        let all = 0..self.manifest.layers.len();
        all.filter(|&layer| self.manifest.layers[layer].encoding == encoding)
            .collect()
    }
}

fn encoded(content: Vec<u8>) -> (Encoding, Vec<u8>) {
    match frame(&content, 3) {
        Some(frame) => (Encoding::Zstd, frame),
        None => (Encoding::Raw, content),
    }
}

/// A frame, where it saves a tenth.
fn frame(content: &[u8], level: u8) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    let size = content.len() as u64;
    let saves = compress(&mut &*content, size, level, &mut frame).unwrap();
    saves.then_some(frame)
}

fn manifest(
    config: &Config,
    stored: &[EncodedBlob],
    blobs: &HashMap<Digest, Vec<u8>>,
) -> Arc<SplitManifest> {
    let sections = config.layers.iter().map(|layer| layer.size);
    let sizes = std::iter::once(config.root.size).chain(sections);
    let layer = |(stored, size): (&EncodedBlob, u64)| {
        let blob = blobs.get(&stored.blob.digest);
        let frames = blob.map(|blob| Frames::of_blob(blob, stored.encoding, size).unwrap());
        EncodedLayer {
            stored: *stored,
            frames: frames.unwrap_or_default(),
        }
    };
    let layers: Vec<EncodedLayer> = stored.iter().zip(sizes).map(layer).collect();
    let split = artifact::split(config, &layers, &Annotations::new());
    Arc::new(SplitManifest::read(&split.manifest).unwrap())
}

/// What happens to a blob on its way. Counts are of bytes from the blob's start.
#[derive(Clone)]
pub(crate) enum Act {
    /// What follows so many bytes waits.
    Hold(u64, Gate),
    /// The connection breaks after so many bytes.
    Break(u64),
    /// It ends after so many bytes, as if that were all.
    Short(u64),
    /// One byte is another.
    Wrong(u64),
    /// It has a byte too many.
    Long,
    /// Once open, nothing of it is shown.
    Refuse(Gate),
}

/// Keeps things waiting until it is opened.
#[derive(Clone)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    async fn pass(&self) {
        let mut receiver = self.0.subscribe();
        receiver.wait_for(|open| *open).await.unwrap();
    }
}

/// A store of blobs in memory.
pub(crate) struct Scripted {
    blobs: HashMap<Digest, Vec<u8>>,
    acts: Mutex<HashMap<Digest, Act>>,
    opened: Mutex<Vec<(Digest, u64)>>,
    /// How many streams there are, and the most there were.
    streams: Arc<watch::Sender<(usize, usize)>>,
    /// How many bytes were read.
    bytes: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn of(artifacts: &[&Artifact]) -> Arc<Self> {
        let blobs = artifacts.iter().flat_map(|artifact| artifact.blobs.clone());
        Arc::new(Self {
            blobs: blobs.collect(),
            acts: Mutex::default(),
            opened: Mutex::default(),
            streams: Arc::new(watch::Sender::new((0, 0))),
            bytes: Arc::default(),
        })
    }

    pub(crate) fn act(&self, blob: Identity, act: Act) {
        self.acts.lock().unwrap().insert(blob.digest, act);
    }

    pub(crate) fn behave(&self) {
        self.acts.lock().unwrap().clear();
    }

    /// How often each blob was opened.
    pub(crate) fn opens(&self) -> HashMap<Digest, usize> {
        let mut opens = HashMap::new();
        for (digest, _) in self.opened.lock().unwrap().iter() {
            *opens.entry(*digest).or_default() += 1;
        }
        opens
    }

    /// What was opened since this was last asked, and where.
    pub(crate) fn opened(&self) -> Vec<(Digest, u64)> {
        std::mem::take(&mut *self.opened.lock().unwrap())
    }

    /// How many bytes were read since this was last asked.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.swap(0, Ordering::SeqCst)
    }

    /// The most streams that there were at once.
    pub(crate) fn most_streams(&self) -> usize {
        self.streams.borrow().1
    }

    /// Waits until there are so many streams.
    pub(crate) async fn streams(&self, count: usize) {
        let mut streams = self.streams.subscribe();
        streams.wait_for(|(now, _)| *now == count).await.unwrap();
    }
}

/// Counts a stream for as long as it is there.
struct Counted(Arc<watch::Sender<(usize, usize)>>);

impl Counted {
    fn new(streams: &Arc<watch::Sender<(usize, usize)>>) -> Self {
        streams.send_modify(|(now, most)| {
            *now += 1;
            *most = (*most).max(*now);
        });
        Self(Arc::clone(streams))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|(now, _)| *now -= 1);
    }
}

fn broken() -> Error {
    Error::Unreachable {
        what: "the body".to_owned(),
        attempts: 1,
        source: "the connection broke".into(),
    }
}

/// How many bytes come at once.
pub(crate) const PIECE: usize = 10_000;

#[async_trait]
impl Store for Scripted {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    async fn manifest(&self, _name: &Name) -> Result<RawManifest, Error> {
        Err(broken())
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        Ok(self.blobs.contains_key(&blob.digest))
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        Ok(self.blobs.get(digest).map(|blob| blob.len() as u64))
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        let counted = Counted::new(&self.streams);
        self.opened.lock().unwrap().push((blob.digest, part.start));
        let act = self.acts.lock().unwrap().get(&blob.digest).cloned();
        let mut bytes = match self.blobs.get(&blob.digest) {
            Some(bytes) => bytes.clone(),
            None => {
                return Err(Error::not_found(self, Subject::Blob(blob.digest.into())));
            }
        };
        match &act {
            Some(Act::Wrong(at)) => bytes[*at as usize] ^= 1,
            Some(Act::Long) => bytes.push(0),
            Some(Act::Short(at)) => bytes.truncate(*at as usize),
            Some(Act::Refuse(gate)) => {
                gate.pass().await;
                return Err(Error::Refused {
                    what: format!("blob {}", blob.digest),
                    location: self.location(),
                    reason: "denied".to_owned(),
                });
            }
            Some(Act::Hold(..) | Act::Break(_)) | None => {}
        }
        let bytes = Bytes::from(bytes);
        let read = Arc::clone(&self.bytes);
        let stream = stream::unfold(Some((part.start as usize, counted)), move |state| {
            let (bytes, act, read) = (bytes.clone(), act.clone(), Arc::clone(&read));
            async move {
                let (at, counted) = state?;
                let mut end = (at + PIECE).min(bytes.len());
                match act {
                    Some(Act::Hold(after, gate)) => {
                        let after = after as usize;
                        if at < after {
                            end = end.min(after);
                        } else {
                            gate.pass().await;
                        }
                    }
                    Some(Act::Break(after)) => {
                        end = end.min(after as usize);
                        if at >= after as usize {
                            return Some((Err(broken()), None));
                        }
                    }
                    _ => {}
                }
                let piece = bytes.slice(at..end);
                read.fetch_add(piece.len(), Ordering::SeqCst);
                (!piece.is_empty()).then_some((Ok(piece), Some((end, counted))))
            }
        });
        Ok(stream.boxed())
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        Err(broken())
    }

    async fn referrers(&self, _: &Digest, _: Option<&str>) -> Result<Vec<Descriptor>, Error> {
        Err(broken())
    }
}
