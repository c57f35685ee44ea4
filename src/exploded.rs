//! An exploded component: a directory with one file per layer, named by the layer's title.
//!
//! `wharf split` and `oras pull` write such directories, and container engines mount them. The directory has
//! neither the manifest nor the config. The titles give the order and the offsets. This module must not know stores
//! or registries.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::artifact::{Title, TitlePart};
use crate::digest::{Digest, Identity};
use crate::encoding::{Decoder, Encoding, FrameError, FrameWalk};
use crate::reference::redact;
use crate::split::{MAX_LAYERS, Recipe, RecipeLayer};

/// Why a directory is not an exploded component.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file has the title of a root.
    #[error("no root in {}", directory.display())]
    NoRoot {
        /// The directory.
        directory: PathBuf,
        /// The requested root, if the caller named one.
        name: Option<String>,
    },
    /// The directory has several roots with the requested name, or no name was requested.
    #[error("{} roots in {}", roots.len(), directory.display())]
    ManyRoots {
        /// The directory.
        directory: PathBuf,
        /// The titles of the roots.
        roots: Vec<String>,
    },
    /// Two files have the title of the same layer.
    #[error("{first} and {second} are the same layer")]
    Twice {
        /// The first file's title.
        first: String,
        /// The second file's title.
        second: String,
    },
    /// The directory has more layers than the format allows.
    #[error("{found} layers, and at most {most} are allowed")]
    TooMany {
        /// The number of files with the root's prefix.
        found: usize,
        /// The largest number of layers.
        most: usize,
    },
    /// A file is not zstd frames with declared content sizes.
    #[error("{title}: {reason}")]
    Frame {
        /// The title of the file.
        title: String,
        /// The defect.
        reason: String,
    },
    /// A file or the directory could not be read.
    #[error("{}", redact(&path.to_string_lossy()))]
    File {
        /// The path of the file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// A component in a directory.
#[derive(Debug)]
pub struct ExplodedComponent {
    /// The title of the root.
    pub root: String,
    /// The order and the sizes of the parts, for splicing.
    pub recipe: Recipe,
    /// The files of the root and then of the section layers by offset.
    files: Vec<LayerFile>,
}

#[derive(Debug, Clone)]
struct LayerFile {
    title: String,
    path: PathBuf,
    encoding: Encoding,
    size: u64,
}

impl ExplodedComponent {
    /// Finds a component in a directory. `name` selects one of several roots: the file's name or its beginning.
    /// Files of other roots, and files without a valid title, are ignored.
    pub fn open(directory: &Path, name: Option<&str>) -> Result<Self, Error> {
        let titles = titles(directory)?;
        let (root_title, root, content) = root(directory, &titles, name)?;
        let mut layers: Vec<(u64, &String, &Title)> = Vec::new();
        for (file, title) in &titles {
            if let TitlePart::Section(offset) = title.part
                && title.prefix == root.prefix
            {
                layers.push((offset, file, title));
            }
        }
        if layers.len() + 1 > MAX_LAYERS {
            let (found, most) = (layers.len() + 1, MAX_LAYERS);
            return Err(Error::TooMany { found, most });
        }
        layers.sort_by_key(|(offset, file, _)| (*offset, *file));
        for pair in layers.windows(2) {
            if pair[0].0 == pair[1].0 {
                let (first, second) = (pair[0].1.clone(), pair[1].1.clone());
                return Err(Error::Twice { first, second });
            }
        }
        let mut files = vec![LayerFile::open(directory, root_title, root)?];
        for (_, file, title) in &layers {
            files.push(LayerFile::open(directory, file, title)?);
        }
        let part = |offset: u64, file: &LayerFile| RecipeLayer {
            offset,
            size: file.size,
            digest: None,
        };
        let offsets = layers.iter().map(|(offset, ..)| *offset);
        let sum = |total: u64, file: &LayerFile| total.saturating_add(file.size);
        let size = files.iter().fold(0, sum);
        Ok(Self {
            root: root_title.clone(),
            recipe: Recipe {
                content: Identity {
                    digest: content,
                    size,
                },
                root: part(0, &files[0]),
                layers: offsets
                    .zip(&files[1..])
                    .map(|(offset, file)| part(offset, file))
                    .collect(),
            },
            files,
        })
    }

    /// Opens the content of a section layer, or of the root for `None`.
    pub fn layer(&self, layer: Option<usize>) -> io::Result<Decoder<File>> {
        let file = &self.files[layer.map_or(0, |layer| layer + 1)];
        Decoder::new(File::open(&file.path)?, file.encoding, file.size)
    }

    /// Returns the title of a section layer, or of the root for `None`.
    pub fn title(&self, layer: Option<usize>) -> &str {
        &self.files[layer.map_or(0, |layer| layer + 1)].title
    }
}

fn titles(directory: &Path) -> Result<Vec<(String, Title)>, Error> {
    let failed = |source| Error::File {
        path: directory.to_owned(),
        source,
    };
    let mut titles = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().into_string();
        if let Ok(name) = name
            && let Some(title) = Title::parse(&name)
        {
            titles.push((name, title));
        }
    }
    titles.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(titles)
}

fn root<'a>(
    directory: &Path,
    titles: &'a [(String, Title)],
    name: Option<&str>,
) -> Result<(&'a String, &'a Title, Digest), Error> {
    let roots = titles.iter().filter_map(|(file, title)| match title.part {
        TitlePart::Root(content) => Some((file, title, content)),
        TitlePart::Section(_) => None,
    });
    let wanted = |file: &str| name.is_none_or(|name| file.starts_with(name));
    let roots: Vec<_> = roots.filter(|(file, ..)| wanted(file)).collect();
    let directory = directory.to_owned();
    match roots.as_slice() {
        [] => Err(Error::NoRoot {
            directory,
            name: name.map(str::to_owned),
        }),
        [root] => Ok(*root),
        many => Err(Error::ManyRoots {
            directory,
            roots: many.iter().map(|(file, ..)| (*file).clone()).collect(),
        }),
    }
}

impl LayerFile {
    fn open(directory: &Path, name: &str, title: &Title) -> Result<Self, Error> {
        let path = directory.join(name);
        let failed = |source| Error::File {
            path: path.clone(),
            source,
        };
        let file = File::open(&path).map_err(failed)?;
        let size = match title.encoding {
            Encoding::Raw => file.metadata().map_err(failed)?.len(),
            Encoding::Zstd => match content_size(&file).map_err(|error| error.downcast()) {
                Ok(size) => size,
                Err(Ok(error)) => return Err(frame_error(name, error)),
                Err(Err(error)) => return Err(failed(error)),
            },
        };
        Ok(Self {
            title: name.to_owned(),
            encoding: title.encoding,
            path,
            size,
        })
    }
}

fn frame_error(title: &str, error: FrameError) -> Error {
    Error::Frame {
        title: title.to_owned(),
        reason: error.to_string(),
    }
}

/// Returns the sum of the content sizes that the frames of a file declare.
fn content_size(file: &File) -> io::Result<u64> {
    let mut sum: u64 = 0;
    for frame in FrameWalk::new(file)? {
        let size = frame?.content.ok_or(FrameError::Undeclared)?;
        sum = sum.saturating_add(size);
    }
    Ok(sum)
}
