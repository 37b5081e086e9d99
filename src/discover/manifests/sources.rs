//! From paths to documents: which files are read, and where one document ends and the next begins.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use super::ManifestError;

/// Most files below the directories that were named.
const FILES: usize = 100_000;
/// Most bytes of one document: a dump of 20,000 pods in one List.
pub(super) const DOCUMENT: usize = 256 << 20;
/// Bytes of a line that are read at once, at least.
const LEAST: usize = 1 << 16;
/// The name of standard input, as kubectl writes it.
pub(super) const STDIN: &str = "-";

/// Every file that `-f` names, directories with all that is below them, sorted. Files in a directory count by their ending, as in
/// kubectl (`resource.FileExtensions`: .json, .yaml, .yml); links to directories are not followed.
pub(super) fn sources(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, ManifestError> {
    let mut found = Vec::new();
    for input in inputs {
        let shown = input.display();
        if input.as_os_str() == STDIN {
            found.push(input.clone());
            continue;
        }
        let text = input.to_string_lossy();
        if text.starts_with("http://") || text.starts_with("https://") {
            return Err(ManifestError::new(
                format!("{shown} is not a file: nothing is fetched"),
                "fetch it first: curl -sSL URL | kubectl netcheck … -f -",
            ));
        }
        let metadata = fs::metadata(input).map_err(|e| ManifestError::io(input, &e))?;
        if metadata.is_dir() {
            let before = found.len();
            walk(input, &mut found)?;
            if found.len() == before {
                return Err(ManifestError::new(
                    format!("{shown} holds no .yaml, .yml or .json file"),
                    "name another directory, or the files themselves",
                ));
            }
        } else {
            found.push(input.clone());
        }
    }
    Ok(found)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), ManifestError> {
    let entries = fs::read_dir(directory).map_err(|e| ManifestError::io(directory, &e))?;
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(|e| ManifestError::io(directory, &e))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().map_err(|e| ManifestError::io(&path, &e))?;
        if kind.is_dir() {
            walk(&path, found)?;
        } else if is_manifest(&path) && path.is_file() {
            if found.len() >= FILES {
                return Err(ManifestError::new(format!("more than {FILES} files"), "name a smaller directory"));
            }
            found.push(path);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    ending.is_some_and(|e| ["yaml", "yml", "json"].contains(&e.as_str()))
}

/// One document of a file.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub bytes: &'a [u8],
    /// Its first line, counted from 1.
    pub line: usize,
    /// Bytes of the file before it.
    pub offset: u64,
    /// It was larger than [`DOCUMENT`], and `bytes` is empty.
    pub is_too_large: bool,
}

/// Reads a file's documents one by one. `---` and `...` at the start of a line end a document wherever they stand (YAML 1.2.2,
/// 9.1.4: no scalar may contain them), so nothing needs to be parsed for that.
pub(super) struct Documents<R> {
    reader: BufReader<R>,
    document: Vec<u8>,
    /// The line that began the next document.
    next: Vec<u8>,
    /// Lines and bytes before `next`.
    lines: usize,
    bytes: u64,
    is_over: bool,
}

impl<R: Read> Documents<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(1 << 18, reader),
            document: Vec::new(),
            next: Vec::new(),
            lines: 0,
            bytes: 0,
            is_over: false,
        }
    }

    /// The next document, `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Document<'_>>> {
        if self.is_over {
            return Ok(None);
        }
        self.document.clear();
        let (line, offset) = (self.lines + 1, self.bytes);
        let mut is_too_large = false;
        let mut has_content = false;
        // the marker that ended the document before is the first line of this one
        self.document.append(&mut self.next);
        let mut start = 0;
        loop {
            if self.document.len() == start {
                // a line may be longer than any document: no more of it than tells that, and never less than a marker
                let room = (DOCUMENT + 1).saturating_sub(start).max(LEAST);
                self.reader.by_ref().take(room as u64).read_until(b'\n', &mut self.document)?;
            }
            let Some(added) = self.document.get(start..).filter(|line| !line.is_empty()) else {
                self.is_over = true;
                break;
            };
            let words = match marker(added) {
                Some(_) if has_content => {
                    if added.starts_with(b"...") {
                        // belongs to neither
                        self.lines += 1;
                        self.bytes += added.len() as u64;
                    } else {
                        self.next.extend_from_slice(added);
                    }
                    self.document.truncate(start);
                    break;
                }
                Some(rest) => rest,
                None => added,
            };
            has_content |= has_words(words);
            self.lines += usize::from(added.ends_with(b"\n"));
            self.bytes += added.len() as u64;
            start = self.document.len();
            if start > DOCUMENT || is_too_large {
                is_too_large = true;
                self.document.clear();
                start = 0;
            }
        }
        if is_too_large {
            self.document = Vec::new();
        }
        Ok(Some(Document { bytes: &self.document, line, offset, is_too_large }))
    }
}

