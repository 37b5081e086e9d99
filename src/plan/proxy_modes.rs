//! How kube-proxy is asked which mode it runs in: the configuration says what it should be after the next restart.
//!
//! It tells at `/proxyMode` of its metrics address (kubernetes v1.36, cmd/kube-proxy/app/server.go), which is the node's loopback
//! unless the configuration says otherwise. Other addresses are reached through the API server; the loopback from an agent in
//! kube-proxy's own pod, which shares the node's network.

use std::collections::BTreeMap;

use crate::cni::networks;
use crate::info::{KubeProxy, Measured, ServiceProxy, service_proxy};
use crate::model::{Cluster, Known, ObjectRef, Pod, Query, Resource};
use crate::probe::{HttpOutcome, HttpSpec, ProbeOutcome, ProbeSpec};
use crate::protocol::Measurement;

use super::Step;

/// Most nodes whose kube-proxy is asked.
const MOST: usize = 4;

const PATH: &str = "proxyMode";

const TIMEOUT_MS: u64 = 2_000;

/// What to read so that kube-proxy can be asked: its pods, and its answer where the API server can reach it.
pub fn reads(cluster: &Cluster, from_inside: bool) -> Vec<Query> {
    let Some(found) = kube_proxy(cluster) else { return Vec::new() };
    let reachable = found.metrics.filter(|address| !address.ip().is_loopback());
    if reachable.is_none() && !from_inside {
        return Vec::new();
    }
    let sets = cluster.workloads.seen().filter(|w| w.kind == "daemonset" && crate::info::is_kube_proxy(w));
    let mut queries: Vec<Query> = sets
        .filter(|set| !set.selector.is_empty())
        .map(|set| Query::within(Resource::Pods, &set.namespace).labelled(&set.selector.to_string()))
        .collect();
    if let Some(address) = reachable {
        let asked = |pod: &&Pod| Query::pod_proxy(&pod.namespace, &pod.name, address.port(), PATH);
        queries.extend(pods(cluster).iter().map(asked));
    }
    queries
}

/// The same question from inside kube-proxy's pods, where the API server got no answer. A static pod takes no agent.
pub fn steps(cluster: &Cluster) -> Vec<Step> {
    let Some(found) = kube_proxy(cluster) else { return Vec::new() };
    let port = found.metrics.map_or(10249, |address| address.port());
    let step = |pod: &Pod| Step {
        why: String::from("kube-proxy's own word on its mode"),
        from: pod.object(),
        spec: ProbeSpec::Http(HttpSpec { url: format!("http://127.0.0.1:{port}/{PATH}"), ip: None, timeout_ms: TIMEOUT_MS }),
    };
    let has_said = |pod: &&Pod| {
        let of_pod = |query: &Query| query.namespace.as_ref() == Some(&pod.namespace) && query.name.as_ref() == Some(&pod.name);
        proxied(cluster).any(|(query, known)| of_pod(query) && known.got().is_some())
    };
    pods(cluster).into_iter().filter(|pod| !pod.mirror && !has_said(pod)).map(step).collect()
}

/// What kube-proxy answered, both ways.
pub fn measured(cluster: &Cluster, measurements: &[Measurement]) -> Measured {
    let mut measured = Measured::default();
    let mut note = |pod: &ObjectRef, answer: Result<String, String>| {
        let node = cluster.pod(pod).and_then(|p| p.node.clone()).unwrap_or_else(|| pod.to_string());
        match answer.and_then(|text| mode(&text)) {
            Ok(mode) => measured.proxy_modes.push((node, mode)),
            Err(why) => measured.unanswered.push((node, why)),
        }
    };
    for (query, known) in proxied(cluster) {
        let namespace = query.namespace.as_deref().unwrap_or_default();
        let pod = ObjectRef::pod(namespace, query.name.as_deref().unwrap_or_default());
        let answer = match known {
            Known::Got(text) => Ok(text.clone()),
            Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => Err(known.missing().unwrap_or_default()),
        };
        note(&pod, answer);
    }
    for m in measurements.iter().filter(|m| is_ours(m)) {
        note(&m.from, said(&m.outcome));
    }
    // one answer of a node is enough, however it was got
    let answered: BTreeMap<String, String> = std::mem::take(&mut measured.proxy_modes).into_iter().collect();
    measured.unanswered.retain(|(node, _)| !answered.contains_key(node));
    measured.unanswered.sort();
    let others = by_node(cluster).len().saturating_sub(MOST);
    if others > 0 && !(answered.is_empty() && measured.unanswered.is_empty()) {
        measured.unanswered.push((format!("{others} other nodes"), format!("only {MOST} nodes are asked")));
    }
    measured.proxy_modes = answered.into_iter().collect();
    measured
}

