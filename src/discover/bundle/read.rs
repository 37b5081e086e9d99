//! From files to a bundle.

use std::path::Path;

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::archive::{self, Files};
use super::{Bundle, BundleError, FORMAT, Index, State};
use crate::model::{Known, Resource};
use crate::protocol::Measurement;

impl Bundle {
    /// Reads a directory or a `.tar.gz`.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        from_files(archive::open(path)?)
    }

    /// Reads the bytes of a `.tar.gz`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        from_files(archive::unpack(bytes)?)
    }
}

fn from_files(mut files: Files) -> Result<Bundle, BundleError> {
    let Some(index) = files.remove("bundle.json") else {
        return Err(BundleError::NotABundle(String::from("there is no bundle.json in it")));
    };
    let index: Value = parse("bundle.json", &index)?;
    // before anything else, since a newer format may differ in everything else
    let format = index.get("format").and_then(Value::as_u64);
    match format {
        Some(format) if format > u64::from(FORMAT) => return Err(BundleError::Newer(u32::try_from(format).unwrap_or(u32::MAX))),
        Some(_) => {}
        None => return Err(BundleError::NotABundle(String::from("bundle.json has no format"))),
    }
    let index = Index::deserialize(index).map_err(|e| damaged("bundle.json", &e))?;
    let mut reads = Vec::new();
    for entry in index.reads {
        let answer = match entry.answer {
            State::Denied { why } => Known::Denied(why),
            State::Absent { why } => Known::Absent(why),
            State::Failed { why } => Known::Failed(why),
            State::Got { file } => {
                let content = files.get(&file).ok_or_else(|| BundleError::Damaged(format!("{file} is missing")))?;
                Known::Got(objects(&entry.query.resource, &file, content)?)
            }
        };
        reads.push((entry.query, answer));
    }
    let measurements = measurements(files.get("agents/events.jsonl").map_or(&[], Vec::as_slice))?;
    Ok(Bundle { meta: index.meta, reads, measurements, launches: index.launches })
}

fn objects(resource: &Resource, file: &str, content: &[u8]) -> Result<Vec<Value>, BundleError> {
    if resource.is_text() {
        return Ok(vec![json!({"text": String::from_utf8_lossy(content)})]);
    }
    match parse(file, content)? {
        Value::Object(mut list) => match list.remove("items") {
            Some(Value::Array(items)) => Ok(items),
            Some(_) | None => Err(BundleError::Damaged(format!("{file} has no items"))),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(BundleError::Damaged(format!("{file} is not a list")))
        }
    }
}

fn measurements(content: &[u8]) -> Result<Vec<Measurement>, BundleError> {
    let lines = content.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|e| damaged("agents/events.jsonl", &e))).collect()
}

/// Nesting is limited by the parser: deeper than 128 levels is an error.
fn parse(file: &str, content: &[u8]) -> Result<Value, BundleError> {
    serde_json::from_slice(content).map_err(|e| damaged(file, &e))
}

fn damaged(file: &str, error: &serde_json::Error) -> BundleError {
    BundleError::Damaged(format!("{file}: {error}"))
}
