//! One read of a live cluster: the pages of a list, or one object, pruned page by page.

use serde::Deserialize;
use serde_json::{Value, json};

use super::live::{Failure, Live};
use super::{objects, url};
use crate::model::{Known, Query};

/// Most pages of one list: half a million objects.
const PAGES: usize = 1000;

/// Most bytes of a log that are kept, from its end.
const LOG_BYTES: usize = 256 * 1024;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    items: Option<Vec<Value>>,
}

#[derive(Deserialize, Default)]
struct PageMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// Why a read failed: the server, or what it sent.
enum Trouble {
    Failure(Failure),
    Content(String),
}

/// Asks for what a query describes.
pub(super) async fn read(live: &Live, query: &Query) -> Known<Vec<Value>> {
    let Some((path, shape)) = url::of(query) else {
        return Known::Failed(format!("{query}: not of the form plural.version.group"));
    };
    let outcome = match shape {
        url::Shape::List => list(live, query, &path).await,
        url::Shape::Object => object(live, query, &path).await,
        url::Shape::Groups => groups(live, query, &path).await,
        url::Shape::Text => text(live, &path).await,
    };
    match outcome {
        Ok(objects) => Known::Got(objects),
        Err(Trouble::Content(why)) => Known::Failed(format!("{query}: {why}")),
        Err(Trouble::Failure(failure)) => {
            let text = match &failure {
                // Where there is no such kind there is no API to answer with a Status.
                Failure::Status { code: 404, message, .. } if message.starts_with("404 page not found") => {
                    String::from("this cluster has no such kind")
                }
                Failure::Status { .. } | Failure::Late(_) | Failure::Cut(_) | Failure::Broken(_) => failure.text(),
            };
            let why = format!("{query}: {text}");
            match failure {
                Failure::Status { code: 401 | 403, .. } => Known::Denied(why),
                Failure::Status { code: 404, .. } => Known::Absent(why),
                Failure::Status { .. } | Failure::Late(_) | Failure::Cut(_) | Failure::Broken(_) => Known::Failed(why),
            }
        }
    }
}

async fn list(live: &Live, query: &Query, path: &str) -> Result<Vec<Value>, Trouble> {
    match pages(live, query, path).await {
        // The server forgot the snapshot that the list continues. What was read so far belongs to it as well.
        Err(Trouble::Failure(Failure::Status { code: 410, .. })) => pages(live, query, path).await,
        outcome => outcome,
    }
}

async fn pages(live: &Live, query: &Query, path: &str) -> Result<Vec<Value>, Trouble> {
    let mut kept = Vec::new();
    let mut next = String::new();
    for _ in 0..PAGES {
        let path = if next.is_empty() { path.to_owned() } else { format!("{path}&continue={}", url::escape(&next)) };
        let body = live.get(&path).await.map_err(Trouble::Failure)?;
        let page: Page = decode(&body)?;
        // Lists have no items when they are empty, and only an error has neither items nor metadata.
        for item in page.items.unwrap_or_default() {
            kept.push(objects::keep(&query.resource, item).map_err(Trouble::Content)?);
        }
        match page.metadata.next.filter(|token| !token.is_empty()) {
            Some(token) => next = token,
            None => return Ok(kept),
        }
    }
    Err(Trouble::Content(format!("the list does not end after {} objects", kept.len())))
}

async fn object(live: &Live, query: &Query, path: &str) -> Result<Vec<Value>, Trouble> {
    let body = live.get(path).await.map_err(Trouble::Failure)?;
    let object = objects::keep(&query.resource, decode(&body)?).map_err(Trouble::Content)?;
    Ok(vec![object])
}

async fn groups(live: &Live, query: &Query, path: &str) -> Result<Vec<Value>, Trouble> {
    let body = live.get(path).await.map_err(Trouble::Failure)?;
    let list: Value = decode(&body)?;
    let groups =
        list.get("groups").and_then(Value::as_array).ok_or_else(|| Trouble::Content(String::from("no groups in the answer")))?;
    groups.iter().map(|g| objects::keep(&query.resource, g.clone()).map_err(Trouble::Content)).collect()
}

async fn text(live: &Live, path: &str) -> Result<Vec<Value>, Trouble> {
    let body = live.get(&format!("{path}&limitBytes={LOG_BYTES}")).await.map_err(Trouble::Failure)?;
    let end = body.get(body.len().saturating_sub(LOG_BYTES)..).unwrap_or_default();
    Ok(vec![json!({"text": String::from_utf8_lossy(end)})])
}

fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|e| {
        let how = if e.is_eof() { "the answer ends in the middle" } else { "the answer is not what was asked for" };
        Trouble::Content(format!("{how}: {e}"))
    })
}
