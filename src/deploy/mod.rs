//! Agents in the cluster: the only module that changes anything there.

mod ephemeral;
mod exec;
mod lease;
mod session;
mod trouble;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::discover::{Bundle, Live};
use crate::model::{Cluster, ObjectRef};
use crate::plan::Step;
use crate::probe::{ProbeOutcome, ProbeSpec};
use crate::protocol::{LaunchFailure, LaunchProblem, Measurement};

pub use ephemeral::{AgentOptions, container};
pub use session::{Answered, Session};

use ephemeral::Launcher;

/// Runs the steps of a plan, or tells how they went when they were recorded.
pub enum Prober {
    Live(Box<Agents>),
    Replay(Recorded),
}

/// Agents of a live run, one a pod.
pub struct Agents {
    launcher: Launcher,
    sessions: BTreeMap<ObjectRef, Session>,
    failures: Vec<LaunchFailure>,
    /// Containers that stay in their pods.
    left: Vec<(ObjectRef, String)>,
    starting: Duration,
    peak_kib: Option<u64>,
}

/// What a bundle says of agents and probes.
pub struct Recorded {
    measurements: Vec<Measurement>,
    failures: Vec<LaunchFailure>,
}

impl Prober {
    pub fn live(live: Live, options: AgentOptions, cancel: CancellationToken) -> Self {
        let launcher = Launcher { live, options, cancel };
        let agents = Agents {
            launcher,
            sessions: BTreeMap::new(),
            failures: Vec::new(),
            left: Vec::new(),
            starting: Duration::ZERO,
            peak_kib: None,
        };
        Self::Live(Box::new(agents))
    }

    pub fn replay(bundle: &Bundle) -> Self {
        Self::Replay(Recorded { measurements: bundle.measurements.clone(), failures: bundle.launches.clone() })
    }

    /// Runs one wave. Agents start when they are first needed, several pods at a time. There is one measurement for
    /// each step, in the order of the steps; `deadline` is for the probes, without the start of agents.
    pub async fn run(&mut self, cluster: &Cluster, steps: &[Step], wave: u32, deadline: Duration) -> Vec<Measurement> {
        match self {
            Self::Live(agents) => agents.run(cluster, steps, wave, deadline).await,
            Self::Replay(recorded) => steps.iter().map(|step| recorded.measurement(step, wave)).collect(),
        }
    }

    /// A replay of a run that started no agent.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Live(_) => false,
            Self::Replay(recorded) => recorded.measurements.is_empty() && recorded.failures.is_empty(),
        }
    }

    /// Whether this wave was recorded. A live run can still make any.
    pub fn has_wave(&self, wave: u32) -> bool {
        match self {
            Self::Live(_) => true,
            Self::Replay(recorded) => recorded.measurements.iter().any(|m| m.wave == wave),
        }
    }

    /// Agents that did not start, in the order they were tried.
    pub fn failures(&self) -> &[LaunchFailure] {
        match self {
            Self::Live(agents) => &agents.failures,
            Self::Replay(recorded) => &recorded.failures,
        }
    }

    /// Ephemeral containers that stay until their pod goes, as `shop/client: netcheck-x7k2p9`. They end by themselves.
    pub fn left_behind(&self) -> Vec<String> {
        match self {
            Self::Live(agents) => {
                agents.left.iter().map(|(pod, name)| format!("{}/{}: {name}", pod.namespace, pod.name)).collect()
            }
            Self::Replay(_) => Vec::new(),
        }
    }

    /// How long the run waited for agents to start, from the request to their first line.
    pub fn start_time(&self) -> Duration {
        match self {
            Self::Live(agents) => agents.starting,
            Self::Replay(_) => Duration::ZERO,
        }
    }

    /// Largest peak memory of an agent in KiB, once `finish` was called.
    pub fn peak_kib(&self) -> Option<u64> {
        match self {
            Self::Live(agents) => agents.peak_kib,
            Self::Replay(_) => None,
        }
    }

    /// Says goodbye to the agents.
    pub async fn finish(&mut self) {
        let Self::Live(agents) = self else { return };
        join_all(agents.sessions.values_mut().map(Session::stop)).await;
        agents.peak_kib = agents.sessions.values().filter_map(Session::peak_kib).max();
        agents.sessions.clear();
    }
}

