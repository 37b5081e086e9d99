//! Admission webhooks and aggregated APIs whose Service is dead.

use super::facts::Facts;
use crate::checks::extensions::{Behind, Callee, api_services, behind, lists, webhooks};
use crate::model::{Cluster, Known};
use crate::report::info::{Fact, Topic};

/// Most dead ones that are told one by one.
const SHOWN: usize = 8;

pub(super) fn facts(cluster: &Cluster, facts: &mut Facts) {
    for query in lists() {
        let known = cluster.custom_answer(&query);
        if let Known::Denied(_) | Known::Failed(_) = known {
            facts.missing("what the API server calls", &known);
        }
    }
    let hooks = webhooks(cluster);
    let apis: Vec<Callee> = api_services(cluster).into_iter().map(|(callee, _)| callee).collect();
    all("admission webhooks", &hooks, cluster, facts);
    all("aggregated APIs", &apis, cluster, facts);
}

fn all(name: &str, callees: &[Callee], cluster: &Cluster, facts: &mut Facts) {
    if callees.is_empty() {
        return;
    }
    let dead: Vec<(&Callee, &str)> = callees.iter().filter_map(|c| Some((c, trouble(c, cluster)?))).collect();
    let value =
        if dead.is_empty() { format!("{}", callees.len()) } else { format!("{}, {} of them dead", callees.len(), dead.len()) };
    let mut fact = Fact::new(Topic::Cluster, name, value, "certain");
    for (callee, why) in dead.iter().take(SHOWN) {
        fact = fact.seen(format!("{} {}", callee.object, callee.name).trim_end().to_owned(), format!("{} {why}", callee.service));
    }
    if let Some((first, why)) = dead.iter().find(|(c, _)| c.strict).or(dead.first()) {
        let effect = if first.strict { "is refused" } else { "goes on without it" };
        let finding = if first.name.is_empty() { "NC7202" } else { "NC7201" };
        fact = fact.warning(format!(
            "{}: {} {why}, so what it is to be asked about ({}) {effect}",
            first.object, first.service, first.scope
        ));
        facts.hint(name, &format!("finding {finding}: kubectl netcheck explain {finding}"));
    }
    facts.add(fact);
}

fn trouble(callee: &Callee, cluster: &Cluster) -> Option<&'static str> {
    match behind(&callee.service, cluster) {
        Known::Got(Behind::NoService) => Some("does not exist"),
        Known::Got(Behind::NoEndpoint) => Some("has no ready endpoint"),
        Known::Got(Behind::Endpoints | Behind::Elsewhere)
        | Known::Denied(_)
        | Known::Absent(_)
        | Known::Failed(_)
        | Known::Unasked => None,
    }
}
