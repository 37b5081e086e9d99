//! The last step: findings and measurements become one answer.

use crate::checks::{self, Context};
use crate::finding::{Confidence, Finding, Meta, Verdict, Weight};
use crate::model::{Cluster, Known, Question, Subject};
use crate::plan::routes;
use crate::policy::Outcome;
use crate::protocol::Measurement;
use crate::report::diagnosis::{
    API_VERSION, Configured, Diagnosis, FindingPart, GapPart, Measured, QuestionPart, TimingPart, VerdictPart,
};

use super::policies::{self, Policies};
use super::{Correlation, summary, unexplained};

/// Something that was not looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    pub what: String,
    pub why: String,
}

/// Everything a diagnosis is made of.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub question: &'a Question,
    pub cluster: &'a Cluster,
    pub measured: &'a [Measurement],
    /// Gaps from running: agents that did not start, probes that were cut off.
    pub gaps: &'a [Gap],
    pub timing: TimingPart,
}

/// What could not be decided, and whether that is moot when the destination answers.
struct Open {
    gap: Gap,
    is_moot_when_reached: bool,
}

/// What every check on the objects finds, for a route on those behind it as well.
pub fn findings(question: &Question, cluster: &Cluster) -> Vec<Finding> {
    of_route(question, cluster).0
}

fn of_route(question: &Question, cluster: &Cluster) -> (Vec<Finding>, Vec<Open>) {
    let (mut found, mut open) = of_one(question, cluster);
    for part in routes::parts(question, cluster) {
        let (more, also) = of_one(&part, cluster);
        found.extend(more);
        open.extend(also);
    }
    (found, open)
}

fn of_one(question: &Question, cluster: &Cluster) -> (Vec<Finding>, Vec<Open>) {
    let cx = Context { cluster, question };
    let mut found = Vec::new();
    let mut open = Vec::new();
    for check in checks::ALL {
        let mut gaps = Vec::new();
        collect(check.meta(), check.run(&cx), &mut found, &mut gaps);
        let is_moot_when_reached = check.is_moot_when_reached();
        open.extend(gaps.into_iter().map(|gap| Open { gap, is_moot_when_reached }));
    }
    (found, open)
}

fn collect(meta: &Meta, verdict: Verdict, found: &mut Vec<Finding>, gaps: &mut Vec<Gap>) {
    match verdict {
        Verdict::Found(findings) => found.extend(findings),
        Verdict::Undetermined(why) => gaps.push(Gap { what: format!("{} {}", meta.code, meta.title), why }),
        Verdict::Clear | Verdict::NotApplicable => {}
    }
}

/// The answer to a question, from everything that was read and measured.
pub fn diagnose(inputs: &Inputs<'_>) -> Diagnosis {
    let (question, cluster) = (inputs.question, inputs.cluster);
    let (from_objects, open) = of_route(question, cluster);
    let policies = Policies::of(question, cluster, inputs.measured);
    let cx = Correlation { cluster, question, findings: &from_objects, measured: inputs.measured, policies: &policies };
    let (measured, tally) = summary::measured(&cx);
    let matters = |open: &Open| measured != Measured::Reachable || !open.is_moot_when_reached;
    let mut gaps: Vec<Gap> = open.into_iter().filter(matters).map(|open| open.gap).collect();
    let configured = configured(&from_objects, &cx, &gaps);
    let mut all = judged(&cx, measured, &mut gaps);
    for part in routes::parts(question, cluster) {
        let of_part = of_one(&part, cluster).0;
        let policies = Policies::default();
        let cx = Correlation { question: &part, findings: &of_part, policies: &policies, ..cx };
        all.extend(part_of_route(&cx, measured, &mut gaps));
    }
    one_root_of_policies(&mut all);
    one_root_of_dns(&mut all, &cx);
    one_root_of_node(&mut all, cluster);
    if matches!(measured, Measured::Unreachable | Measured::Intermittent) && !all.iter().any(|f| f.weight == Weight::Cause) {
        all.push(unexplained::finding(&cx));
    }
    rank(&mut all);
    // what went wrong while running comes first: it explains most of the rest
    let gaps = grouped([inputs.gaps.to_vec(), summary::gaps(&cx), gaps].concat());
    let (causes, notices): (Vec<Finding>, Vec<Finding>) = all.into_iter().partition(|f| f.weight == Weight::Cause);
    let exit_code = match (causes.is_empty(), measured) {
        (false, _) => 1,
        (true, Measured::Reachable) => 0,
        (true, Measured::Unreachable | Measured::Intermittent | Measured::NotMeasured) => 3,
    };
    let sentence =
        causes.first().map_or_else(|| summary::sentence(&cx, configured, measured, inputs.gaps), |c| c.sentence.clone());
    Diagnosis {
        api_version: API_VERSION.to_owned(),
        kind: "Diagnosis".to_owned(),
        question: QuestionPart::from(question),
        exit_code,
        verdict: VerdictPart { sentence, configured, measured, tally },
        causes: causes.iter().map(FindingPart::from).collect(),
        notices: notices.iter().map(FindingPart::from).collect(),
        path: summary::path(&cx),
        covered: summary::covered(&cx),
        gaps: gaps.into_iter().map(|g| GapPart { what: g.what, why: g.why }).collect(),
        measurements: inputs.measured.iter().map(summary::measurement).collect(),
        timing: inputs.timing,
    }
}

