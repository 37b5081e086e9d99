//! The files of a bundle, out of a directory or a `.tar.gz` that nobody vouches for.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::BundleError;

/// Most bytes of a `.tar.gz`.
pub(super) const COMPRESSED: u64 = 64 << 20;
/// Most bytes of all files together.
pub(super) const UNPACKED: u64 = 512 << 20;
/// Most files and directories.
const ENTRIES: usize = 10_000;
/// How deep directories may be nested.
const DEPTH: usize = 4;

/// Contents by name, as `api/001-pods.json`.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) fn open(path: &Path) -> Result<Files, BundleError> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|e| BundleError::Io(format!("cannot read {shown}: {e}")))?;
    if metadata.is_dir() {
        let mut files = Files::new();
        let mut budget = Budget::default();
        walk(path, "", 0, &mut files, &mut budget)?;
        return Ok(files);
    }
    if metadata.len() > COMPRESSED {
        return Err(BundleError::TooLarge(format!("{} bytes, at most {COMPRESSED}", metadata.len())));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| BundleError::Io(format!("cannot read {shown}: {e}")))?;
    // The file may grow between the two calls, and a pipe has no length.
    file.take(COMPRESSED + 1).read_to_end(&mut bytes).map_err(|e| BundleError::Io(format!("cannot read {shown}: {e}")))?;
    unpack(&bytes)
}

/// The files in the bytes of a `.tar.gz`.
pub(super) fn unpack(bytes: &[u8]) -> Result<Files, BundleError> {
    if bytes.len() as u64 > COMPRESSED {
        return Err(BundleError::TooLarge(format!("{} bytes, at most {COMPRESSED}", bytes.len())));
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(BundleError::NotABundle(String::from("neither a directory nor a .tar.gz")));
    }
    let mut files = Files::new();
    let mut budget = Budget::default();
    // Headers and padding count as well: a bomb need not hide in a file's content.
    let mut archive = Archive::new(GzDecoder::new(bytes).take(UNPACKED + UNPACKED / 8));
    let damaged = |e: &io::Error| BundleError::Damaged(e.to_string());
    for entry in archive.entries().map_err(|e| damaged(&e))? {
        let mut entry = entry.map_err(|e| damaged(&e))?;
        budget.entry()?;
        let path = entry.path().map_err(|e| damaged(&e))?.into_owned();
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory {
            continue;
        }
        let name = safe_name(&path)?;
        if kind != EntryType::Regular {
            return Err(BundleError::Unsafe(format!("{name} is not a plain file")));
        }
        budget.bytes(entry.size())?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|e| damaged(&e))?;
        if files.insert(name.clone(), content).is_some() {
            return Err(BundleError::Unsafe(format!("{name} occurs twice")));
        }
    }
    // A tar without its end reads as one that ended, so the checksum of the gzip decides.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(|e| damaged(&e))?;
    Ok(files)
}

fn walk(directory: &Path, prefix: &str, depth: usize, files: &mut Files, budget: &mut Budget) -> Result<(), BundleError> {
    let io = |e: io::Error| BundleError::Io(format!("cannot read {}: {e}", directory.display()));
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        budget.entry()?;
        let name = format!("{prefix}{}", safe_name(Path::new(&entry.file_name()))?);
        // of the entry itself, not of what a link points to
        let metadata = entry.metadata().map_err(io)?;
        if metadata.is_dir() {
            if depth >= DEPTH {
                return Err(BundleError::Unsafe(format!("{name} is nested too deep")));
            }
            walk(&entry.path(), &format!("{name}/"), depth + 1, files, budget)?;
        } else if metadata.is_file() {
            budget.bytes(metadata.len())?;
            let content = fs::read(entry.path()).map_err(|e| BundleError::Io(format!("cannot read {name}: {e}")))?;
            files.insert(name, content);
        } else {
            return Err(BundleError::Unsafe(format!("{name} is not a plain file")));
        }
    }
    Ok(())
}

/// A path of plain names with `/` between them.
fn safe_name(path: &Path) -> Result<String, BundleError> {
    let refuse = || BundleError::Unsafe(format!("the path {} leads out of it", path.display()));
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(refuse)?),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Err(refuse()),
        }
    }
    if parts.is_empty() || parts.len() > DEPTH || parts.iter().any(|p| p.contains(['\\', '\0'])) {
        return Err(refuse());
    }
    Ok(parts.join("/"))
}

#[derive(Default)]
struct Budget {
    entries: usize,
    bytes: u64,
}

impl Budget {
    fn entry(&mut self) -> Result<(), BundleError> {
        self.entries += 1;
        if self.entries > ENTRIES { Err(BundleError::TooLarge(format!("more than {ENTRIES} entries"))) } else { Ok(()) }
    }

    fn bytes(&mut self, more: u64) -> Result<(), BundleError> {
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > UNPACKED { Err(BundleError::TooLarge(format!("more than {UNPACKED} bytes unpacked"))) } else { Ok(()) }
    }
}
