//! `kubectl netcheck rbac`: the permissions a diagnosis uses, as roles.

use clap::Args;

/// Print the roles that a user of netcheck needs, as YAML.
///
/// Without some of them netcheck still runs, and says in its report what it could not look at.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  kubectl netcheck rbac
  kubectl netcheck rbac | kubectl apply -f -
  kubectl create rolebinding netcheck --clusterrole=netcheck-probe --user=jane -n shop")]
pub struct RbacArgs {}

struct Rule {
    why: &'static str,
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
}

const READ: &[&str] = &["get", "list"];

/// What is read.
const READS: &[Rule] = &[
    Rule {
        why: "the two ends, what is between them, and why pods are not ready",
        group: "",
        resources: &["pods", "services", "events", "configmaps", "namespaces", "nodes"],
        verbs: READ,
    },
    Rule { why: "why a container of the cluster's DNS ended", group: "", resources: &["pods/log"], verbs: &["get"] },
    Rule { why: "the endpoints of Services", group: "discovery.k8s.io", resources: &["endpointslices"], verbs: READ },
    Rule {
        why: "policies, Service ranges and ingresses",
        group: "networking.k8s.io",
        resources: &["networkpolicies", "servicecidrs", "ingresses", "ingressclasses"],
        verbs: READ,
    },
    Rule {
        why: "workloads as ends, and which network plugin runs",
        group: "apps",
        resources: &["deployments", "daemonsets", "statefulsets", "replicasets"],
        verbs: READ,
    },
    Rule {
        why: "whether a node's kubelet lives, before an agent is waited for",
        group: "coordination.k8s.io",
        resources: &["leases"],
        verbs: &["get"],
    },
    Rule { why: "jobs as ends", group: "batch", resources: &["jobs", "cronjobs"], verbs: READ },
    Rule {
        why: "how network plugins, gateways and meshes are set up, where these kinds exist",
        group: "crd.projectcalico.org",
        resources: &["ippools", "felixconfigurations"],
        verbs: READ,
    },
    Rule { why: "the same, of Calico's operator", group: "operator.tigera.io", resources: &["installations"], verbs: READ },
    Rule { why: "the same, of Multus", group: "k8s.cni.cncf.io", resources: &["network-attachment-definitions"], verbs: READ },
    Rule { why: "the same, of Kube-OVN", group: "kubeovn.io", resources: &["subnets"], verbs: READ },
    Rule { why: "the same, of the Amazon VPC CNI", group: "crd.k8s.amazonaws.com", resources: &["eniconfigs"], verbs: READ },
    Rule { why: "the same, of OpenShift", group: "operator.openshift.io", resources: &["networks"], verbs: READ },
    Rule {
        why: "the same, of the Gateway API",
        group: "gateway.networking.k8s.io",
        resources: &["gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants"],
        verbs: READ,
    },
    Rule {
        why: "what the API server itself calls",
        group: "admissionregistration.k8s.io",
        resources: &["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
        verbs: READ,
    },
    Rule { why: "the same, of aggregated APIs", group: "apiregistration.k8s.io", resources: &["apiservices"], verbs: READ },
    Rule { why: "the same, of Istio", group: "security.istio.io", resources: &["peerauthentications"], verbs: READ },
];

/// What probing from inside a pod needs, in that pod's namespace.
const PROBES: &[Rule] = &[
    Rule {
        why: "starts the agent; the built-in roles edit and admin do not allow it",
        group: "",
        resources: &["pods/ephemeralcontainers"],
        verbs: &["patch"],
    },
    Rule {
        // The upgrade to a WebSocket is a GET; servers from 1.35 on ask for create as well (kubernetes#134577).
        why: "talks to the agent",
        group: "",
        resources: &["pods/exec"],
        verbs: &["get", "create"],
    },
];

/// Two cluster roles: one that reads, one that probes.
pub fn roles() -> String {
    let mut text = String::from(
        "# What netcheck may use. Bind netcheck-read cluster-wide or in the namespaces of a question,\n\
         # and netcheck-probe only in namespaces whose pods netcheck may start an agent in.\n",
    );
    text.push_str(&role("netcheck-read", READS));
    text.push_str("---\n");
    text.push_str(&role("netcheck-probe", PROBES));
    text
}

fn role(name: &str, rules: &[Rule]) -> String {
    let mut text = format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}\nrules:\n");
    for rule in rules {
        let list = |items: &[&str]| items.join(", ");
        let block = format!(
            "  # {}\n  - apiGroups: [\"{}\"]\n    resources: [{}]\n    verbs: [{}]\n",
            rule.why,
            rule.group,
            list(rule.resources),
            list(rule.verbs)
        );
        text.push_str(&block);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cluster, Known, Resource};
    use crate::plan::info_reads;

    /// Whether a role must list it. A new kind of read does not compile before it is decided here.
    fn needs_rule(resource: &Resource) -> bool {
        match resource {
            Resource::Pods
            | Resource::Services
            | Resource::EndpointSlices
            | Resource::Nodes
            | Resource::Namespaces
            | Resource::Events
            | Resource::ConfigMaps
            | Resource::Deployments
            | Resource::DaemonSets
            | Resource::StatefulSets
            | Resource::ReplicaSets
            | Resource::Jobs
            | Resource::CronJobs
            | Resource::Ingresses
            | Resource::IngressClasses
            | Resource::NetworkPolicies
            | Resource::ServiceCidrs
            | Resource::Log => true,
            // Every authenticated user may read groups and version (system:discovery); the custom kinds exist only where their network
            // plugin does.
            //
            // pods/proxy reaches every port of every pod past its policies: too much to ask for one more proof of a mode.
            Resource::ApiGroups | Resource::Version | Resource::Custom(_) | Resource::PodProxy => false,
        }
    }

    #[test]
    fn every_read_has_a_rule() {
        let all = [
            Resource::Pods,
            Resource::Services,
            Resource::EndpointSlices,
            Resource::Nodes,
            Resource::Namespaces,
            Resource::Events,
            Resource::ConfigMaps,
            Resource::Deployments,
            Resource::DaemonSets,
            Resource::StatefulSets,
            Resource::ReplicaSets,
            Resource::Jobs,
            Resource::CronJobs,
            Resource::Ingresses,
            Resource::IngressClasses,
            Resource::NetworkPolicies,
            Resource::ServiceCidrs,
            Resource::Log,
        ];
        for resource in all.iter().filter(|r| needs_rule(r)) {
            let (plural, group) = resource.plural().split_once('.').unwrap_or((resource.plural(), ""));
            let has = READS.iter().any(|r| r.resources.contains(&plural) && r.group == group);
            assert!(has, "{plural} of {group:?} has no rule");
        }
    }

    #[test]
    fn every_custom_read_has_a_rule() {
        let mut cluster = Cluster::default();
        let groups = READS.iter().map(|r| r.group.to_owned()).collect();
        cluster.api_groups = Known::Got(groups);
        let queries = info_reads::next(&cluster);
        let customs: Vec<&str> =
            queries.iter().filter(|q| matches!(q.resource, Resource::Custom(_))).map(|q| q.resource.plural()).collect();
        let always = crate::checks::extensions::lists().len();
        assert_eq!(customs.len(), info_reads::CUSTOM.len() + always, "a group without a rule is not asked for");
        for custom in customs {
            let (plural, group) = (custom.split('.').next().unwrap(), custom.splitn(3, '.').nth(2).unwrap());
            assert!(READS.iter().any(|r| r.group == group && r.resources.contains(&plural)), "{custom} has no rule");
        }
    }

    #[test]
    fn roles_are_yaml() {
        let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&roles()).expect("reads");
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[1]["rules"][0]["verbs"][0], "patch");
        assert_eq!(documents[0]["rules"][0]["apiGroups"][0], "");
    }
}