/// The question's own findings against its measurement, and the causes that shows.
fn judged(cx: &Correlation<'_>, measured: Measured, gaps: &mut Vec<Gap>) -> Vec<Finding> {
    let mut all = of_one(cx.question, cx.cluster).0;
    // an echo tells of a pod's network, and nothing of what runs in it
    let by_echo_alone = cx.question.port.is_none() && matches!(cx.question.to, Subject::Pod(_));
    confirm(&mut all, measured, by_echo_alone);
    let mut open = Vec::new();
    for cause in super::ALL {
        collect(cause.meta(), cause.explain(cx), &mut all, &mut open);
    }
    // where nothing was measured that is one gap, and policies are judged without
    let by_objects = |gap: &Gap| gap.what.starts_with("NC20");
    gaps.extend(open.into_iter().filter(|gap| !cx.measured.is_empty() || by_objects(gap)));
    all
}

/// A Service behind a route. Where the route works, its objects cannot be what breaks it, and connections from the source to the
/// pods, which only the controller needs, say nothing.
fn part_of_route(cx: &Correlation<'_>, route: Measured, gaps: &mut Vec<Gap>) -> Vec<Finding> {
    if route == Measured::Reachable {
        let mut all = cx.findings.to_vec();
        confirm(&mut all, route, false);
        return all;
    }
    let mut all = judged(cx, summary::measured(cx).0, gaps);
    for finding in all.iter_mut().filter(|f| f.weight == Weight::Cause && ["NC4004", "NC4005"].contains(&f.meta.code)) {
        // a policy may let the controller in and not the source
        finding.confidence = Confidence::Possible;
    }
    all
}

/// One line for all that is missing for the same reason.
fn grouped(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for gap in gaps {
        match groups.iter_mut().find(|(why, _)| *why == gap.why) {
            Some((_, what)) if what.contains(&gap.what) => {}
            Some((_, what)) => what.push(gap.what),
            None => groups.push((gap.why, vec![gap.what])),
        }
    }
    groups.into_iter().map(|(why, what)| Gap { what: together(&what), why }).collect()
}

/// Findings that were not decided, by code and title when they are few and by code when they are many.
fn together(what: &[String]) -> String {
    let code = |w: &String| w.split_once(' ').map(|(code, _)| code.to_owned()).filter(|c| c.len() == 6 && c.starts_with("NC"));
    match what.iter().map(code).collect::<Option<Vec<_>>>() {
        Some(codes) if codes.len() > 2 => codes.join(", "),
        Some(_) | None => what.join("; "),
    }
}