impl Agents {
    async fn run(&mut self, cluster: &Cluster, steps: &[Step], wave: u32, deadline: Duration) -> Vec<Measurement> {
        self.start_all(cluster, steps).await;
        let mut by_pod: BTreeMap<&ObjectRef, Vec<(usize, &ProbeSpec)>> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            by_pod.entry(&step.from).or_default().push((index, &step.spec));
        }
        let cancel = &self.launcher.cancel;
        let runs = self.sessions.iter_mut().filter_map(|(pod, session)| {
            let wanted = by_pod.get(pod)?;
            let specs: Vec<ProbeSpec> = wanted.iter().map(|(_, spec)| (*spec).clone()).collect();
            let places = wanted.iter().map(|(index, _)| *index);
            Some(async move { places.zip(session.run(&specs, deadline, cancel).await).collect::<Vec<_>>() })
        });
        let answers: BTreeMap<usize, Answered> = join_all(runs).await.into_iter().flatten().collect();
        let mut measure = |(index, step): (usize, &Step)| {
            let answer = answers.get(&index).cloned();
            let (outcome, elapsed_us) = answer.unwrap_or_else(|| (self.not_run(&step.from), 0));
            Measurement { from: step.from.clone(), wave, spec: step.spec.clone(), outcome, elapsed_us }
        };
        steps.iter().enumerate().map(&mut measure).collect()
    }

    /// Starts an agent in each pod that has none and was not tried before.
    async fn start_all(&mut self, cluster: &Cluster, steps: &[Step]) {
        let mut wanted: Vec<&ObjectRef> = Vec::new();
        for step in steps {
            let pod = &step.from;
            let is_tried = self.sessions.contains_key(pod) || self.failures.iter().any(|f| f.pod == *pod);
            if !is_tried && !wanted.contains(&pod) {
                wanted.push(pod);
            }
        }
        let launcher = &self.launcher;
        let starts = wanted.into_iter().map(|object| async move {
            if let Some(pod) = cluster.pod(object) {
                let node = pod.node.as_deref().and_then(|name| cluster.node(name));
                (object, launcher.start(pod, node).await)
            } else {
                let failure =
                    trouble::failure(object, LaunchProblem::Pod, "the pod was not found", "check its name and namespace");
                (object, ephemeral::Started { session: Err(failure), container: None, took: Duration::ZERO })
            }
        });
        let mut longest = Duration::ZERO;
        for (pod, started) in join_all(starts).await {
            longest = longest.max(started.took);
            if let Some(container) = started.container {
                self.left.push((pod.clone(), container));
            }
            match started.session {
                Ok(session) => drop(self.sessions.insert(pod.clone(), session)),
                Err(failure) => self.failures.push(failure),
            }
        }
        self.starting += longest;
    }

    fn not_run(&self, pod: &ObjectRef) -> ProbeOutcome {
        let failure = self.failures.iter().find(|f| f.pod == *pod);
        let why = failure.map_or("no agent in the pod", |f| f.cause.as_str());
        ProbeOutcome::NotRun { why: format!("the agent could not start: {why}") }
    }
}

impl Recorded {
    fn measurement(&self, step: &Step, wave: u32) -> Measurement {
        let is_it = |m: &&Measurement| m.from == step.from && m.spec == step.spec;
        let same_wave = self.measurements.iter().filter(is_it).find(|m| m.wave == wave);
        same_wave.or_else(|| self.measurements.iter().find(is_it)).cloned().unwrap_or_else(|| Measurement {
            from: step.from.clone(),
            wave,
            spec: step.spec.clone(),
            outcome: ProbeOutcome::NotRun { why: String::from("not in the bundle") },
            elapsed_us: 0,
        })
    }
}
