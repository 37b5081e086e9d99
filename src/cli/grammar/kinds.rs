//! The kinds an end of a question can have, with kubectl's short names and plurals.

/// What a written kind means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Pod,
    Service,
    Node,
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    Job,
    CronJob,
    Ingress,
    Gateway,
    HttpRoute,
    GrpcRoute,
}

/// Every spelling kubectl takes (`kubectl api-resources`), and `endpoints`, which share the name of their Service.
const SPELLINGS: &[(Kind, &[&str])] = &[
    (Kind::Pod, &["pod", "pods", "po"]),
    (Kind::Service, &["service", "services", "svc", "endpoints", "ep"]),
    (Kind::Node, &["node", "nodes", "no"]),
    (Kind::Deployment, &["deployment", "deployments", "deploy"]),
    (Kind::StatefulSet, &["statefulset", "statefulsets", "sts"]),
    (Kind::DaemonSet, &["daemonset", "daemonsets", "ds"]),
    (Kind::ReplicaSet, &["replicaset", "replicasets", "rs"]),
    (Kind::Job, &["job", "jobs"]),
    (Kind::CronJob, &["cronjob", "cronjobs", "cj"]),
    (Kind::Ingress, &["ingress", "ingresses", "ing"]),
    (Kind::Gateway, &["gateway", "gateways", "gtw"]),
    (Kind::HttpRoute, &["httproute", "httproutes"]),
    (Kind::GrpcRoute, &["grpcroute", "grpcroutes"]),
];

/// Kinds that exist and are no end of traffic, and what to name instead.
const REFUSED: &[(&[&str], &str, &str)] = &[
    (&["namespace", "namespaces", "ns"], "a namespace neither sends nor receives traffic", "name a pod in it: ns/POD"),
    (&["configmap", "configmaps", "cm", "secret", "secrets"], "that kind has no network", "name a pod, a Service or a node"),
    (
        &["networkpolicy", "networkpolicies", "netpol"],
        "a NetworkPolicy neither sends nor receives traffic",
        "name two pods it stands between",
    ),
];

impl Kind {
    /// The kind a word means, in any case, with or without its API group: `deployments.apps`, `deploy.v1.apps`.
    pub fn read(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let (head, group) = word.split_once('.').unwrap_or((&word, ""));
        let kind = SPELLINGS.iter().find(|(_, spellings)| spellings.contains(&head)).map(|(kind, _)| *kind)?;
        let group_fits = match kind {
            Self::Pod | Self::Service | Self::Node => group.is_empty() || group == "v1",
            Self::Deployment | Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet => matches!(group, "" | "apps" | "v1.apps"),
            Self::Ingress => matches!(group, "" | "networking.k8s.io" | "v1.networking.k8s.io"),
            Self::Gateway | Self::HttpRoute | Self::GrpcRoute => {
                matches!(group, "" | "gateway.networking.k8s.io" | "v1.gateway.networking.k8s.io")
            }
            Self::Job | Self::CronJob => matches!(group, "" | "batch" | "v1.batch"),
        };
        group_fits.then_some(kind)
    }

    /// Traffic can start there: it is pods, or a node.
    pub fn has_pods(self) -> bool {
        match self {
            Self::Service | Self::Ingress | Self::Gateway | Self::HttpRoute | Self::GrpcRoute => false,
            Self::Pod
            | Self::Node
            | Self::Deployment
            | Self::StatefulSet
            | Self::DaemonSet
            | Self::ReplicaSet
            | Self::Job
            | Self::CronJob => true,
        }
    }

    /// The lower-case singular, as `ObjectRef` spells it.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Node => "node",
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::ReplicaSet => "replicaset",
            Self::Job => "job",
            Self::CronJob => "cronjob",
            Self::Ingress => "ingress",
            Self::Gateway => "gateway",
            Self::HttpRoute => "httproute",
            Self::GrpcRoute => "grpcroute",
        }
    }
}

/// Why a kind that exists cannot be an end, and what to write instead.
pub(crate) fn refused(word: &str) -> Option<(&'static str, &'static str)> {
    let word = word.to_ascii_lowercase();
    REFUSED.iter().find(|(spellings, ..)| spellings.contains(&word.as_str())).map(|(_, why, next)| (*why, *next))
}

/// Every spelling, for completion and suggestions.
pub fn spellings() -> impl Iterator<Item = &'static str> {
    SPELLINGS.iter().flat_map(|(_, spellings)| spellings.iter().copied())
}

/// The spelling a mistyped word is nearest to.
pub(crate) fn nearest(word: &str) -> Option<&'static str> {
    nearest_of(word, spellings())
}

/// The candidate nearest to a mistyped word: at most two letters wrong, and one in words of up to four.
pub fn nearest_of<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = if word.chars().count() <= 4 { 1 } else { 2 };
    candidates
        .map(|c| (strsim::osa_distance(&word, &c.to_lowercase()), c))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// A kind with two neighbouring letters exchanged, as `scv`. Narrower than [`nearest`]: before a slash the word may as well
/// be a namespace, and `prod` is no mistyped `pod`.
pub(crate) fn swapped(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    spellings()
        .find(|s| s.len() > 2 && s.len() == word.len() && strsim::osa_distance(&word, s) == 1 && letters(&word) == letters(s))
}

fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_unique_and_read_back() {
        let all: Vec<&str> = spellings().collect();
        for (i, spelling) in all.iter().enumerate() {
            assert!(Kind::read(spelling).is_some(), "{spelling}");
            assert!(!all[i + 1..].contains(spelling), "{spelling} twice");
            assert_eq!(refused(spelling), None, "{spelling}");
        }
    }

    #[test]
    fn groups_belong_to_their_kind() {
        assert_eq!(Kind::read("deployments.apps"), Some(Kind::Deployment));
        assert_eq!(Kind::read("Deploy.v1.apps"), Some(Kind::Deployment));
        assert_eq!(Kind::read("pods.apps"), None);
        assert_eq!(Kind::read("web.shop"), None);
    }

    #[test]
    fn a_namespace_like_a_kind_is_no_typo() {
        assert_eq!(swapped("scv"), Some("svc"));
        assert_eq!(swapped("dpeloy"), Some("deploy"));
        assert_eq!(swapped("prod"), None);
        assert_eq!(swapped("pod1"), None);
        assert_eq!(nearest("deplyo"), Some("deploy"));
        assert_eq!(nearest("banana"), None);
    }
}
