//! kindnet: the plugin of kind (kubernetes-sigs/kind v0.30).

use super::Plugin;
use super::found::{Encryption, Identified, Policy, Told};
use super::trace::{Agent, Marks, tag};
use crate::model::Cluster;

pub(super) struct Kindnet;

const MARKS: Marks = Marks {
    name: "kindnet",
    images: &["kindest/kindnetd", "networking/kindnet", "aojea/kindnetd"],
    agents: &["kindnet"],
    groups: &[],
    config_maps: &[],
    annotations: &[],
};

const HINTS: &[&str] = &["it routes over the subnet that all nodes share; nodes behind a router cannot reach each other's pods"];

/// The first build of kindnetd that enforces policies came with kind v0.24.
const FIRST_WITH_POLICY: u32 = 20_240_813;

impl Plugin for Kindnet {
    fn name(&self) -> &'static str {
        MARKS.name
    }

    fn look(&self, cluster: &Cluster) -> Option<Identified> {
        let (mut found, agent) = MARKS.look(cluster)?;
        let source = agent.map_or_else(String::new, Agent::source);
        found.mode =
            Some(Told::certain(String::from("routes between nodes of one subnet, no overlay"), source.clone(), "kindnet"));
        found.encryption = Some(Told::certain(Encryption::None, source, "kindnet has no encryption"));
        found.policy = policy(agent);
        found.logs = agent.map(|a| a.logs(&["kindnet-cni"]));
        found.hints = HINTS;
        Some(found)
    }
}

fn policy(agent: Option<Agent<'_>>) -> Policy {
    let build = agent
        .and_then(|a| a.image_of(MARKS.images))
        .and_then(tag)
        .and_then(|t| t.strip_prefix('v')?.get(..8)?.parse::<u32>().ok());
    match build {
        Some(day) if day >= FIRST_WITH_POLICY => Policy::Enforced(format!("kindnetd of {day} has a policy engine")),
        Some(day) => Policy::Ignored(format!("kindnetd of {day} has no policy engine yet")),
        None => Policy::Depends(String::from("yes since the kindnetd of kind v0.24; the image's tag has no date")),
    }
}

#[cfg(test)]
mod tests {
    use crate::cni::testing::{Made, one, summary};

    fn check(tag: &str, policy: &str) {
        let image = format!("docker.io/kindest/kindnetd:{tag}");
        let made = Made::new().daemon_set("kube-system", "kindnet", &[("kindnet-cni", image.as_str())], &[]);
        let mode = "routes between nodes of one subnet, no overlay";
        assert_eq!(summary(&one(&made)), format!("kindnet certain: {mode}; policy {policy}; encryption none"), "{tag}");
    }

    #[test]
    fn the_build_tells_whether_it_enforces() {
        check("v20250512-df8de77b", "yes");
        check("v20230511-dc714da8", "no");
        check("latest", "depends");
    }
}
