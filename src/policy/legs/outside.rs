//! Legs that start outside the cluster.

use std::net::IpAddr;

use crate::model::{Service, ServiceKind, Source, Subject};
use crate::plan::backends::Backend;
use crate::policy::{Endpoint, EndpointKind};

use super::{Ground, Leg, Legs, When, from_each};

pub(super) fn legs<'s>(ground: &'s Ground<'_>, ip: Option<IpAddr>, legs: &mut Legs<'s>) {
    let mut missing = |what: String, why: &str| legs.missing.push((what, why.to_owned()));
    let to = ground.question.to.to_string();
    let Some(port) = ground.question.port else {
        return missing(to, "policies are about ports: say which with --port");
    };
    let service = match (&ground.question.to, ground.service) {
        (Subject::Pod(object), _) => match ground.pod(object) {
            Ok(pod) => return direct(ground, pod, port, legs),
            Err((what, why)) => return missing(what, &why),
        },
        (_, Some(service)) => service,
        (Subject::Node(name), None) => return direct(ground, ground.directory.node(name), port, legs),
        (Subject::Service { .. }, None) => return missing(to, "the Service was not read"),
        (Subject::Route(_) | Subject::Ip(_) | Subject::Name(_), None) => {
            return missing(to, "no policy of this cluster sees traffic from outside to it");
        }
    };
    let open = matches!(service.kind, ServiceKind::NodePort | ServiceKind::LoadBalancer) || !service.external_ips.is_empty();
    if !open {
        let why =
            format!("nothing outside reaches a Service of type {}: ask for the pods of the proxy in front of it", service.kind);
        return missing(to, &why);
    }
    let label = ip.map_or_else(|| "internet".to_owned(), |ip| ip.to_string());
    for backend in &ground.backends {
        let Some(pod) = &backend.pod else { continue };
        match ground.pod(pod) {
            Ok(to) => entries(ground, service, backend, to, &label, legs),
            Err(missing) => legs.missing.push(missing),
        }
    }
    if ground.backends.is_empty() {
        let known = ground.cluster.slices_of(&service.namespace, &service.name);
        let why = known.missing().unwrap_or_else(|| "it has no endpoint: there is no pod whose policies could decide".to_owned());
        legs.missing.push((to, why));
    }
}

/// The sender, at the address that was asked about or at any public one.
fn senders<'s>(ground: &'s Ground<'_>, v6: bool) -> Vec<(Endpoint<'s>, When)> {
    match &ground.question.request.source {
        Source::Outside(Some(ip)) if ip.is_ipv6() == v6 => {
            vec![(ground.directory.external(std::slice::from_ref(ip)), When::Always)]
        }
        Source::Outside(Some(_)) => Vec::new(),
        Source::Outside(None) | Source::Object(_) | Source::Node(_) => ground.anywhere(v6),
    }
}

fn direct<'s>(ground: &'s Ground<'_>, to: Endpoint<'s>, port: u16, legs: &mut Legs<'s>) {
    for v6 in [false, true] {
        let from = senders(ground, v6);
        if to.ip(v6).is_none() || from.is_empty() {
            continue;
        }
        let ingress = from_each(from, to, ground.question.protocol, port, v6);
        let note = "whether anything outside reaches its address is a matter of routes, not of policies".to_owned();
        legs.legs.push(leg(ground, sender(ground), to.label(), port, ingress, vec![note]));
    }
}

fn sender(ground: &Ground<'_>) -> String {
    match &ground.question.request.source {
        Source::Outside(Some(ip)) => ip.to_string(),
        Source::Outside(None) | Source::Object(_) | Source::Node(_) => "internet".to_owned(),
    }
}

fn leg<'s>(
    ground: &Ground<'_>,
    from: String,
    to: String,
    port: u16,
    ingress: Vec<super::Way<'s>>,
    notes: Vec<String>,
) -> Leg<'s> {
    let protocol = ground.question.protocol;
    let asked = ground.question.port.unwrap_or(port);
    Leg { from, to, protocol, port, asked, egress: Vec::new(), ingress, through: None, notes, counts: true }
}

/// The ways into the cluster for one endpoint: with the source address kept, or replaced by that of the node it enters by.
fn entries<'s>(
    ground: &'s Ground<'_>,
    service: &Service,
    backend: &'s Backend,
    to: Endpoint<'s>,
    label: &str,
    legs: &mut Legs<'s>,
) {
    let (v6, protocol) = (backend.ip.is_ipv6(), ground.question.protocol);
    let mut push = |from: String, froms: Vec<(Endpoint<'s>, When)>, note: String| {
        if froms.is_empty() {
            return;
        }
        let ingress = from_each(froms, to, protocol, backend.port, v6);
        let mut leg = leg(ground, from, to.label(), backend.port, ingress, vec![note]);
        leg.through = Some(service.object().to_string());
        leg.counts = backend.ready;
        legs.legs.push(leg);
    };
    if service.external_local || to.kind != EndpointKind::Pod {
        let note = "externalTrafficPolicy Local: the pod sees the sender's address, unless a load balancer replaced it before";
        push(label.to_owned(), senders(ground, v6), note.to_owned());
        return;
    }
    let note =
        |what: &str| format!("externalTrafficPolicy Cluster: the node where it enters replaces the source address; {what}");
    if let Some(own) = to.node {
        push(format!("{label} by node/{own}"), vec![(ground.directory.node(own), When::Always)], note("here the pod's own node"));
    }
    let others: Vec<&str> = match &ground.question.to {
        Subject::Node(name) => vec![name.as_str()],
        Subject::Service { .. } | Subject::Pod(_) | Subject::Route(_) | Subject::Ip(_) | Subject::Name(_) => {
            let mut names: Vec<&str> = ground.cluster.nodes.seen().map(|n| n.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names
        }
    };
    let others = others.into_iter().filter(|name| Some(*name) != to.node);
    let seen = others.flat_map(|name| ground.as_seen(ground.directory.node(name), &to, v6));
    let enters = |node: &Endpoint<'_>| {
        let address = node.ip(v6).map(|ip| format!(", and the pod sees it as {ip}")).unwrap_or_default();
        When::Words(format!("it enters by {}{address}", node.label()))
    };
    let froms: Vec<_> = seen.map(|(node, _)| (node, enters(&node))).collect();
    push(
        format!("{label} by another node"),
        froms,
        note("here another node than the pod's. externalTrafficPolicy Local would keep the sender's"),
    );
}