/// What follows `---` or `...` at the start of a line, when white space or nothing follows.
fn marker(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"---").or_else(|| line.strip_prefix(b"..."));
    rest.filter(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// More than a comment or a directive.
fn has_words(line: &[u8]) -> bool {
    line.trim_ascii_start().first().is_some_and(|c| !b"#%".contains(c))
}

/// Standard input, as far as one document may go.
pub(super) fn all_of_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(DOCUMENT as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > DOCUMENT {
        return Err(io::Error::other(format!("more than {} MiB: pass a file", DOCUMENT >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(usize, u64, String)> {
        let mut documents = Documents::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(d) = documents.next().expect("reads") {
            all.push((d.line, d.offset, String::from_utf8(d.bytes.to_vec()).expect("text")));
        }
        all
    }

    #[test]
    fn documents_end_at_markers_and_nowhere_else() {
        let text = "# head\n---\na: 1\n---  # next\nb: |\n  ---\n  x---\n---y: 1\n...\n---\nc: 3";
        let found = split(text);
        let expected =
            [(1, 0, "# head\n---\na: 1\n"), (4, 16, "---  # next\nb: |\n  ---\n  x---\n---y: 1\n"), (10, 58, "---\nc: 3")];
        let found: Vec<_> = found.iter().map(|(l, o, t)| (*l, *o, t.as_str())).collect();
        assert_eq!(found, expected);
        for (_, offset, part) in found {
            let at = usize::try_from(offset).expect("small");
            assert!(text[at..].starts_with(part), "{part}");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory_without_end() {
        let endless = io::repeat(b'x').take(DOCUMENT as u64 * 3);
        let mut documents = Documents::new(endless.chain(&b"\n---\na: 1\n"[..]));
        let first = documents.next().expect("reads").expect("a document");
        assert!(first.is_too_large && first.bytes.is_empty() && first.line == 1);
        assert!(documents.document.capacity() <= 2 * (DOCUMENT + 1), "{}", documents.document.capacity());
        let second = documents.next().expect("reads").expect("a document");
        assert_eq!((second.bytes, second.line), (&b"---\na: 1\n"[..], 2));
    }

    #[test]
    fn directives_stay_with_their_document() {
        let found = split("%YAML 1.2\n---\na: 1\n");
        assert_eq!(found, [(1, 0, String::from("%YAML 1.2\n---\na: 1\n"))]);
        assert_eq!(split(""), [(1, 0, String::new())]);
        assert_eq!(split("---\n---\n---\na: 1\r\n---\r\nb: 2").len(), 2);
        assert_eq!(split("--- {a: 1}\n--- {b: 2}\n")[1], (2, 11, String::from("--- {b: 2}\n")));
    }

    #[test]
    fn directories_are_read_below_and_in_order() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        fs::create_dir(root.join("b")).expect("writable");
        for name in ["z.yaml", "b/c.yml", "b/a.json", "b/readme.md", "x.txt"] {
            fs::write(root.join(name), "").expect("writable");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root, root.join("b/loop")).expect("writable");
        let found = sources(&[root.to_path_buf()]).expect("readable");
        let names: Vec<_> = found.iter().map(|p| p.strip_prefix(root).expect("below").display().to_string()).collect();
        assert_eq!(names, ["b/a.json", "b/c.yml", "z.yaml"]);
        let named = sources(&[root.join("x.txt")]).expect("readable");
        assert_eq!(named.len(), 1);
        let error = sources(&[root.join("gone.yaml")]).expect_err("not there");
        assert!(error.cause.contains("gone.yaml"), "{error:?}");
        assert!(sources(&["https://x/y.yaml".into()]).expect_err("no file").next.contains("curl"));
        let empty = tempfile::tempdir().expect("a directory");
        assert!(sources(&[empty.path().to_path_buf()]).expect_err("nothing there").cause.contains("holds no"));
    }
}