/// What the objects alone promise.
fn configured(found: &[Finding], cx: &Correlation<'_>, gaps: &[Gap]) -> Configured {
    if found.iter().any(|f| f.weight == Weight::Cause) {
        return Configured::Broken;
    }
    let parts = routes::parts(cx.question, cx.cluster);
    let unknown = |to: &Subject| match to {
        Subject::Service { namespace, name } => !matches!(cx.cluster.slices_of(namespace, name), Known::Got(_)),
        Subject::Pod(_) | Subject::Route(_) | Subject::Node(_) | Subject::Ip(_) | Subject::Name(_) => false,
    };
    let unknown_endpoints = unknown(&cx.question.to) || parts.iter().any(|p| unknown(&p.to));
    match policies::outcome(cx) {
        Outcome::Denied => Configured::Denied,
        Outcome::Undetermined => Configured::Undetermined,
        Outcome::Allowed if unknown_endpoints || !gaps.is_empty() => Configured::Undetermined,
        Outcome::Allowed => Configured::Allowed,
    }
}

/// Squares what the objects say with what was measured.
fn confirm(all: &mut [Finding], measured: Measured, by_echo_alone: bool) {
    for f in all.iter_mut() {
        match (f.weight, measured) {
            // the objects say why, and the packets agree
            (Weight::Cause, Measured::Unreachable) if f.confidence == Confidence::Likely => f.confidence = Confidence::Proven,
            // packets pass: whatever the objects look like, it does not break this question
            (Weight::Cause, Measured::Reachable) if by_echo_alone && f.meta.code == "NC4002" => {}
            (Weight::Cause, Measured::Reachable) => {
                f.weight = Weight::Warning;
                f.evidence.push(crate::finding::Evidence {
                    source: "measured".to_owned(),
                    expected: String::new(),
                    seen: "reachable all the same".to_owned(),
                });
            }
            (Weight::Cause | Weight::Warning | Weight::Note, _) => {}
        }
    }
}

/// A question about the cluster's DNS is a question about a Service too: what the DNS findings explain is not told again
/// as a fault of that Service, its endpoints or its pods.
fn one_root_of_dns(all: &mut Vec<Finding>, cx: &Correlation<'_>) {
    let Some(service) = cx.service() else { return };
    let is_dns = crate::plan::reads::dns_services(cx.cluster).iter().any(|s| s.object() == service.object());
    let explained = all.iter().any(|f| f.weight == Weight::Cause && f.meta.code.starts_with("NC1"));
    if is_dns && explained {
        let of_dns = |f: &Finding| f.about.namespace == service.namespace && Some(&f.about) != cx.question.from.as_ref();
        all.retain(|f| f.meta.code.starts_with("NC1") || !of_dns(f));
    }
}

/// Where policies are proven to keep the source out, the silence of those pods is not told again.
fn one_root_of_policies(all: &mut Vec<Finding>) {
    let sure = |f: &&Finding| f.weight == Weight::Cause && f.confidence != Confidence::Possible;
    let codes: Vec<&str> = all.iter().filter(sure).map(|f| f.meta.code).collect();
    let has = |code: &str| codes.contains(&code);
    let (pair, dns) = (has("NC2001") || has("NC2002"), has("NC2003"));
    all.retain(|f| {
        let of_pair = ["NC3010", "NC4004", "NC4005", "NC4040", "NC4041", "NC5001"].contains(&f.meta.code);
        let of_dns = ["NC1004", "NC1005", "NC1009", "NC1010"].contains(&f.meta.code);
        !(pair && of_pair || dns && (of_dns || of_pair))
    });
}

/// When no pod of a node is in reach, its silent pods are not told one by one.
fn one_root_of_node(all: &mut Vec<Finding>, cluster: &Cluster) {
    let lost: Vec<String> = all.iter().filter(|f| f.meta.code == "NC4041").map(|f| f.about.name.clone()).collect();
    let there = |f: &Finding| cluster.pod(&f.about).and_then(|p| p.node.as_ref()).is_some_and(|n| lost.contains(n));
    all.retain(|f| !(["NC1004", "NC3010", "NC4004"].contains(&f.meta.code) && there(f)));
}

/// Ranks findings, each once for an object.
fn rank(all: &mut Vec<Finding>) {
    // a stable sort: among equals the checks' own order holds, earlier layers first
    all.sort_by_key(|f| (f.weight, f.confidence));
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|f| seen.insert((f.meta.code, f.about.clone())));
}
