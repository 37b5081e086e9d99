//! The measurements by what they were aimed at.

use std::net::IpAddr;

use crate::model::{ObjectRef, Protocol, Service, ServicePort, Subject};
use crate::plan::backends::{Backend, asked_backends, asked_port, in_use};
use crate::probe::{
    DnsOutcome, DnsSpec, EnvironmentOutcome, ProbeOutcome, ProbeSpec, Refuser, ResolveOutcome, SocketsOutcome, TcpAttempt,
    TcpOutcome,
};

use super::Correlation;

/// How one address and port answered over all tries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    pub tries: u32,
    pub successes: u32,
    /// The last failure in words, as `refused by RST after 0.2 ms`.
    pub failure: Option<String>,
    /// The last TCP failure that somebody reported, else the last one.
    pub refusal: Option<TcpAttempt>,
}

impl Reach {
    pub fn measured(&self) -> bool {
        self.tries > 0
    }

    pub fn ok(&self) -> bool {
        self.tries > 0 && self.successes == self.tries
    }

    pub fn dead(&self) -> bool {
        self.tries > 0 && self.successes == 0
    }

    pub fn mixed(&self) -> bool {
        self.successes > 0 && self.successes < self.tries
    }

    /// Refused with a TCP RST: something has the address, and nothing listens on the port.
    pub fn refused_by_rst(&self) -> bool {
        matches!(&self.refusal, Some(TcpAttempt::Refused { by: Refuser::Rst {}, .. }))
    }

    /// `3 of 3 connected`, or the failure.
    pub fn words(&self) -> String {
        match (&self.failure, self.tries) {
            (_, 0) => "not measured".to_owned(),
            (Some(failure), tries) if self.successes < tries => format!("{} of {tries} succeeded; {failure}", self.successes),
            (_, tries) => format!("{} of {tries} succeeded", self.successes),
        }
    }
}

/// A TCP failure in words that name who refused.
pub fn attempt_words(attempt: &TcpAttempt) -> String {
    let by = |refuser: &Refuser| match refuser {
        Refuser::Rst {} => "by a TCP RST".to_owned(),
        Refuser::Icmp { from, icmp_type, code } => {
            let meaning = icmp_meaning(from.is_ipv6(), *icmp_type, *code);
            format!("by ICMP {meaning} (type {icmp_type} code {code}) from {from}")
        }
        Refuser::Local {} => "by the source's own kernel".to_owned(),
        Refuser::Unknown => "by an unknown party".to_owned(),
    };
    match attempt {
        TcpAttempt::Opened { connect_us, .. } => format!("connected in {}", micros(*connect_us)),
        TcpAttempt::Refused { by: who, after_us } => format!("refused {} after {}", by(who), micros(*after_us)),
        TcpAttempt::Unreachable { by: who, error, after_us } => {
            format!("{error}, reported {} after {}", by(who), micros(*after_us))
        }
        TcpAttempt::TimedOut { after_ms } => format!("no answer within {after_ms} ms"),
        TcpAttempt::Unknown => "an answer this version does not know".to_owned(),
    }
}

/// An ICMP error by its name: RFC 792, RFC 1812 section 5.2.7.1 and RFC 4443 section 3.1.
pub fn icmp_meaning(v6: bool, icmp_type: u8, code: u8) -> &'static str {
    match (v6, icmp_type, code) {
        (false, 3, 0) | (true, 1, 0) => "no route",
        (false, 3, 1) | (true, 1, 3) => "host unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
        (false, 11, _) | (true, 3, _) => "hop limit exceeded",
        _ => "see RFC 792 and RFC 4443",
    }
}

/// Microseconds as a person reads them.
pub fn micros(us: u64) -> String {
    if us < 1_000 { format!("{us} µs") } else { format!("{}.{} ms", us / 1_000, us % 1_000 / 100) }
}