fn proxied(cluster: &Cluster) -> impl Iterator<Item = (&Query, &Known<String>)> {
    cluster.texts.iter().filter(|(query, _)| query.resource == Resource::PodProxy)
}

/// Whether this is a question to kube-proxy about its mode.
pub fn is_ours(measurement: &Measurement) -> bool {
    matches!(&measurement.spec, ProbeSpec::Http(spec) if spec.url.starts_with("http://127.0.0.1:") && spec.url.ends_with("/proxyMode"))
}

fn said(outcome: &ProbeOutcome) -> Result<String, String> {
    match outcome {
        ProbeOutcome::Http(HttpOutcome::Response { status: 200, body_start, .. }) => Ok(body_start.clone()),
        ProbeOutcome::Http(HttpOutcome::Response { status, .. }) => Err(format!("it answered with status {status}")),
        ProbeOutcome::Http(HttpOutcome::Failed { phase, error, .. }) => Err(format!("{phase}: {error}")),
        ProbeOutcome::NotRun { why } => Err(why.clone()),
        ProbeOutcome::Http(HttpOutcome::Unknown)
        | ProbeOutcome::Environment(_)
        | ProbeOutcome::Sockets(_)
        | ProbeOutcome::Tcp(_)
        | ProbeOutcome::Udp(_)
        | ProbeOutcome::Ping(_)
        | ProbeOutcome::Dns(_)
        | ProbeOutcome::Resolve(_)
        | ProbeOutcome::Trace(_)
        | ProbeOutcome::PathMtu(_)
        | ProbeOutcome::Unknown => Err(String::from("the agent answered something else")),
    }
}

/// A word, and not the page of whatever else listens there.
fn mode(text: &str) -> Result<String, String> {
    let word = text.trim();
    let is_word = (1..=32).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_word { Ok(word.to_owned()) } else { Err(String::from("what answered there is not kube-proxy")) }
}

fn kube_proxy(cluster: &Cluster) -> Option<KubeProxy> {
    match service_proxy(cluster, &networks(cluster)) {
        ServiceProxy::KubeProxy(found) | ServiceProxy::Replaced { beside: Some(found), .. } => {
            Some(found).filter(KubeProxy::is_active)
        }
        ServiceProxy::Replaced { beside: None, .. } | ServiceProxy::NotSeen | ServiceProxy::Undetermined(_) => None,
    }
}

/// The pods that are asked.
fn pods(cluster: &Cluster) -> Vec<&Pod> {
    by_node(cluster).into_values().take(MOST).collect()
}

