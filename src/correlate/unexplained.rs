//! Traffic fails, and no cause explains it: said plainly, with what is known.

use crate::declare_finding;
use crate::finding::Finding;
use crate::model::{ObjectRef, Subject};

use super::Correlation;
use super::summary::{decisive, destination};

declare_finding! {
    /// ## What it finds
    ///
    /// Probes failed, and none of netcheck's causes explains why. It is a fault, and its cause is not known.
    ///
    /// ## How it is proven
    ///
    /// The probes that failed are listed as evidence, with who refused when somebody did. Silence (no answer at all) means
    /// that something on the way drops the packets: a NetworkPolicy, a rule on a node, a broken route or overlay.
    ///
    /// ## What to do
    ///
    /// Look at the gaps: what was not looked at is where the cause is. Try the same question from another pod on the same
    /// node and from another node: what changes the answer tells which side is at fault.
    Unexplained, "NC9001", "unexplained", "Traffic fails and no known cause explains it"
}

/// The finding for failures that nothing explains.
pub(super) fn finding(cx: &Correlation<'_>) -> Finding {
    let about = match &cx.question.to {
        Subject::Service { namespace, name } => ObjectRef::service(namespace, name),
        Subject::Pod(object) | Subject::Route(object) => object.clone(),
        Subject::Node(name) => ObjectRef::node(name),
        Subject::Ip(ip) => ObjectRef::new("address", "", &ip.to_string()),
        Subject::Name(name) => ObjectRef::new("name", "", name),
    };
    let failed = decisive(cx).into_iter().filter(|(_, r)| r.measured() && !r.ok());
    let sentence = format!("{} fails from the source, and none of the known causes explains it.", destination(cx));
    let mut finding = Finding::cause(Unexplained::META, about, sentence).possible();
    for (what, reach) in failed {
        finding = finding.expected(what, "every try succeeds", reach.words());
    }
    if let Some(error) = cx.resolved().filter(|r| r.addresses.is_empty()).and_then(|r| r.error.clone()) {
        finding = finding.expected(format!("name {}", cx.question.name.clone().unwrap_or_default()), "an address", error);
    }
    finding.next("read the gaps below: the cause is in what was not looked at; try the same question from a pod on another node")
}
