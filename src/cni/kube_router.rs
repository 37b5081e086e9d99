//! kube-router (cloudnativelabs/kube-router v2.6), also only as policy engine or service proxy.

use super::found::{Encryption, Identified, Policy, Role, Told};
use super::trace::{Agent, Marks, flag};
use super::{Plugin, Tunnel, TunnelKind};
use crate::model::Cluster;

pub(super) struct KubeRouter;

const MARKS: Marks = Marks {
    name: "kube-router",
    images: &["cloudnativelabs/kube-router", "cloudnativelabs/kube-router-git", "kube-router"],
    agents: &["kube-router"],
    groups: &[],
    config_maps: &["kube-router-cfg"],
    annotations: &["kube-router.io/bgp-local-addresses", "kube-router.io/node.asn", "kube-router.io/peer.ips"],
};

const HINTS: &[&str] = &[
    "BGP needs TCP 179 between nodes; `gobgp neighbor` in its pod shows peers that are not established",
    "nodes of different subnets need the overlay (IP protocol 4, or UDP 5555 with FoU)",
    "with --run-service-proxy=true kube-proxy must not run as well",
];

impl Plugin for KubeRouter {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        found.hints = HINTS;
        found.logs = agent.map(|a| a.logs(&["kube-router"]));
        let Some(agent) = agent else { return Some(found) };
        if let Agent::Pod(_) = agent {
            found.unknown.push((
                String::from("kube-router's roles"),
                String::from("its arguments are in a DaemonSet that could not be read"),
            ));
            return Some(found);
        }
        arguments(&mut found, agent);
        Some(found)
    }
}

fn arguments(found: &mut Identified, agent: Agent<'_>) {
    let arguments = agent.arguments();
    // defaults of v2: all three roles are on
    let on = |name: &str| flag(arguments, name).is_none_or(|v| v == "true");
    let source = |name: &str| (format!("{} --{name}", agent.source()), flag(arguments, name).unwrap_or("not set, default true"));
    let (from, seen) = source("run-firewall");
    found.policy = if on("run-firewall") {
        Policy::Enforced(String::from("its firewall role is on"))
    } else {
        Policy::Ignored(String::from("it was started with --run-firewall=false"))
    };
    found.feature("firewall role", Told::certain(word(on("run-firewall")), from, seen));
    let (from, seen) = source("run-service-proxy");
    if on("run-service-proxy") {
        found.service_proxy = Some(Told::certain(String::from("IPVS"), from, seen));
    }
    let (from, seen) = source("run-router");
    if !on("run-router") {
        found.role = Role::On("another plugin");
        found.mode = Some(Told::certain(String::from("no routing role"), from, seen));
        return;
    }
    let overlay = on("enable-overlay");
    let full = flag(arguments, "overlay-type") == Some("full");
    let fou = flag(arguments, "overlay-encap") == Some("fou");
    let (mode, tunnel) = match (overlay, full, fou) {
        (false, _, _) => ("BGP, no overlay", None),
        (true, true, _) => ("BGP, overlay between all nodes", Some(fou)),
        (true, false, _) => ("BGP, overlay only between subnets", Some(fou)),
    };
    found.mode = Some(Told::certain(mode.to_owned(), from, seen));
    found.tunnel = tunnel.map(|fou| {
        let (kind, port) = if fou { (TunnelKind::Fou, Some(5555)) } else { (TunnelKind::IpIp, None) };
        Told::certain(Tunnel::new(kind, port), format!("{} arguments", agent.source()), arguments.join(" "))
    });
    found.encryption = Some(Told::certain(Encryption::None, agent.source(), "kube-router has no encryption"));
}

fn word(on: bool) -> String {
    String::from(if on { "on" } else { "off" })
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    fn check(arguments: &[&str], expected: &str) {
        let image = [("kube-router", "docker.io/cloudnativelabs/kube-router:v2.6.0")];
        let made = Made::new().daemon_set("kube-system", "kube-router", &image, arguments);
        assert_eq!(summary(&one(&made)), format!("kube-router certain: {expected}"), "{arguments:?}");
    }

    #[test]
    fn its_arguments_say_its_roles() {
        check(&[], "BGP, overlay only between subnets; IP protocol 4; policy yes; encryption none; proxy IPVS");
        check(
            &[
                "--run-router=true",
                "--run-firewall=true",
                "--run-service-proxy=false",
                "--overlay-type=full",
                "--overlay-encap=fou",
            ],
            "BGP, overlay between all nodes; UDP 5555; policy yes; encryption none",
        );
        check(
            &["--run-service-proxy=false", "--enable-overlay=false", "--run-firewall=false"],
            "BGP, no overlay; policy no; encryption none",
        );
        check(&["--run-router=false", "--run-service-proxy=false"], "no routing role; policy yes; on another plugin");
    }
}
