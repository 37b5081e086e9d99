//! From the API server or a bundle to the model. With `deploy`, the only module that names `kube::`.
//!
//! Live or replayed, an answer takes one way: objects, pruned as soon as they are decoded, whose JSON a bundle keeps as it is, and
//! the model made from the pruned objects alone. So a bundle replays to the same report.

mod bundle;
mod filter;
mod intake;
mod kubeconfig;
mod list;
mod live;
pub mod manifests;
mod objects;
mod options;
mod url;
mod wire;

use serde_json::Value;

use intake::Keep;

pub use bundle::{Bundle, BundleError, FORMAT, Meta};
pub(crate) use live::{Failure, failure_of};
pub use live::{Live, connect};
pub(crate) use options::one_line;
pub use options::{ConnectError, ConnectOptions, Notices};
pub(crate) use url::escape;

use crate::model::{Cluster, Known, Query};

/// Where answers come from.
pub enum Reader {
    Live(Live),
    Bundle(Box<Bundle>),
}

/// What was read so far.
pub struct Discovery {
    reader: Reader,
    keep: Keep,
    /// Every query that was put to the reader.
    asked: Vec<Query>,
    /// The answers whose pruned objects are kept.
    reads: Vec<(Query, Known<Vec<Value>>)>,
    /// Queries answered from a wider list.
    derived: Vec<Query>,
    cluster: Cluster,
    is_cut: bool,
}

impl Discovery {
    /// For a run that may be recorded: every answer is kept.
    pub fn new(reader: Reader) -> Self {
        Self {
            reader,
            keep: Keep::All,
            asked: Vec::new(),
            reads: Vec::new(),
            derived: Vec::new(),
            cluster: Cluster::default(),
            is_cut: false,
        }
    }

    /// For a run that is not recorded: of long lists only the model is kept.
    pub fn unrecorded(reader: Reader) -> Self {
        Self { keep: Keep::Few, ..Self::new(reader) }
    }

    /// Answers queries, side by side. One that was answered before, or that a complete list covers, is not asked again.
    pub async fn ask(&mut self, queries: &[Query]) {
        let mut open: Vec<Query> = Vec::new();
        for query in queries {
            if self.derived.contains(query) || self.asked.contains(query) || open.contains(query) {
                continue;
            }
            match filter::answer(&self.reads, query) {
                Some(answer) => {
                    intake::add_pruned(&mut self.cluster, query, &answer);
                    self.derived.push(query.clone());
                }
                None => open.push(query.clone()),
            }
        }
        match &self.reader {
            Reader::Live(live) => {
                let answers = futures::future::join_all(open.iter().map(|query| list::read(live, query, self.keep))).await;
                for (query, (known, mut intake)) in open.iter().zip(answers) {
                    match (&known, intake.pruned()) {
                        (Known::Got(()), None) => {}
                        (_, pruned) => self.reads.push((query.clone(), known.clone().map(|()| pruned.unwrap_or_default()))),
                    }
                    intake.add(&mut self.cluster, query, known);
                }
                self.asked.extend(open);
            }
            Reader::Bundle(bundle) => {
                for query in &open {
                    let answer = bundle.answer(query);
                    if answer == Known::Unasked {
                        self.is_cut = true;
                        continue;
                    }
                    intake::add_pruned(&mut self.cluster, query, &answer);
                    self.reads.push((query.clone(), answer));
                    self.asked.push(query.clone());
                }
            }
        }
    }

    /// The recorded run came no further than this: its time limit ended it while these reads were under way.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Every query that was not answered from a wider list, in the order it was asked.
    pub fn asked(&self) -> &[Query] {
        &self.asked
    }

    /// Every read in the order it was made, for recording. Without long lists when the run is not recorded.
    pub fn reads(&self) -> &[(Query, Known<Vec<Value>>)] {
        &self.reads
    }

    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The namespace of names without one.
    pub fn namespace(&self) -> &str {
        match &self.reader {
            Reader::Live(live) => live.namespace(),
            Reader::Bundle(bundle) => &bundle.meta.namespace,
        }
    }

    /// Requests sent to the API server so far, and 0 in a replay: its timing is the recorded one.
    pub fn request_count(&self) -> u32 {
        match &self.reader {
            Reader::Live(live) => live.request_count(),
            Reader::Bundle(_) => 0,
        }
    }

    /// The API server cannot be reached or refuses these credentials: no read can succeed.
    pub fn fatal(&self) -> Option<ConnectError> {
        match &self.reader {
            Reader::Live(live) => live.fatal(),
            Reader::Bundle(_) => None,
        }
    }
}