/// Running pods of kube-proxy, one a node.
fn by_node(cluster: &Cluster) -> BTreeMap<&str, &Pod> {
    let sets: Vec<_> = cluster.workloads.seen().filter(|w| w.kind == "daemonset" && crate::info::is_kube_proxy(w)).collect();
    let is_ours = |pod: &&Pod| {
        let of_set =
            sets.iter().any(|s| s.namespace == pod.namespace && !s.selector.is_empty() && s.selector.matches(&pod.labels));
        (of_set || crate::info::is_static_kube_proxy(pod)) && pod.host_network && pod.is_running()
    };
    cluster.pods.seen().filter(is_ours).filter_map(|pod| Some((pod.node.as_deref()?, pod))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{World, labels, pod};
    use crate::model::{ConfigMap, Selector, Workload};
    use crate::plan::info_reads;
    use crate::probe::Phases;

    /// `World::shop` with kube-proxy on node1 and node2, which tells its mode at this address.
    fn world(metrics: &str) -> World {
        let mut world = World::shop();
        world.workloads.push(Workload {
            kind: "daemonset".into(),
            namespace: "kube-system".into(),
            name: "kube-proxy".into(),
            selector: Selector::of(&labels("k8s-app=kube-proxy")),
            desired: Some(2),
            ..Workload::default()
        });
        for (node, address) in [("node1", "192.168.0.11"), ("node2", "192.168.0.12")] {
            let mut proxy = pod("kube-system", &format!("kube-proxy-{node}"), "k8s-app=kube-proxy", node, address, &[]);
            proxy.host_network = true;
            world.pods.push(proxy);
        }
        let text = format!("kind: KubeProxyConfiguration\nmode: nftables\nmetricsBindAddress: {metrics:?}\n");
        world.config_maps.retain(|map| map.name != "kube-proxy");
        world.config_maps.push(ConfigMap {
            namespace: "kube-system".into(),
            name: "kube-proxy".into(),
            data: [("config.conf".into(), text)].into(),
        });
        world
    }

    fn read(world: &World, from_inside: bool) -> (Cluster, Vec<Query>) {
        let mut cluster = Cluster::default();
        let mut proxied = Vec::new();
        loop {
            let mut queries = info_reads::next(&cluster);
            queries.extend(reads(&cluster, from_inside));
            queries.retain(|query| !cluster.has(query));
            if queries.is_empty() {
                return (cluster, proxied);
            }
            for query in queries {
                world.ask(&mut cluster, &query);
                proxied.extend((query.resource == Resource::PodProxy).then_some(query));
            }
        }
    }

    fn query(node: &str) -> Query {
        Query::pod_proxy("kube-system", &format!("kube-proxy-{node}"), 10249, "proxyMode")
    }

    fn answer(step: &Step, text: &str) -> Measurement {
        let outcome = HttpOutcome::Response {
            status: 200,
            version: "HTTP/1.1".into(),
            location: None,
            server: None,
            body_start: text.into(),
            body_bytes: 8,
            phases: Phases::default(),
            certificate: None,
        };
        Measurement {
            from: step.from.clone(),
            spec: step.spec.clone(),
            outcome: ProbeOutcome::Http(outcome),
            wave: 0,
            elapsed_us: 1,
        }
    }

    #[test]
    fn the_loopback_is_asked_from_inside_only() {
        for metrics in ["", "127.0.0.1:10249"] {
            let (cluster, proxied) = read(&world(metrics), false);
            assert!(proxied.is_empty());
            assert_eq!(measured(&cluster, &[]), Measured::default());
        }
        let (cluster, proxied) = read(&world("127.0.0.1:10249"), true);
        assert!(proxied.is_empty());
        let steps = steps(&cluster);
        assert_eq!(steps.len(), 2);
        let answers = [answer(&steps[0], "nftables"), answer(&steps[1], "<html>no</html>")];
        let measured = measured(&cluster, &answers);
        assert_eq!(measured.proxy_modes, [("node1".to_owned(), "nftables".to_owned())]);
        assert_eq!(measured.unanswered, [("node2".to_owned(), "what answered there is not kube-proxy".to_owned())]);
    }

    #[test]
    fn an_open_address_is_asked_through_the_api_server() {
        let mut world = world("0.0.0.0:10249");
        world.answers.insert(query("node1"), Known::Got("iptables".into()));
        let (cluster, proxied) = read(&world, false);
        assert_eq!(proxied, [query("node1"), query("node2")]);
        let measured = measured(&cluster, &[]);
        assert_eq!(measured.proxy_modes, [("node1".to_owned(), "iptables".to_owned())]);
        assert!(measured.unanswered[0].1.starts_with("not permitted: "), "{:?}", measured.unanswered);
        // who has answered is not asked again from inside
        let (cluster, _) = read(&world, true);
        assert_eq!(steps(&cluster).iter().map(|s| s.from.name.as_str()).collect::<Vec<_>>(), ["kube-proxy-node2"]);
    }

    #[test]
    fn where_there_is_no_kube_proxy_nobody_is_asked() {
        let (cluster, proxied) = read(&World::shop(), true);
        assert!(proxied.is_empty() && steps(&cluster).is_empty());
    }
}
