//! Amazon VPC CNI (aws/amazon-vpc-cni-k8s v1.20), and the network that EKS Auto Mode has in its nodes.

use super::Plugin;
use super::found::{Certainty, Encryption, Identified, Policy, Seen, State, Told};
use super::trace::{Agent, Marks, config_map, flag, labelled, source_of};
use crate::model::Cluster;

pub(super) struct AwsVpc;

const MARKS: Marks = Marks {
    name: "Amazon VPC CNI",
    images: &["amazon-k8s-cni", "eks/amazon-k8s-cni", "amazon/amazon-k8s-cni"],
    agents: &["aws-node"],
    groups: &["crd.k8s.amazonaws.com", "vpcresources.k8s.aws"],
    config_maps: &["amazon-vpc-cni"],
    annotations: &["vpc.amazonaws.com/ENIID"],
};

const HINTS: &[&str] = &[
    "pods take addresses of the VPC: a subnet without free ones leaves pods in ContainerCreating with `failed to assign an IP address`",
    "security groups of the node (or of the pod) apply to pod traffic",
    "each instance type has a limit of interfaces and addresses; prefix delegation raises it",
    "pods that reach the internet from a public subnet need external SNAT or a NAT gateway",
];

impl Plugin for AwsVpc {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        const AUTO: &str = "eks.amazonaws.com/compute-type";
        let looked = MARKS.look(cluster);
        let auto = labelled(cluster, AUTO).into_iter().find(|(_, value)| *value == "auto");
        let agent = looked.as_ref().and_then(|(_, agent)| *agent);
        let mut found = match (looked, auto) {
            (Some((found, Some(_))), _) | (Some((found, None)), None) => found,
            (looked, Some((node, value))) => {
                let mut evidence = vec![Seen::new(format!("{} label {AUTO}", node.object()), value)];
                evidence.extend(looked.into_iter().flat_map(|(found, _)| found.evidence));
                MARKS.identified(State::BuiltIn, Certainty::Likely, evidence)
            }
            (None, None) => return None,
        };
        let source = agent.map_or_else(|| format!("node label {AUTO}"), Agent::source);
        found.mode = Some(Told::likely(
            String::from("native: pods have addresses of the VPC, no overlay"),
            source.clone(),
            "Amazon VPC CNI",
        ));
        found.encryption = Some(Told::likely(Encryption::None, source, "it has no encryption of its own"));
        found.policy = policy(cluster, agent, found.state);
        let why = "they are set in the agent's environment, which is not read";
        found
            .unknown
            .push((String::from("prefix delegation, MTU and security groups for pods of the Amazon VPC CNI"), String::from(why)));
        let networks = super::trace::custom(cluster, "eniconfigs", "crd.k8s.amazonaws.com");
        if !networks.is_empty() {
            let told =
                Told::likely(format!("{} ENIConfigs", networks.len()), "eniconfigs.crd.k8s.amazonaws.com", "objects exist");
            found.feature("custom networking", told);
        }
        found.logs = agent.map(|a| a.logs(&["aws-node"]));
        found.hints = HINTS;
        Some(found)
    }
}

fn policy(cluster: &Cluster, agent: Option<Agent<'_>>, state: State) -> Policy {
    if state == State::BuiltIn {
        return Policy::Depends(String::from(
            "EKS Auto Mode enforces policies when the NodeClass and the ConfigMap amazon-vpc-cni turn it on",
        ));
    }
    let map = config_map(cluster, None, &["amazon-vpc-cni"]);
    let controller = map
        .and_then(|m| Some((source_of(m, "enable-network-policy-controller"), m.data.get("enable-network-policy-controller")?)));
    let Some(agent) = agent else { return Policy::Depends(String::from("yes when its network policy agent is turned on")) };
    if !agent.has_container("aws-eks-nodeagent") {
        return Policy::Ignored(String::from("its network policy agent (container aws-eks-nodeagent) is not installed"));
    }
    match (flag(agent.arguments(), "enable-network-policy"), controller) {
        (Some("true"), _) => Policy::Enforced(String::from("its network policy agent runs with --enable-network-policy=true")),
        (Some(_), _) => Policy::Ignored(String::from("its network policy agent runs with --enable-network-policy=false")),
        (None, Some((source, value))) if value == "true" => Policy::Enforced(format!("{source} is true")),
        (None, Some((source, value))) => Policy::Ignored(format!("{source} is {value}")),
        (None, None) => {
            Policy::Depends(String::from("its network policy agent is installed; whether it is turned on could not be read"))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};
    use crate::cni::{Role, networks};

    const CNI: (&str, &str) = ("aws-node", "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.20.1");
    const POLICY: (&str, &str) =
        ("aws-eks-nodeagent", "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-network-policy-agent:v1.2.4");

    fn check(containers: &[(&str, &str)], arguments: &[&str], policy: &str) {
        let made = Made::new().daemon_set("kube-system", "aws-node", containers, arguments).groups(&["crd.k8s.amazonaws.com"]);
        let mode = "native: pods have addresses of the VPC, no overlay";
        assert_eq!(
            summary(&one(&made)),
            format!("Amazon VPC CNI certain: {mode}; policy {policy}; encryption none"),
            "{arguments:?}"
        );
    }

    #[test]
    fn policies_need_the_agent_and_its_flag() {
        check(&[CNI], &[], "no");
        check(&[CNI, POLICY], &["--enable-network-policy=true"], "yes");
        check(&[CNI, POLICY], &["--enable-network-policy=false"], "no");
        check(&[CNI, POLICY], &[], "depends");
    }

    #[test]
    fn cilium_may_be_chained_on_it() {
        let made = Made::new()
            .daemon_set("kube-system", "aws-node", &[CNI], &[])
            .daemon_set("kube-system", "cilium", &[("cilium-agent", "quay.io/cilium/cilium:v1.18.1")], &[])
            .config_map("kube-system", "cilium-config", &[("cni-chaining-mode", "aws-cni"), ("routing-mode", "native")]);
        let networks = networks(&made.cluster());
        assert_eq!(networks.primary().unwrap().name, "Amazon VPC CNI");
        assert_eq!(networks.found[0].role, Role::On("Amazon VPC CNI"));
        assert!(networks.warnings.is_empty());
        assert_eq!(networks.policy_engine().unwrap().name, "Cilium");
    }

    #[test]
    fn auto_mode_has_no_agent() {
        let found = one(&Made::new().labelled("n1", "eks.amazonaws.com/compute-type", "auto"));
        assert_eq!(
            summary(&found),
            "Amazon VPC CNI likely: native: pods have addresses of the VPC, no overlay; policy depends; encryption none"
        );
    }
}
