//! Legs that start in a pod or on a node.

use std::net::{IpAddr, SocketAddr};

use crate::model::{Cluster, Question, Service, ServicePort, Subject};
use crate::plan::backends::{Backend, asked_port};
use crate::policy::{Endpoint, EndpointKind};

use super::ends::Missing;
use super::{Ground, Leg, Legs, When, from_each, to_each};

/// The Service that a question goes through.
pub(super) fn service<'a>(question: &Question, cluster: &'a Cluster) -> Option<&'a Service> {
    match &question.to {
        Subject::Service { namespace, name } => cluster.service(namespace, name),
        Subject::Node(_) => {
            let mine = |p: &ServicePort| p.node_port.is_some() && p.node_port == question.port && p.protocol == question.protocol;
            cluster.services.seen().find(|s| s.ports.iter().any(mine))
        }
        Subject::Pod(_) | Subject::Route(_) | Subject::Ip(_) | Subject::Name(_) => None,
    }
}

/// Its port.
pub(super) fn service_port<'a>(question: &Question, service: &'a Service) -> Option<&'a ServicePort> {
    match &question.to {
        Subject::Node(_) => service.ports.iter().find(|p| p.node_port == question.port && p.protocol == question.protocol),
        Subject::Service { .. } | Subject::Pod(_) | Subject::Route(_) | Subject::Ip(_) | Subject::Name(_) => {
            let own = asked_port(service, question.port, question.protocol);
            // a headless Service translates nothing: any port is the pod's own, and any port of the Service finds the pods
            own.or_else(|| service.ports.iter().find(|p| service.headless && p.protocol == question.protocol))
        }
    }
}

pub(super) fn legs<'s>(ground: &'s Ground<'_>, legs: &mut Legs<'s>) {
    let from = match ground.source() {
        Ok(from) => from,
        Err(missing) => return legs.missing.push(missing),
    };
    let Some(port) = ground.question.port else {
        return legs.missing.push(without_port(ground));
    };
    let asked = Asked { ground, from, port };
    match &ground.question.to {
        Subject::Service { .. } => asked.endpoints(legs),
        Subject::Pod(object) => match ground.pod(object) {
            Ok(to) => asked.direct(to, legs),
            Err(missing) => legs.missing.push(missing),
        },
        Subject::Node(name) if ground.service.is_some() => asked.node_port(name, legs),
        Subject::Node(name) => asked.direct(ground.directory.node(name), legs),
        Subject::Ip(ip) => asked.outside(ground.address(ip, &from), ip.to_string(), ip.is_ipv6(), legs),
        Subject::Name(name) => {
            for v6 in [false, true] {
                asked.outside(ground.anywhere(v6), name.clone(), v6, legs);
            }
        }
        Subject::Route(object) => legs.missing.push((object.to_string(), "ask for the Service behind it".to_owned())),
    }
}

fn without_port(ground: &Ground<'_>) -> Missing {
    let why = match (&ground.question.to, ground.service) {
        (Subject::Service { .. }, Some(_)) => "the Service has no such port",
        (Subject::Service { .. }, None) => "the Service was not read",
        (Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_), _) => {
            "policies are about ports: say which with --port"
        }
    };
    (ground.question.to.to_string(), why.to_owned())
}

#[derive(Clone, Copy)]
struct Asked<'s, 'a> {
    ground: &'s Ground<'a>,
    from: Endpoint<'s>,
    port: u16,
}

