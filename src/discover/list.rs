//! One read of a live cluster: the pages of a list, or one object, pruned object by object.

use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::intake::{self, Intake, Keep, Raw};
use super::live::{ACCEPT_JSON, Answer, Failure, Live};
use super::url;
use super::wire::{self, ListStream, WireError};
use crate::model::{Known, Query};
use crate::plan::resolve;

/// Most pages of one list: half a million objects.
const PAGES: usize = 1000;

/// Most bytes of a log that are kept, from its end.
const LOG_BYTES: usize = 256 * 1024;

/// Most bytes of a pod's answer that are read.
const ANSWER_BYTES: usize = 1024;

/// A list in JSON.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(default)]
    metadata: ListMetadata,
    /// Lists have no items when they are empty, and only an error has neither items nor metadata.
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
struct ListMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// `/apis`.
#[derive(Deserialize)]
struct Groups<'a> {
    #[serde(borrow)]
    groups: Vec<&'a RawValue>,
}

/// Why a read failed: the server, or what it sent.
enum Trouble {
    Failure(Failure),
    Content(String),
}

/// Asks for what a query describes. The objects are in the intake when the answer is `Got`.
pub(super) async fn read(live: &Live, query: &Query, keep: Keep) -> (Known<()>, Box<dyn Intake>) {
    let mut intake = intake::of(&query.resource, keep);
    let known = fill(live, query, intake.as_mut()).await;
    (known, intake)
}

