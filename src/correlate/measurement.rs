//! One measurement as the report shows it.

use crate::probe::{Answer, HttpOutcome, Latency, ProbeOutcome, ProbeSpec, RecordType, Transport};
use crate::protocol::Measurement;
use crate::report::diagnosis::MeasurementPart;

use super::certificate;
use super::view::{attempt_words, micros};

/// The probe in a few words: `tcp 10.96.3.4:80`.
pub fn label(spec: &ProbeSpec) -> String {
    let at = |ip: std::net::IpAddr, port: u16| std::net::SocketAddr::new(ip, port);
    match spec {
        ProbeSpec::Environment(_) => "environment".to_owned(),
        ProbeSpec::Sockets(_) => "listening sockets".to_owned(),
        ProbeSpec::Tcp(s) => format!("tcp {}", at(s.ip, s.port)),
        ProbeSpec::Udp(s) => format!("udp {}", at(s.ip, s.port)),
        ProbeSpec::Ping(s) => format!("ping {}", s.ip),
        ProbeSpec::Dns(s) => {
            let record = match s.record {
                RecordType::A => "A",
                RecordType::Aaaa => "AAAA",
                RecordType::Srv => "SRV",
                RecordType::Ptr => "PTR",
            };
            let transport = match s.transport {
                Transport::Udp => "UDP",
                Transport::Tcp => "TCP",
            };
            format!("dns {record} {} at {} over {transport}", s.name, at(s.server, s.port))
        }
        ProbeSpec::Resolve(s) => format!("resolve {}", s.name),
        ProbeSpec::Http(s) => format!("http {}", s.url),
        ProbeSpec::Trace(s) => format!("trace {}", s.ip),
        ProbeSpec::PathMtu(s) => format!("path MTU {}", s.ip),
    }
}

/// The published row of a measurement.
pub fn measurement(m: &Measurement) -> MeasurementPart {
    let (result, detail, time_us) = told(&m.outcome);
    MeasurementPart { from: m.from.to_string(), probe: label(&m.spec), result: result.to_owned(), detail, time_us }
}

fn graded(ok: usize, all: usize) -> &'static str {
    match (ok, all) {
        (_, 0) => "not run",
        (0, _) => "failed",
        (ok, all) if ok == all => "ok",
        _ => "mixed",
    }
}

fn told(outcome: &ProbeOutcome) -> (&'static str, String, Option<u64>) {
    match outcome {
        ProbeOutcome::Environment(e) => {
            let addresses: Vec<String> =
                e.interfaces.iter().filter(|i| i.name != "lo").flat_map(|i| i.addresses.clone()).collect();
            let servers: Vec<String> = e.resolv_conf.iter().flat_map(|r| &r.nameservers).map(ToString::to_string).collect();
            ("ok", format!("addresses {}; nameservers {}", addresses.join(", "), servers.join(", ")), None)
        }
        ProbeOutcome::Sockets(s) => match &s.error {
            None => {
                let all: Vec<String> =
                    s.listening.iter().map(|l| format!("{} {}", l.protocol, std::net::SocketAddr::new(l.ip, l.port))).collect();
                ("ok", if all.is_empty() { "nothing listens".to_owned() } else { all.join(", ") }, None)
            }
            Some(error) => ("failed", error.clone(), None),
        },
        ProbeOutcome::Tcp(t) => {
            let detail = t.telling_failure().or(t.attempts.first()).map(attempt_words).unwrap_or_default();
            (
                graded(t.opened(), t.attempts.len()),
                format!("{} of {} connected; {detail}{}", t.opened(), t.attempts.len(), spread(&t.connect)),
                time(t.connect.median_us),
            )
        }
        ProbeOutcome::Udp(u) => {
            let grade = if u.answered > 0 {
                "ok"
            } else if u.refused_by.is_some() {
                "failed"
            } else {
                "mixed"
            };
            (grade, format!("{} answered, {} silent{}", u.answered, u.silent, spread(&u.answer)), time(u.answer.median_us))
        }
        ProbeOutcome::Ping(p) => {
            let got = p.echo.tries.saturating_sub(p.echo.lost);
            let detail = p.error.clone().map(|e| format!("; {e}")).unwrap_or_default();
            (
                graded(got as usize, p.echo.tries as usize),
                format!("{got} of {} replies{detail}{}", p.echo.tries, spread(&p.echo)),
                time(p.echo.median_us),
            )
        }
        ProbeOutcome::Dns(d) => {
            let ok = d.attempts.iter().filter(|a| a.records().is_some()).count();
            (graded(ok, d.attempts.len()), d.attempts.last().map(answer_words).unwrap_or_default(), time(d.query.median_us))
        }
        ProbeOutcome::Resolve(r) => {
            let detail = r.error.clone().unwrap_or_else(|| r.addresses.join(", "));
            let grade = if r.addresses.is_empty() { "failed" } else { "ok" };
            (grade, format!("{detail} ({} queries)", r.queries.len()), time(r.total_us))
        }
        ProbeOutcome::Http(h) => http(h),
        ProbeOutcome::Trace(t) => {
            let hops: Vec<String> = t.hops.iter().map(|h| h.from.map_or_else(|| "*".to_owned(), |ip| ip.to_string())).collect();
            (if t.reached { "ok" } else { "failed" }, hops.join(" > "), None)
        }
        ProbeOutcome::PathMtu(p) => {
            let detail = match (p.largest_answered, p.smallest_lost) {
                (Some(largest), Some(lost)) => format!("{largest} bytes pass, {lost} do not"),
                (Some(largest), None) => format!("{largest} bytes pass"),
                (None, _) => p.error.clone().unwrap_or_else(|| "no size was answered".to_owned()),
            };
            (if p.largest_answered.is_some() { "ok" } else { "failed" }, detail, None)
        }
        ProbeOutcome::NotRun { why } => ("not run", why.clone(), None),
        ProbeOutcome::Unknown => ("not run", "an answer this version does not know".to_owned(), None),
    }
}