impl<'s> Asked<'s, '_> {
    fn leg(&self, to: String, port: u16) -> Leg<'s> {
        Leg {
            from: self.from.label(),
            to,
            protocol: self.ground.question.protocol,
            port,
            asked: self.port,
            egress: Vec::new(),
            ingress: Vec::new(),
            through: None,
            notes: Vec::new(),
            counts: true,
        }
    }

    /// Whether the source has an address of the family, as far as is known.
    fn speaks(&self, v6: bool) -> bool {
        self.from.ips.is_empty() || self.from.ip(v6).is_some()
    }

    /// A connection to an address that nothing translates, in each family that both ends have.
    fn direct(&self, to: Endpoint<'s>, legs: &mut Legs<'s>) {
        let before = legs.legs.len();
        for v6 in [false, true] {
            let known = to.ips.is_empty() || to.ip(v6).is_some();
            // without any address there is one answer, not two
            let again = v6 && to.ips.is_empty() && legs.legs.len() > before;
            if known && self.speaks(v6) && !again {
                let leg = self.leg(to.label(), self.port);
                legs.legs.push(self.between(leg, vec![(to, When::Always)], v6));
            }
        }
        if legs.legs.len() == before {
            legs.missing.push((to.label(), format!("it has no address of a family that {} has", self.from.label())));
        }
    }

    /// To an address outside, or one of several.
    fn outside(&self, to: Vec<(Endpoint<'s>, When)>, label: String, v6: bool, legs: &mut Legs<'s>) {
        if self.speaks(v6) && !to.is_empty() {
            let leg = self.leg(label, self.port);
            legs.legs.push(self.between(leg, to, v6));
        }
    }

    /// Fills in what each end's policies see.
    fn between(&self, leg: Leg<'s>, to: Vec<(Endpoint<'s>, When)>, v6: bool) -> Leg<'s> {
        let (protocol, port) = (leg.protocol, leg.port);
        // a pod sees a node by an address that the network chooses
        let sees = to.first().filter(|(t, _)| t.kind == EndpointKind::Pod && self.from.kind == EndpointKind::Node);
        let ingress = match sees {
            Some((pod, _)) => from_each(self.ground.as_seen(self.from, pod, v6), *pod, protocol, port, v6),
            None => to_each(self.from, to.clone(), protocol, port, v6),
        };
        Leg { egress: to_each(self.from, to, protocol, port, v6), ingress, ..leg }
    }

    /// Every endpoint of the Service.
    fn endpoints(&self, legs: &mut Legs<'s>) {
        let Some(service) = self.ground.service else { return legs.missing.push(without_port(self.ground)) };
        if service.kind == crate::model::ServiceKind::ExternalName {
            let name = service.external_name.clone().unwrap_or_default();
            let why = format!("it is another name for {name}: ask for that");
            return legs.missing.push((service.object().to_string(), why));
        }
        let cached = self.node_local(service, legs);
        for backend in &self.ground.backends {
            match self.endpoint(service, backend) {
                Ok(mut leg) => {
                    if cached {
                        leg.counts = false;
                        leg.notes.push("asked only while NodeLocal DNS does not run on the node".to_owned());
                    }
                    legs.legs.push(leg);
                }
                Err(missing) => legs.missing.push(missing),
            }
        }
        if self.ground.backends.is_empty() {
            let known = self.ground.cluster.slices_of(&service.namespace, &service.name);
            let why =
                known.missing().unwrap_or_else(|| "it has no endpoint: there is no pod whose policies could decide".to_owned());
            legs.missing.push((service.object().to_string(), why));
        }
    }

    fn endpoint(&self, service: &Service, backend: &'s Backend) -> Result<Leg<'s>, Missing> {
        let v6 = backend.ip.is_ipv6();
        let to = match &backend.pod {
            Some(pod) => vec![(self.ground.pod(pod)?, When::Always)],
            None => self.ground.address(&backend.ip, &self.from),
        };
        let label = to.first().map(|(t, _)| t.label()).unwrap_or_default();
        // a headless Service translates nothing: the port that the client uses is the pod's
        let port = if service.headless { self.port } else { backend.port };
        let mut leg = self.between(self.leg(label, port), to, v6);
        let ip = service.cluster_ips.iter().find(|ip| ip.is_ipv6() == v6).filter(|_| !service.headless);
        leg.through = ip.map(|ip| through(service, *ip, self.port));
        if !backend.ready {
            leg.counts = false;
            leg.notes.push("the endpoint is not ready".to_owned());
        }
        if service.internal_local
            && self.from.node.is_some()
            && backend.node.is_some()
            && self.from.node != backend.node.as_deref()
        {
            leg.counts = false;
            leg.notes.push("internalTrafficPolicy Local: the endpoint is on another node and gets nothing from here".to_owned());
        }
        if !self.speaks(v6) {
            return Err((leg.to, format!("{} has no address of its family", self.from.label())));
        }
        Ok(leg)
    }

    /// The DNS cache on the source's node, which answers in place of the DNS pods. `true`: there is one.
    fn node_local(&self, service: &Service, legs: &mut Legs<'s>) -> bool {
        let ground = self.ground;
        let is_dns = crate::plan::reads::dns_services(ground.cluster).iter().any(|s| s.object() == service.object());
        if !is_dns || ground.node_local.is_empty() || self.from.kind != EndpointKind::Pod {
            return false;
        }
        for v6 in [false, true] {
            // which of its addresses a pod asks stands in its /etc/resolv.conf
            let asked: Vec<&IpAddr> = ground
                .node_local
                .iter()
                .filter(|ip| ip.is_ipv6() == v6)
                .filter(|ip| ground.seen.nameservers.is_empty() || ground.seen.nameservers.contains(ip))
                .collect();
            let several = asked.len() > 1;
            let one = |ip: &'s IpAddr| {
                let when = if several { When::Words(format!("/etc/resolv.conf names {ip}")) } else { When::Always };
                (ground.directory.external(std::slice::from_ref(ip)), when)
            };
            let to: Vec<_> = asked.into_iter().map(one).collect();
            if to.is_empty() || !self.speaks(v6) {
                continue;
            }
            let leg = self.leg("NodeLocal DNS on the node".to_owned(), self.port);
            let mut leg = self.between(leg, to, v6);
            leg.notes.push("it runs in the node's network: rules that select the DNS pods do not find it".to_owned());
            legs.legs.push(leg);
        }
        legs.legs.iter().any(|l| l.to.starts_with("NodeLocal DNS"))
    }

    /// Through the node port of a node: the source's policies see the node, the endpoint's see who translated.
    fn node_port(&self, node: &'s str, legs: &mut Legs<'s>) {
        let Some(service) = self.ground.service else { return };
        let entry = self.ground.directory.node(node);
        for backend in &self.ground.backends {
            let v6 = backend.ip.is_ipv6();
            let to = match &backend.pod {
                Some(pod) => match self.ground.pod(pod) {
                    Ok(to) => to,
                    Err(missing) => {
                        legs.missing.push(missing);
                        continue;
                    }
                },
                None => continue,
            };
            if service.external_local && backend.node.as_deref() != Some(node) || !self.speaks(v6) {
                continue;
            }
            let mut leg = self.leg(to.label(), backend.port);
            leg.through = entry.ip(v6).map(|ip| through(service, ip, self.port));
            let egress = to_each(self.from, vec![(entry, When::Always)], leg.protocol, self.port, v6);
            leg.egress = egress;
            let froms = self.through_node(service, entry, &to, v6, &mut leg.notes);
            leg.ingress = from_each(froms, to, leg.protocol, leg.port, v6);
            leg.counts = backend.ready;
            legs.legs.push(leg);
        }
        if legs.legs.is_empty() {
            let why = if service.external_local {
                format!("externalTrafficPolicy Local, and node/{node} has no endpoint")
            } else {
                "it has no endpoint".to_owned()
            };
            legs.missing.push((service.object().to_string(), why));
        }
    }

    /// Who an endpoint sees behind a node port.
    fn through_node(
        &self,
        service: &Service,
        entry: Endpoint<'s>,
        to: &Endpoint<'s>,
        v6: bool,
        notes: &mut Vec<String>,
    ) -> Vec<(Endpoint<'s>, When)> {
        if !service.external_local {
            notes.push(format!("the node replaces the source address: the pod sees {}", entry.label()));
            return self.ground.as_seen(entry, to, v6);
        }
        // whether packets of a pod to a node keep the pod's address is the CNI's choice
        let own = self.from.node.filter(|_| self.from.kind == EndpointKind::Pod).map(|n| self.ground.directory.node(n));
        let kept =
            (self.from, own.map_or(When::Always, |_| When::Words("the pod's address is kept on the way to the node".to_owned())));
        let hidden = own.into_iter().flat_map(|own| self.ground.as_seen(own, to, v6));
        let hidden = hidden.map(|(node, _)| (node, When::Words("it is replaced by its node's".to_owned())));
        std::iter::once(kept).chain(hidden).collect()
    }
}

pub(super) fn through(service: &Service, ip: IpAddr, port: u16) -> String {
    format!("{} {}", service.object(), SocketAddr::new(ip, port))
}