async fn fill(live: &Live, query: &Query, intake: &mut dyn Intake) -> Known<()> {
    let Some((path, shape)) = url::of(query) else {
        return Known::Failed(format!("{query}: not of the form plural.version.group"));
    };
    let outcome = match shape {
        url::Shape::List => list(live, &path, intake).await,
        url::Shape::Object => object(live, &path, intake).await,
        url::Shape::Groups => groups(live, &path, intake).await,
        url::Shape::Text => text(live, &path, intake).await,
        url::Shape::Answer => answer(live, &path, intake).await,
    };
    match outcome {
        Ok(()) => Known::Got(()),
        Err(Trouble::Content(why)) => Known::Failed(format!("{query}: {why}")),
        Err(Trouble::Failure(failure)) => {
            let text = match &failure {
                // Where there is no such kind there is no API to answer with a Status.
                Failure::Status { code: 404, message, .. } if message.starts_with("404 page not found") => {
                    String::from(resolve::NO_SUCH_KIND)
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

async fn list(live: &Live, path: &str, intake: &mut dyn Intake) -> Result<(), Trouble> {
    match pages(live, path, intake).await {
        // The server forgot the snapshot that the list continues. What was read so far belongs to it as well.
        Err(Trouble::Failure(Failure::Status { code: 410, .. })) => pages(live, path, intake).await,
        outcome => outcome,
    }
}

async fn pages(live: &Live, path: &str, intake: &mut dyn Intake) -> Result<(), Trouble> {
    intake.keep_first(0);
    let mut next = String::new();
    for _ in 0..PAGES {
        let path = if next.is_empty() { path.to_owned() } else { format!("{path}&continue={}", url::escape(&next)) };
        next = page(live, &path, intake).await?;
        if next.is_empty() {
            return Ok(());
        }
    }
    Err(Trouble::Content(format!("the list does not end after {} objects", intake.count())))
}

/// Reads one page, in protobuf where that can be had, and says what continues it.
async fn page(live: &Live, path: &str, intake: &mut dyn Intake) -> Result<String, Trouble> {
    let before = intake.count();
    if let Some(kind) = intake.wire_list().filter(|_| !live.reads_json()) {
        let mut page = Page::new(intake, before, Some(kind));
        match live.get_into(path, wire::ACCEPT, &mut page).await {
            Ok(()) => match page.finish() {
                Err(PageError::Wire(why)) => {
                    live.read_json();
                    live.notices()
                        .send(format!("the API server's protobuf cannot be read ({why}): reading JSON, which takes longer"));
                }
                Err(PageError::Json(why)) => return Err(Trouble::Content(why)),
                Ok(next) => return Ok(next),
            },
            // what is between here and the server may know less than the server
            Err(Failure::Status { code: 406 | 415, .. }) => live.read_json(),
            Err(failure) => return Err(Trouble::Failure(failure)),
        }
    }
    let mut page = Page::new(intake, before, None);
    live.get_into(path, ACCEPT_JSON, &mut page).await.map_err(Trouble::Failure)?;
    page.finish().map_err(|(PageError::Wire(why) | PageError::Json(why))| Trouble::Content(why))
}

/// One page on its way in.
struct Page<'a> {
    intake: &'a mut dyn Intake,
    /// Objects of the pages before.
    before: usize,
    /// The kind of the list, where protobuf is welcome.
    kind: Option<String>,
    form: Form,
}

enum Form {
    Json(Vec<u8>),
    Wire(ListStream),
    Broken(WireError),
}

enum PageError {
    /// Protobuf that cannot be read; JSON may do.
    Wire(String),
    Json(String),
}

impl<'a> Page<'a> {
    fn new(intake: &'a mut dyn Intake, before: usize, kind: Option<String>) -> Self {
        Self { intake, before, kind, form: Form::Json(Vec::new()) }
    }

    /// What continues the list, empty at its end.
    fn finish(self) -> Result<String, PageError> {
        match self.form {
            Form::Wire(stream) => stream.finish().map_err(|e| PageError::Wire(e.to_string())),
            Form::Broken(error) => Err(PageError::Wire(error.to_string())),
            Form::Json(body) => {
                let list: List<'_> = decode(&body).map_err(PageError::Json)?;
                for object in list.items.unwrap_or_default() {
                    self.intake.take(Raw::Json(object.get())).map_err(PageError::Json)?;
                }
                Ok(list.metadata.next.unwrap_or_default())
            }
        }
    }
}

impl Answer for Page<'_> {
    fn begin(&mut self, is_protobuf: bool) {
        self.intake.keep_first(self.before);
        self.form = match &self.kind {
            Some(kind) if is_protobuf => Form::Wire(ListStream::new(kind.clone())),
            Some(_) | None => Form::Json(Vec::new()),
        };
    }

    fn more(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        let intake = &mut *self.intake;
        let pushed = match &mut self.form {
            Form::Json(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
            Form::Wire(stream) => stream.push(bytes, &mut |object| intake.take(Raw::Wire(object)).map_err(WireError::Bad)),
            Form::Broken(_) => return ControlFlow::Break(()),
        };
        match pushed {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.form = Form::Broken(error);
                ControlFlow::Break(())
            }
        }
    }
}

async fn object(live: &Live, path: &str, intake: &mut dyn Intake) -> Result<(), Trouble> {
    let body = live.get(path).await.map_err(Trouble::Failure)?;
    let object: &RawValue = decode(&body).map_err(Trouble::Content)?;
    intake.take(Raw::Json(object.get())).map_err(Trouble::Content)
}

async fn groups(live: &Live, path: &str, intake: &mut dyn Intake) -> Result<(), Trouble> {
    let body = live.get(path).await.map_err(Trouble::Failure)?;
    let list: Groups<'_> = decode(&body).map_err(Trouble::Content)?;
    list.groups.iter().try_for_each(|group| intake.take(Raw::Json(group.get())).map_err(Trouble::Content))
}

async fn text(live: &Live, path: &str, intake: &mut dyn Intake) -> Result<(), Trouble> {
    let body = live.get(&format!("{path}&limitBytes={LOG_BYTES}")).await.map_err(Trouble::Failure)?;
    let end = body.get(body.len().saturating_sub(LOG_BYTES)..).unwrap_or_default();
    let log = json!({"text": String::from_utf8_lossy(end)}).to_string();
    intake.take(Raw::Json(&log)).map_err(Trouble::Content)
}

/// The pod may be anybody's: a short answer is all that is wanted of it, and one try.
async fn answer(live: &Live, path: &str, intake: &mut dyn Intake) -> Result<(), Trouble> {
    let mut start = Start(Vec::new());
    live.once(path, ACCEPT_JSON, &mut start).await.map_err(Trouble::Failure)?;
    let text = json!({"text": String::from_utf8_lossy(&start.0)}).to_string();
    intake.take(Raw::Json(&text)).map_err(Trouble::Content)
}

/// The first bytes of an answer.
struct Start(Vec<u8>);

impl Answer for Start {
    fn begin(&mut self, _is_protobuf: bool) {
        self.0.clear();
    }

    fn more(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        let room = ANSWER_BYTES.saturating_sub(self.0.len());
        self.0.extend(bytes.iter().take(room));
        if bytes.len() < room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| {
        let how = if e.is_eof() { "the answer ends in the middle" } else { "the answer is not what was asked for" };
        format!("{how}: {e}")
    })
}
