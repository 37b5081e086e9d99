//! From a bundle to files, the same bytes each time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{Builder, Header};

use super::archive::{self, Files};
use super::{Bundle, BundleError, Entry, FORMAT, Index, State};
use crate::model::{Known, Query};

impl Bundle {
    /// Writes a `.tar.gz` where the name ends so, else a directory. Only the owner may read it. Nothing is overwritten.
    pub fn save(&self, path: &Path) -> Result<(), BundleError> {
        let shown = path.display().to_string();
        if path.symlink_metadata().is_ok() {
            return Err(BundleError::Exists(shown));
        }
        let files = self.files().map_err(|e| BundleError::Io(format!("cannot write {shown}: {e}")))?;
        // what could not be read again is not written
        let bytes: u64 = files.values().map(|content| content.len() as u64).sum();
        if bytes > archive::UNPACKED {
            return Err(BundleError::TooLarge(format!("{bytes} bytes, at most {}", archive::UNPACKED)));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_archive = [".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end));
        // Under another name first: what has the name is whole.
        let partial = path.with_file_name(format!(".{name}.partial-{}", std::process::id()));
        let written = if is_archive { write_archive(&partial, &files) } else { write_directory(&partial, &files) };
        let written = written.map_err(|e| BundleError::Io(format!("cannot write {shown}: {e}")));
        let written = written.and_then(|()| match fs::metadata(&partial) {
            Ok(file) if is_archive && file.len() > archive::COMPRESSED => {
                Err(BundleError::TooLarge(format!("{} bytes, at most {}", file.len(), archive::COMPRESSED)))
            }
            Ok(_) | Err(_) => fs::rename(&partial, path).map_err(|e| BundleError::Io(format!("cannot write {shown}: {e}"))),
        });
        if written.is_err() {
            // The first error is the one to tell.
            drop(if is_archive { fs::remove_file(&partial) } else { fs::remove_dir_all(&partial) });
        }
        written
    }

    /// The bytes of a `.tar.gz`.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        pack(&self.files()?, Vec::new())
    }

    fn files(&self) -> io::Result<Files> {
        let mut files = Files::new();
        let mut reads: Vec<_> = self.reads.iter().collect();
        reads.sort_by(|a, b| a.0.cmp(&b.0));
        let mut entries = Vec::new();
        for (query, known) in reads {
            let answer = match known {
                Known::Got(objects) => {
                    let (file, content) = content(entries.len(), query, objects)?;
                    files.insert(file.clone(), content);
                    State::Got { file }
                }
                Known::Denied(why) => State::Denied { why: why.clone() },
                Known::Absent(why) => State::Absent { why: why.clone() },
                Known::Failed(why) => State::Failed { why: why.clone() },
                Known::Unasked => continue,
            };
            entries.push(Entry { query: query.clone(), answer });
        }
        let mut events = Vec::new();
        for measurement in &self.measurements {
            serde_json::to_writer(&mut events, measurement)?;
            events.push(b'\n');
        }
        files.insert(String::from("agents/events.jsonl"), events);
        let index = Index { format: FORMAT, meta: self.meta.clone(), reads: entries, launches: self.launches.clone() };
        files.insert(String::from("bundle.json"), lines(&index)?);
        Ok(files)
    }
}

fn content(number: usize, query: &Query, objects: &[Value]) -> io::Result<(String, Vec<u8>)> {
    let place = query.namespace.iter().chain(&query.name).map(String::as_str);
    let words: Vec<&str> = std::iter::once(query.resource.plural()).chain(place).collect();
    let slug: String =
        words.join("-").chars().map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '-' }).collect();
    let slug: String = slug.chars().take(80).collect();
    if query.resource.is_text() {
        let text = objects.first().and_then(|o| o.get("text")).and_then(Value::as_str).unwrap_or_default();
        return Ok((format!("logs/{number:03}-{slug}.txt"), text.as_bytes().to_vec()));
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects});
    Ok((format!("api/{number:03}-{slug}.json"), lines(&list)?))
}

fn lines(value: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

fn write_archive(path: &Path, files: &Files) -> io::Result<()> {
    pack(files, private(path)?)?.sync_all()
}

/// Sorted names, no times, no owner: equal bundles are equal bytes.
fn pack<W: io::Write>(files: &Files, to: W) -> io::Result<W> {
    let mut tar = Builder::new(GzEncoder::new(to, Compression::default()));
    for (name, content) in files {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(0);
        tar.append_data(&mut header, name, content.as_slice())?;
    }
    tar.into_inner()?.finish()
}

fn write_directory(path: &Path, files: &Files) -> io::Result<()> {
    make_private(path)?;
    for (name, content) in files {
        let file = path.join(name);
        if let Some(parent) = file.parent().filter(|parent| !parent.exists()) {
            make_private(parent)?;
        }
        private(&file)?.write_all(content)?;
    }
    Ok(())
}

/// A new file that only its owner may read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A new directory that only its owner may enter.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
