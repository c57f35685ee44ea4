//! The files of a directory.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use anyhow::Context as _;
use wharf::assets::assemble::{self, MAX_FILE_BYTES};
use wharf::assets::tree::{ChunkHasher, FileContent};
use wharf::digest::Hasher;
use wharf::error::Kind;

use crate::cli::failure::Failure;
use crate::cli::hints;
use crate::cli::input::printable_path;
use crate::cli::text::{printable, unreadable};

/// The entries of a directory, with paths relative to it.
#[derive(Debug, Default)]
pub(super) struct FoundFiles {
    directories: Vec<String>,
    files: Vec<String>,
}

/// Finds all files and directories below a directory.
///
/// Fails for names that are not UTF-8, and for entries that are neither files nor directories.
pub(super) fn find(root: &Path) -> Result<FoundFiles, Failure> {
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(unfit(root, "is not a directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = printable_path(root);
            let message = format!("directory `{name}` not found");
            return Err(Failure::new(Kind::NotFound, message));
        }
        Err(error) => return Err(anyhow::Error::from(error).context(unreadable(root)).into()),
    }
    let mut found = FoundFiles::default();
    let mut pending = vec![String::new()];
    while let Some(directory) = pending.pop() {
        let path = root.join(&directory);
        for entry in fs::read_dir(&path).with_context(|| unreadable(&path))? {
            let entry = entry.with_context(|| unreadable(&path))?;
            let kind = entry
                .file_type()
                .with_context(|| unreadable(&entry.path()))?;
            let name = entry.file_name().into_string();
            let name = name.map_err(|_| unfit(&entry.path(), "has a name that is not UTF-8"))?;
            let path = match directory.as_str() {
                "" => name,
                directory => format!("{directory}/{name}"),
            };
            if kind.is_dir() {
                found.directories.push(path.clone());
                pending.push(path);
            } else if kind.is_file() {
                found.files.push(path);
            } else if kind.is_symlink() {
                let failure = unfit(&entry.path(), "is a symbolic link");
                return Err(failure.hint(hints::COPY_LINKS));
            } else {
                return Err(unfit(&entry.path(), "is neither a file nor a directory"));
            }
        }
    }
    Ok(found)
}

fn unfit(path: &Path, what: &str) -> Failure {
    Failure::usage(format!("{} {what}", printable_path(path)))
}

/// Hashes the files. Those above a size are remote. Directories have no content.
pub(super) fn hash(
    root: &Path,
    found: FoundFiles,
    remote_above: Option<u64>,
) -> Result<Vec<(String, Option<FileContent>)>, Failure> {
    let directories = found.directories.into_iter().map(|path| (path, None));
    let mut entries: Vec<(String, Option<FileContent>)> = directories.collect();
    for path in found.files {
        let content = content(&root.join(&path), &path, remote_above)?;
        entries.push((path, Some(content)));
    }
    Ok(entries)
}

fn content(file: &Path, path: &str, remote_above: Option<u64>) -> Result<FileContent, Failure> {
    let read = || -> io::Result<Result<FileContent, u64>> {
        let mut file = File::open(file)?;
        let size = file.metadata()?.len();
        if remote_above.is_some_and(|limit| size > limit) {
            let mut hasher = ChunkHasher::default();
            io::copy(&mut file, &mut hasher)?;
            return Ok(Ok(hasher.finish()));
        }
        if size > MAX_FILE_BYTES {
            return Ok(Err(size));
        }
        let mut hasher = Hasher::new();
        io::copy(&mut file, &mut hasher)?;
        Ok(Ok(hasher.identity().into()))
    };
    let content = read().with_context(|| unreadable(file))?;
    content.map_err(|size| {
        let path = printable(path);
        Failure::from(assemble::Error::File { path, size }).hint(hints::REMOTE_FILES)
    })
}
