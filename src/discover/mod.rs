//! From the API server or a bundle to the model. With `deploy`, the only module that names `kube::`.
//!
//! Live or replayed, an answer takes one way: pruned JSON, kept as it is for a bundle, and the model made from that JSON
//! alone. So a bundle replays to the same report.

mod build;
mod bundle;
mod filter;
mod kubeconfig;
mod list;
mod live;
mod objects;
mod options;
mod url;

use serde_json::Value;

pub use bundle::{Bundle, BundleError, FORMAT, Meta};
pub(crate) use live::{Failure, failure_of};
pub use live::{Live, connect};
pub(crate) use options::one_line;
pub use options::{ConnectError, ConnectOptions, Notices};

use crate::model::{Cluster, Known, Query};

/// Where answers come from.
pub enum Reader {
    Live(Live),
    Bundle(Box<Bundle>),
}

/// What was read so far, as JSON and as model.
pub struct Discovery {
    reader: Reader,
    reads: Vec<(Query, Known<Vec<Value>>)>,
    /// Queries answered from a wider list.
    derived: Vec<Query>,
    cluster: Cluster,
    is_cut: bool,
}

impl Discovery {
    pub fn new(reader: Reader) -> Self {
        Self { reader, reads: Vec::new(), derived: Vec::new(), cluster: Cluster::default(), is_cut: false }
    }

    /// Answers queries, side by side. One that was answered before, or that a complete list covers, is not asked again.
    pub async fn ask(&mut self, queries: &[Query]) {
        let mut open: Vec<Query> = Vec::new();
        for query in queries {
            let is_known = self.derived.contains(query) || self.reads.iter().any(|(q, _)| q == query);
            if is_known || open.contains(query) {
                continue;
            }
            match filter::answer(&self.reads, query) {
                Some(answer) => {
                    build::add(&mut self.cluster, query, &answer);
                    self.derived.push(query.clone());
                }
                None => open.push(query.clone()),
            }
        }
        let answers = match &self.reader {
            Reader::Live(live) => futures::future::join_all(open.iter().map(|query| list::read(live, query))).await,
            Reader::Bundle(bundle) => open.iter().map(|query| bundle.answer(query)).collect(),
        };
        for (query, answer) in open.into_iter().zip(answers) {
            if answer == Known::Unasked {
                self.is_cut = true;
                continue;
            }
            build::add(&mut self.cluster, &query, &answer);
            self.reads.push((query, answer));
        }
    }

    /// The recorded run came no further than this: its time limit ended it while these reads were under way.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Every read in the order it was made, for recording.
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
