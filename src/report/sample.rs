//! A diagnosis for tests of the formats.

use super::diagnosis::{
    API_VERSION, Configured, Diagnosis, EvidencePart, FindingPart, GapPart, HopPart, Measured, MeasurementPart, QuestionPart,
    TimingPart, VerdictPart,
};

fn evidence(source: &str, expected: &str, seen: &str) -> EvidencePart {
    EvidencePart { source: source.into(), expected: expected.into(), seen: seen.into() }
}

fn hop(at: &str, state: &str, seen: &str) -> HopPart {
    HopPart { at: at.into(), state: state.into(), seen: seen.into() }
}

/// A Service whose selector has a typo.
pub(super) fn broken() -> Diagnosis {
    let sentence = "service/shop/web selects no pod: no pod in shop has the label app=wbe, and pod/shop/web-0 differs only in it";
    Diagnosis {
        api_version: API_VERSION.into(),
        kind: "Diagnosis".into(),
        question: QuestionPart {
            from: "pod/shop/client".into(),
            to: "service/shop/web".into(),
            port: Some(80),
            protocol: "TCP".into(),
            url: None,
            notes: vec!["port 80 is the only port of service/shop/web".into()],
        },
        exit_code: 1,
        verdict: VerdictPart {
            sentence: sentence.into(),
            configured: Configured::Broken,
            measured: Measured::Unreachable,
            tally: Some((0, 3)),
        },
        causes: vec![FindingPart {
            code: "NC3001".into(),
            title: "Service selects no pod".into(),
            weight: "cause".into(),
            about: "service/shop/web".into(),
            confidence: "proven".into(),
            sentence: sentence.into(),
            evidence: vec![
                evidence("service/shop/web spec.selector", "app=web", "app=wbe"),
                evidence("endpointslice/shop/web-x7k2p", "at least one endpoint", "none"),
                evidence(
                    "probe tcp 10.96.3.4:80 from pod/shop/client",
                    "opened",
                    "refused by 10.96.3.4 (ICMP port unreachable), 3 of 3",
                ),
            ],
            next: "kubectl patch svc web -n shop -p '{\"spec\":{\"selector\":{\"app\":\"web\"}}}'".into(),
        }],
        notices: vec![FindingPart {
            code: "NC1020".into(),
            title: "ndots costs lookups".into(),
            weight: "note".into(),
            about: "pod/shop/client".into(),
            confidence: "likely".into(),
            sentence: "pod/shop/client looks every external name up four times before the right one".into(),
            evidence: vec![evidence("pod/shop/client /etc/resolv.conf", "", "options ndots:5")],
            next: "write external names with a final dot".into(),
        }],
        path: vec![
            hop("pod/shop/client eth0", "ok", "10.244.1.5/24, MTU 1450"),
            hop("service/shop/web 10.96.3.4:80", "failed", "no endpoint"),
        ],
        covered: vec!["the name web resolves to 10.96.3.4".into(), "pod/shop/client is running".into()],
        gaps: vec![GapPart {
            what: "kube-proxy's rules on node/worker-1".into(),
            why: "node access was not allowed (--deep)".into(),
        }],
        measurements: vec![MeasurementPart {
            from: "pod/shop/client".into(),
            probe: "tcp 10.96.3.4:80".into(),
            result: "failed".into(),
            detail: "refused by 10.96.3.4 (ICMP port unreachable), 3 of 3".into(),
            time_us: Some(1234),
        }],
        timing: TimingPart { total_ms: 1234, discover_ms: 130, start_ms: 800, probe_ms: 250, api_requests: 12 },
    }
}