fn time(us: u64) -> Option<u64> {
    (us > 0).then_some(us)
}

/// How repeated tries were spread and how many were lost; nothing for a single one.
fn spread(latency: &Latency) -> String {
    if latency.tries < 2 || latency.tries == latency.lost {
        return String::new();
    }
    let lost = if latency.lost == 0 { String::new() } else { format!(", {} of {} lost", latency.lost, latency.tries) };
    format!("; min {}, p99 {}{lost}", micros(latency.min_us), micros(latency.p99_us))
}

/// A DNS answer in words.
pub fn answer_words(answer: &Answer) -> String {
    match answer {
        Answer::Response { code, records, after_us, .. } if records.is_empty() => format!("{code} after {}", micros(*after_us)),
        Answer::Response { records, after_us, .. } => format!("{} after {}", records.join(", "), micros(*after_us)),
        Answer::TimedOut { after_ms } => format!("no answer within {after_ms} ms"),
        Answer::Refused { after_us } => format!("refused after {}", micros(*after_us)),
        Answer::Failed { error } => error.clone(),
        Answer::Unknown => "an answer this version does not know".to_owned(),
    }
}

fn http(outcome: &HttpOutcome) -> (&'static str, String, Option<u64>) {
    match outcome {
        HttpOutcome::Response { status, version, phases, .. } => {
            let p = phases;
            let times = [("dns", p.dns_us), ("connect", p.connect_us), ("tls", p.tls_us), ("first byte", p.first_byte_us)];
            let times: Vec<String> =
                times.iter().filter(|(_, us)| *us > 0).map(|(what, us)| format!("{what} {}", micros(*us))).collect();
            ("ok", format!("{version} {status}; {}{}", times.join(", "), shown(outcome)), time(p.total_us))
        }
        HttpOutcome::Failed { phase, error, phases, .. } => {
            ("failed", format!("failed at {phase}: {error}{}", shown(outcome)), time(phases.total_us))
        }
        HttpOutcome::Unknown => ("not run", "an answer this version does not know".to_owned(), None),
    }
}

/// The certificate that was shown, as the end of a row.
fn shown(outcome: &HttpOutcome) -> String {
    let Some(seen) = certificate::of(outcome) else { return String::new() };
    let (from, until) = (certificate::day(seen.not_before), certificate::day(seen.not_after));
    let (subject, issuer, names) = (&seen.subject, &seen.issuer, certificate::names(seen));
    format!("; certificate {subject} for {names} by {issuer}, {from} to {until}")
}
