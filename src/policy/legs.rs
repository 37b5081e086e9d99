//! The connections that a question stands for: those that policies see, after a Service's address was translated.

use std::net::IpAddr;

use crate::model::{Cluster, ObjectRef, Protocol, Question, Service, Subject};
use crate::plan::backends::{Backend, asked_port, backends};

use super::{Directory, Endpoint, Flow};

/// One connection of a question.
#[derive(Debug, Clone)]
pub struct Leg<'a> {
    pub flow: Flow<'a>,
    /// What was translated to the flow's address, as `service/shop/web 10.96.1.10:80`.
    pub through: Option<String>,
    /// What should be known when the answer is read, such as an endpoint that is not ready.
    pub notes: Vec<String>,
}

/// The ground that legs stand on: a question with what was read for it.
#[derive(Debug)]
pub struct Ground<'a> {
    cluster: &'a Cluster,
    question: &'a Question,
    directory: Directory<'a>,
    backends: Vec<Backend>,
}

/// The connections of a question, and what could not be judged.
#[derive(Debug, Clone, Default)]
pub struct Legs<'a> {
    pub legs: Vec<Leg<'a>>,
    /// Connections that nothing can be said of, and why.
    pub missing: Vec<(String, String)>,
}

impl<'a> Ground<'a> {
    pub fn new(question: &'a Question, cluster: &'a Cluster) -> Self {
        let service = match &question.to {
            Subject::Service { namespace, name } => cluster.service(namespace, name),
            Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => None,
        };
        let port = service.and_then(|s| Some((s, asked_port(s, question.port, question.protocol)?)));
        let backends = port.and_then(|(s, p)| backends(cluster, s, p).got().cloned()).unwrap_or_default();
        Self { cluster, question, directory: Directory::new(cluster), backends }
    }

    /// Where the traffic starts.
    pub fn source(&self) -> Result<Endpoint<'_>, (String, String)> {
        match (&self.question.from_node, &self.question.from) {
            (Some(node), _) => Ok(self.directory.node(node)),
            (None, Some(pod)) => self.pod(pod),
            (None, None) => Err(("the source".to_owned(), "it is no pod and no node".to_owned())),
        }
    }

    fn pod(&self, object: &ObjectRef) -> Result<Endpoint<'_>, (String, String)> {
        match self.cluster.pod(object) {
            Some(pod) => Ok(self.directory.pod(pod)),
            None => Err((object.to_string(), "the pod was not read".to_owned())),
        }
    }

    /// Every connection of the question.
    pub fn legs(&self) -> Legs<'_> {
        let mut legs = Legs::default();
        let from = match self.source() {
            Ok(from) => from,
            Err(missing) => return Legs { missing: vec![missing], ..legs },
        };
        let add = |legs: &mut Legs<'_>, what: String, why: &str| legs.missing.push((what, why.to_owned()));
        match &self.question.to {
            Subject::Service { namespace, name } => match self.cluster.service(namespace, name) {
                Some(service) => self.endpoints(from, service, &mut legs),
                None => add(&mut legs, self.question.to.to_string(), "the Service was not read"),
            },
            Subject::Pod(object) => match self.pod(object) {
                Ok(to) => self.direct(from, to, &mut legs),
                Err(missing) => legs.missing.push(missing),
            },
            Subject::Node(name) => self.direct(from, self.directory.node(name), &mut legs),
            Subject::Ip(ip) => self.direct(from, self.directory.external(std::slice::from_ref(ip)), &mut legs),
            Subject::Name(_) => self.direct(from, self.directory.external(&[]), &mut legs),
            Subject::Route(object) => add(&mut legs, object.to_string(), "ask for the Service behind it"),
        }
        legs
    }

    /// A connection to an address that nothing translates, in each family that both ends have.
    fn direct<'s>(&'s self, from: Endpoint<'s>, to: Endpoint<'s>, legs: &mut Legs<'s>) {
        let Some(port) = self.question.port else {
            legs.missing.push((self.question.to.to_string(), "policies are about ports: say which with --port".to_owned()));
            return;
        };
        let has = |end: &Endpoint<'_>, v6: bool| end.ips.is_empty() || end.ip(v6).is_some();
        let mut families: Vec<bool> = [false, true].into_iter().filter(|v6| has(&from, *v6) && has(&to, *v6)).collect();
        // without any address there is one answer, not two
        if from.ips.is_empty() && to.ips.is_empty() {
            families.truncate(1);
        }
        for v6 in families {
            let flow = Flow { from, to, protocol: self.question.protocol, port, v6 };
            legs.legs.push(Leg { flow, through: None, notes: Vec::new() });
        }
    }

    fn endpoints<'s>(&'s self, from: Endpoint<'s>, service: &'s Service, legs: &mut Legs<'s>) {
        for backend in &self.backends {
            let to = match self.behind(backend) {
                Ok(to) => to,
                Err(missing) => {
                    legs.missing.push(missing);
                    continue;
                }
            };
            let v6 = backend.ip.is_ipv6();
            // a headless Service translates nothing: the port that the client uses is the pod's
            let port = if service.headless { self.question.port.unwrap_or(backend.port) } else { backend.port };
            let flow = Flow { from, to, protocol: self.question.protocol, port, v6 };
            let notes = if backend.ready { Vec::new() } else { vec!["the endpoint is not ready".to_owned()] };
            legs.legs.push(Leg { flow, through: through(service, self.question.port, v6), notes });
        }
    }

    /// What an endpoint's address is.
    fn behind<'s>(&'s self, backend: &'s Backend) -> Result<Endpoint<'s>, (String, String)> {
        if let Some(pod) = &backend.pod {
            return self.pod(pod);
        }
        Ok(self.address(&backend.ip))
    }

    /// A pod, a node, or an address outside.
    fn address<'s>(&'s self, ip: &'s IpAddr) -> Endpoint<'s> {
        let pod = self.cluster.pods.seen().find(|p| !p.host_network && !p.is_finished() && p.ips.contains(ip));
        let node = || self.cluster.nodes.seen().find(|n| n.internal_ips.contains(ip));
        match pod {
            Some(pod) => self.directory.pod(pod),
            None => match node() {
                Some(node) => self.directory.node(&node.name),
                None => self.directory.external(std::slice::from_ref(ip)),
            },
        }
    }
}

/// The address that a client uses, unless it is that of the pod.
fn through(service: &Service, port: Option<u16>, v6: bool) -> Option<String> {
    let ip = service.cluster_ips.iter().find(|ip| ip.is_ipv6() == v6)?;
    Some(format!("{} {}", service.object(), std::net::SocketAddr::new(*ip, port?)))
}

/// `TCP 8080`.
pub fn port_words(protocol: Protocol, port: u16) -> String {
    format!("{protocol} {port}")
}
