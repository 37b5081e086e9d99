//! A Service that was just changed is asked again: kube-proxy writes its rules a moment after the endpoints are ready.

use crate::model::{Cluster, Question, Subject};
use crate::probe::{ProbeOutcome, ProbeSpec, TcpOutcome, TcpSpec};
use crate::protocol::Measurement;

use super::backends::{asked_backends, in_use};
use super::steps::{TCP_TIMEOUT_MS, Wave};

/// kube-proxy syncs at most once a `minSyncPeriod`, 1 s unless it is set (Kubernetes pkg/proxy/apis/config/v1alpha1/defaults.go, v1.34).
const WAIT_MS: u64 = 1_500;

/// Asks for an address of the Service once more where it is refused while every endpoint answers. One that is silent needs no more:
/// its tries span that time already.
pub(super) fn again(question: &Question, cluster: &Cluster, measured: &[Measurement], next: &mut Wave) {
    let Subject::Service { namespace, name } = &question.to else { return };
    let (Some(service), Some(port)) = (cluster.service(namespace, name), question.port) else { return };
    let answers = |ip, port| {
        measured.iter().filter(|m| Some(&m.from) == question.from.as_ref()).find_map(|m| match (&m.spec, &m.outcome) {
            (ProbeSpec::Tcp(spec), ProbeOutcome::Tcp(outcome)) if (spec.ip, spec.port) == (ip, port) => Some(outcome),
            _ => None,
        })
    };
    let endpoints = asked_backends(cluster, service, question.port, question.protocol).got().cloned().unwrap_or_default();
    let ready = in_use(&endpoints);
    if ready.is_empty() || !ready.iter().all(|b| answers(b.ip, b.port).is_some_and(TcpOutcome::all_opened)) {
        return;
    }
    for ip in &service.cluster_ips {
        let refused = |o: &TcpOutcome| o.none_opened() && o.telling_failure().is_some_and(crate::probe::TcpAttempt::is_reported);
        if answers(*ip, port).is_some_and(refused) {
            let spec = TcpSpec { ip: *ip, port, attempts: 3, timeout_ms: TCP_TIMEOUT_MS, wait_ms: WAIT_MS };
            next.add("the Service's address a moment later, as its endpoints answer", ProbeSpec::Tcp(spec));
        }
    }
}