impl<'a> Correlation<'a> {
    /// The Service the question is about.
    pub fn service(&self) -> Option<&'a Service> {
        match &self.question.to {
            Subject::Service { namespace, name } => self.cluster.service(namespace, name),
            Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => None,
        }
    }

    /// The Service's port the question is about.
    pub fn service_port(&self) -> Option<&'a ServicePort> {
        asked_port(self.service()?, self.question.port, self.question.protocol)
    }

    /// The endpoints of that port; empty when they are not known.
    pub fn backends(&self) -> Vec<Backend> {
        let Some(service) = self.service() else { return Vec::new() };
        let (port, protocol) = (self.question.port, self.question.protocol);
        asked_backends(self.cluster, service, port, protocol).got().cloned().unwrap_or_default()
    }

    /// Those of them that connections are sent to.
    pub fn backends_in_use(&self) -> Vec<Backend> {
        in_use(&self.backends())
    }

    /// Echo requests from the source to an address: answered and sent. `None` when there were none.
    pub fn echoes(&self, ip: IpAddr) -> Option<(u32, u32)> {
        let echoes = self.answers().filter_map(|(spec, outcome)| match (spec, outcome) {
            (ProbeSpec::Ping(spec), ProbeOutcome::Ping(outcome)) if spec.ip == ip && outcome.error.is_none() => {
                Some((outcome.echo.tries.saturating_sub(outcome.echo.lost), outcome.echo.tries))
            }
            _ => None,
        });
        echoes.reduce(|(a, b), (c, d)| (a + c, b + d)).filter(|(_, sent)| *sent > 0)
    }

    /// How far packets to an address got, in words: the hops that answered.
    pub fn trace_words(&self, ip: IpAddr) -> Option<String> {
        let trace = self.answers().find_map(|(spec, outcome)| match (spec, outcome) {
            (ProbeSpec::Trace(spec), ProbeOutcome::Trace(outcome)) if spec.ip == ip => Some(outcome),
            _ => None,
        })?;
        let answered: Vec<String> = trace.hops.iter().filter_map(|h| Some(format!("hop {} {}", h.ttl, h.from?))).collect();
        Some(match (trace.reached, answered.is_empty()) {
            (true, _) => "they arrive".to_owned(),
            (false, true) => "no hop answers".to_owned(),
            (false, false) => format!("{}, and nothing beyond", answered.join(", ")),
        })
    }

    /// How an address and port answered the source, with every repetition added up. Tries that waited for the cluster to settle
    /// count instead of those before them.
    pub fn reach(&self, ip: IpAddr, port: u16) -> Reach {
        self.settled(ip, port).unwrap_or_else(|| self.at_once(ip, port))
    }

    /// How they answered a moment later. `None`: they were not asked again.
    pub fn settled(&self, ip: IpAddr, port: u16) -> Option<Reach> {
        let mut reach = Reach::default();
        for (spec, outcome) in self.answers() {
            if let (ProbeSpec::Tcp(spec), ProbeOutcome::Tcp(outcome)) = (spec, outcome)
                && (spec.ip, spec.port, spec.wait_ms > 0) == (ip, port, true)
            {
                add_tcp(&mut reach, outcome);
            }
        }
        reach.measured().then_some(reach)
    }

    /// How they answered when they were asked first.
    pub fn at_once(&self, ip: IpAddr, port: u16) -> Reach {
        let mut reach = Reach::default();
        for m in self.measured.iter().filter(|m| Some(&m.from) == self.question.from.as_ref()) {
            match (&m.spec, &m.outcome) {
                (ProbeSpec::Tcp(spec), ProbeOutcome::Tcp(outcome)) if (spec.ip, spec.port, spec.wait_ms) == (ip, port, 0) => {
                    add_tcp(&mut reach, outcome);
                }
                (ProbeSpec::Udp(spec), ProbeOutcome::Udp(outcome)) if spec.ip == ip && spec.port == port => {
                    // silence proves nothing: only answers and refusals count
                    reach.tries += outcome.answered + u32::from(outcome.refused_by.is_some());
                    reach.successes += outcome.answered;
                    if outcome.refused_by.is_some() {
                        reach.failure = Some("refused by ICMP port unreachable".to_owned());
                    }
                }
                (ProbeSpec::Dns(spec), ProbeOutcome::Dns(outcome))
                    if spec.server == ip && spec.port == port && self.question.protocol == Protocol::Udp =>
                {
                    reach.tries += u32::try_from(outcome.attempts.len()).unwrap_or(0);
                    reach.successes += u32::try_from(outcome.attempts.iter().filter(|a| a.is_response()).count()).unwrap_or(0);
                }
                _ => {}
            }
        }
        reach
    }

    /// What the source's resolver made of the destination's name.
    pub fn resolved(&self) -> Option<&'a ResolveOutcome> {
        self.answers().find_map(|(spec, outcome)| match (spec, outcome) {
            (ProbeSpec::Resolve(spec), ProbeOutcome::Resolve(outcome)) if Some(&spec.name) == self.question.name.as_ref() => {
                Some(outcome)
            }
            _ => None,
        })
    }

    /// The source pod's own network.
    pub fn environment(&self) -> Option<&'a EnvironmentOutcome> {
        self.answers()
            .find_map(|(_, outcome)| if let ProbeOutcome::Environment(environment) = outcome { Some(environment) } else { None })
    }

    /// Every DNS query the source sent to a server, with its answer.
    pub fn dns(&self) -> impl Iterator<Item = (&'a DnsSpec, &'a DnsOutcome)> {
        self.answers().filter_map(|(spec, outcome)| match (spec, outcome) {
            (ProbeSpec::Dns(spec), ProbeOutcome::Dns(outcome)) => Some((spec, outcome)),
            _ => None,
        })
    }

    /// What the source's probes brought.
    pub(in crate::correlate) fn answers(&self) -> impl Iterator<Item = (&'a ProbeSpec, &'a ProbeOutcome)> {
        let from = self.question.from.as_ref();
        self.measured.iter().filter(move |m| Some(&m.from) == from).map(|m| (&m.spec, &m.outcome))
    }

    /// Who listens inside a pod, when an agent looked.
    pub fn sockets(&self, pod: &ObjectRef) -> Option<&'a SocketsOutcome> {
        self.measured.iter().filter(|m| m.from == *pod).find_map(|m| {
            if let ProbeOutcome::Sockets(sockets) = &m.outcome { sockets.error.is_none().then_some(sockets) } else { None }
        })
    }
}

fn add_tcp(reach: &mut Reach, outcome: &TcpOutcome) {
    reach.tries += u32::try_from(outcome.attempts.len()).unwrap_or(0);
    reach.successes += u32::try_from(outcome.opened()).unwrap_or(0);
    let known = reach.refusal.as_ref().is_some_and(TcpAttempt::is_reported);
    if let Some(failure) = outcome.telling_failure().filter(|f| f.is_reported() || !known) {
        reach.failure = Some(attempt_words(failure));
        reach.refusal = Some(failure.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Latency;

    #[test]
    fn an_error_that_somebody_sent_outweighs_the_silence_after_it() {
        let told = TcpAttempt::Refused { by: Refuser::Rst {}, after_us: 90 };
        let silent = TcpAttempt::TimedOut { after_ms: 1_500 };
        let mut reach = Reach::default();
        let outcome = |attempts: Vec<TcpAttempt>| TcpOutcome { attempts, connect: Latency::of(1, Vec::new()) };
        add_tcp(&mut reach, &outcome(vec![told.clone(), silent.clone()]));
        add_tcp(&mut reach, &outcome(vec![silent]));
        assert_eq!((reach.tries, reach.refusal), (3, Some(told)));
    }
}
