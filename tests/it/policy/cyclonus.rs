//! The engine against cyclonus: its own cases, and clusters at random.
//!
//! `tests/cyclonus` is a program of a few lines around cyclonus' packages. `NETCHECK_CYCLONUS` names it; `tests/run` builds it.
//! Without it this is skipped, and with `CI=true` that is a failure. `NETCHECK_CYCLONUS_CLUSTERS` (10000) and
//! `NETCHECK_CYCLONUS_SEED` change what is made at random; one seed always makes the same clusters.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use ipnet::IpNet;
use netcheck::policy::{Direction, Outcome};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde::Deserialize;
use serde_json::{Value, json};

use super::random;
use super::world::{End, World};

/// Why cyclonus' answer is not the one that counts: what decides, and where it stands.
const REASONS: [(&str, &str); 4] = [
    (
        "a pod reaches itself",
        "kubernetes.io, concepts/services-networking/network-policies: a pod cannot block access to itself. Cyclonus asks its \
         policies; its option --ignore-loopback leaves these pairs out.",
    ),
    (
        "a node reaches its own pods, and they reach it",
        "Same page: traffic to and from the node where a pod runs is always allowed, whatever the addresses. Cyclonus knows no \
         nodes; theirs are addresses like others.",
    ),
    (
        "a pod in its node's network is the node",
        "Same page, on hostNetwork pods: not defined, and where the plugin cannot tell such pods from their node, which is most \
         common, no selector finds them and they count as the node. Cyclonus takes them for pods like others.",
    ),
    (
        "a selector asks for a label that is absent",
        "k8s.io/apimachinery pkg/labels/selector.go, Requirement.Matches: NotIn holds without the key, In only with it. Cyclonus \
         (pkg/kube/labelselector.go) has NotIn fail without the key, and reads a missing value as an empty one.",
    ),
];

#[derive(Debug, Deserialize)]
struct Verdicts {
    egress: Vec<String>,
    ingress: Vec<String>,
}

/// What cyclonus says of the objects as they are, and what it says when Kubernetes' own code reads the selectors and pods in
/// their node's network are addresses (`tests/cyclonus/kubernetes.go`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    as_is: Verdicts,
    by_text: Verdicts,
}

impl Verdicts {
    fn allows(&self, place: Place) -> bool {
        let ports = if place.direction == Direction::Ingress { &self.ingress } else { &self.egress };
        ports[place.port].as_bytes()[place.pair] == b'1'
    }
}

/// One answer: a direction of a connection between two ends to one port.
#[derive(Debug, Clone, Copy)]
struct Place {
    direction: Direction,
    port: usize,
    pair: usize,
}

/// The program that asks cyclonus, a world a line.
struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start(program: &str) -> Self {
        let mut child =
            Command::new(program).arg("judge").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let (questions, answers) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        Self { child, questions, answers: BufReader::new(answers) }
    }

    fn ask(&mut self, world: &World) -> Verdict {
        let mut line = serde_json::to_string(world).expect("is JSON");
        line.push('\n');
        self.questions.write_all(line.as_bytes()).expect("it reads");
        line.clear();
        self.answers.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How many answers were compared, and why some differ.
#[derive(Debug, Default)]
struct Tally {
    worlds: usize,
    equal: usize,
    /// Where cyclonus says otherwise of the objects as they are, by reason.
    explained: BTreeMap<&'static str, usize>,
    /// A pod without an address, and its address decides.
    open: usize,
    /// The same, although every address gives the same answer: true, and less than could be said.
    cautious: usize,
    /// The ends have no address of one family: no such connection exists.
    impossible: usize,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.worlds += other.worlds;
        self.equal += other.equal;
        self.open += other.open;
        self.cautious += other.cautious;
        self.impossible += other.impossible;
        for (why, count) in other.explained {
            *self.explained.entry(why).or_default() += count;
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("{} clusters, {} answers equal", self.worlds, self.equal)];
        lines.extend(self.explained.iter().map(|(why, count)| format!("{count} differ: {why}")));
        lines.push(format!("{} open: the pod has no address yet, and it decides", self.open));
        lines.push(format!("{} open, although every address gives the same", self.cautious));
        lines.push(format!("{} not asked: no address of the family", self.impossible));
        lines.extend(REASONS.iter().map(|(reason, source)| format!("{reason}: {source}")));
        lines.join("\n  ")
    }
}

/// The same world with addresses for the pods that have none: one from each range that a policy tells apart.
fn with_addresses(world: &World) -> Vec<World> {
    let has_none = |pod: &Value| pod["status"]["podIPs"].as_array().is_none_or(Vec::is_empty);
    if !world.pods.iter().any(has_none) {
        return vec![world.clone()];
    }
    let mut addresses: Vec<IpAddr> =
        vec![if world.v6 { "2001:db8:ffff::1" } else { "198.51.100.1" }.parse().expect("an address")];
    let text = serde_json::to_string(&world.policies).expect("is JSON");
    for cidr in text.split('"').filter_map(|word| word.parse::<IpNet>().ok()).filter(|net| net.addr().is_ipv6() == world.v6) {
        addresses.extend([cidr.network(), cidr.broadcast()]);
        addresses.push(match cidr.broadcast() {
            IpAddr::V4(last) => IpAddr::V4(u32::from(last).wrapping_add(1).into()),
            IpAddr::V6(last) => IpAddr::V6(u128::from(last).wrapping_add(1).into()),
        });
    }
    addresses.sort_unstable();
    addresses.dedup();
    let given = |address: &IpAddr| {
        let mut world = world.clone();
        for pod in world.pods.iter_mut().filter(|p| has_none(p)) {
            pod["status"]["podIPs"] = json!([{"ip": address}]);
        }
        world
    };
    addresses.iter().map(given).collect()
}

/// What the answer must be: cyclonus', but for two sentences of the text that it leaves to whoever asks. `None`: it depends on
/// an address that is not known.
fn expected(theirs: &[Verdict], place: Place, ends: &[End]) -> (Option<Outcome>, usize) {
    let (from, to) = (&ends[place.pair / ends.len()], &ends[place.pair % ends.len()]);
    let (subject, peer) = if place.direction == Direction::Ingress { (to, from) } else { (from, to) };
    if from.name == to.name {
        return (Some(Outcome::Allowed), 0);
    }
    if subject.is_pod && !peer.is_pod && subject.node.is_some() && subject.node == peer.node {
        return (Some(Outcome::Allowed), 1);
    }
    let allowed = theirs.iter().filter(|t| t.by_text.allows(place)).count();
    let outcome = match allowed {
        0 => Some(Outcome::Denied),
        all if all == theirs.len() => Some(Outcome::Allowed),
        _ => None,
    };
    (outcome, if from.is_on_host || to.is_on_host { 2 } else { 3 })
}

/// Compares everything in one world. The error names every answer that is not as it must be.
fn compare(world: &World, theirs: &[Verdict], tally: &mut Tally) -> Result<(), String> {
    let ours = world.answers();
    let count = ours.ends.len();
    let mut wrong = Vec::new();
    let places = [Direction::Egress, Direction::Ingress].into_iter().flat_map(|direction| {
        let pairs = move |port| (0..count * count).map(move |pair| Place { direction, port, pair });
        (0..world.ports.len()).flat_map(pairs)
    });
    tally.worlds += 1;
    for place in places {
        let (from, to) = (&ours.ends[place.pair / count], &ours.ends[place.pair % count]);
        let outcome = ours.of(place.direction)[place.port][place.pair];
        let (expected, reason) = expected(theirs, place, &ours.ends);
        let as_is = |t: &Verdict| if t.as_is.allows(place) { Outcome::Allowed } else { Outcome::Denied };
        if !from.may_speak(world.v6) || !to.may_speak(world.v6) {
            tally.impossible += 1;
        } else if outcome == Outcome::Undetermined && theirs.len() > 1 {
            *(if expected.is_none() { &mut tally.open } else { &mut tally.cautious }) += 1;
        } else if expected != Some(outcome) {
            let port = world.ports[place.port];
            wrong.push(format!("{} to {}, {port:?}, {}: {outcome:?}, not {expected:?}", from.name, to.name, place.direction));
        } else if theirs.iter().all(|t| as_is(t) == outcome) {
            tally.equal += 1;
        } else {
            *tally.explained.entry(REASONS[reason].0).or_default() += 1;
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The program, or why the test is skipped.
fn program(test: &str) -> Option<String> {
    let program = env::var("NETCHECK_CYCLONUS").ok();
    if program.is_none() {
        assert!(env::var("CI").as_deref() != Ok("true"), "SKIPPED: NETCHECK_CYCLONUS is not set; tests/run builds the program");
        say(&format!("SKIPPED {test}: NETCHECK_CYCLONUS is not set"));
    }
    program
}

fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().unwrap_or_else(|e| panic!("{variable}={text}: {e}")))
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    world: World,
    answers: Verdict,
}

#[test]
fn the_cases_that_cyclonus_makes() {
    let Some(program) = program("the_cases_that_cyclonus_makes") else { return };
    let output = Command::new(program).arg("cases").output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut tally, mut names, mut wrong) = (Tally::default(), Vec::new(), Vec::new());
    for line in output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let case: Case = serde_json::from_slice(line).expect("a case");
        if let Err(differences) = compare(&case.world, &[case.answers], &mut tally) {
            wrong.push(format!("{}\n{differences}", case.name));
        }
        names.push(case.name.rsplit_once(", step").map_or(case.name.clone(), |(name, _)| name.to_owned()));
    }
    names.dedup();
    say(&format!("{} cases: {}", names.len(), tally.text()));
    assert!(names.len() > 450, "only {} cases", names.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn clusters_at_random() {
    let Some(program) = program("clusters_at_random") else { return };
    let (clusters, seed) = (number("NETCHECK_CYCLONUS_CLUSTERS", 10_000), number("NETCHECK_CYCLONUS_SEED", 1));
    let workers = thread::available_parallelism().map_or(2, |n| n.get().min(8)) as u64;
    let work = |worker: u64| {
        let mut oracle = Oracle::start(&program);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&worker.to_le_bytes());
        let share = clusters / workers + u64::from(worker < clusters % workers);
        let config = Config { cases: u32::try_from(share).expect("fits"), failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let state = std::cell::RefCell::new((&mut oracle, Tally::default()));
        let result = runner.run(&random::world(), |world| {
            let mut state = state.borrow_mut();
            let (oracle, tally) = &mut *state;
            let theirs: Vec<_> = with_addresses(&world).iter().map(|w| oracle.ask(w)).collect();
            compare(&world, &theirs, tally).map_err(TestCaseError::fail)
        });
        (state.into_inner().1, result.map_err(|e| e.to_string()))
    };
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        threads.into_iter().map(|t| t.join().expect("no panic")).collect()
    });
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    for (part, result) in results {
        tally.add(part);
        wrong.extend(result.err());
    }
    say(&format!("seed {seed}: {}", tally.text()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(tally.worlds as u64, clusters);
}
