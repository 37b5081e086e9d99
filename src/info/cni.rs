//! The pod network as facts.

use super::facts::{Facts, fact_of, parts};
use crate::cni::{Identified, Networks, Role, State};
use crate::report::info::{Fact, Topic};

pub(super) fn facts(networks: &Networks, facts: &mut Facts) {
    for (what, why) in &networks.gaps {
        facts.gap(what.clone(), why.clone());
    }
    if networks.primary().is_none() {
        facts.add(unknown(networks));
    }
    for found in &networks.found {
        plugin(found, facts);
    }
    for warning in &networks.warnings {
        facts.add(Fact::new(Topic::Cni, "conflict", "more than one pod network", "likely").warning(warning.clone()));
    }
    for found in &networks.leftovers {
        let mut fact = Fact::new(Topic::CniLeftover, found.name, "signs of it, and no agent at work", found.certainty.word());
        fact.evidence = parts(&found.evidence);
        facts.add(fact);
    }
}

fn unknown(networks: &Networks) -> Fact {
    let (value, confidence) = if networks.is_undetermined() {
        ("undetermined: not everything that shows it could be read", "unknown")
    } else {
        ("unknown: no sign of a plugin that is known by name", "unknown")
    };
    let fact = Fact::new(Topic::Cni, "plugin", value, confidence);
    networks.looked.iter().fold(fact, |fact, looked| fact.seen("looked at", looked.clone()))
}

fn plugin(found: &Identified, facts: &mut Facts) {
    let role = match found.role {
        Role::Primary => String::new(),
        Role::On(other) => format!(", on top of {other}"),
        Role::Meta => String::from(", which calls other plugins"),
    };
    let agents = match found.state {
        State::Agent { desired: Some(desired), ready: Some(ready) } => format!(", {ready} of {desired} agents ready"),
        State::Agent { .. } => String::new(),
        State::BuiltIn => String::from(", without an agent of its own in the cluster"),
        State::Unseen => String::from(", whose agents could not be listed"),
        State::Leftover => String::from(", no longer at work"),
    };
    // a second plugin's facts carry its name
    let name = |word: &str| if found.role == Role::Primary { word.to_owned() } else { format!("{} {word}", found.name) };
    let heading = if found.role == Role::Primary { "plugin" } else { "also" };
    let mut fact = Fact::new(Topic::Cni, heading, format!("{}{role}{agents}", found.name), found.certainty.word());
    fact.evidence = parts(&found.evidence);
    if !found.warnings.is_empty() {
        fact = fact.warning(found.warnings.join("; "));
    }
    facts.add(fact);
    if let Some(mode) = &found.mode {
        facts.told(Topic::Cni, &name("mode"), mode);
    }
    if let Some(tunnel) = &found.tunnel {
        facts.told(Topic::Cni, &name("tunnel"), &tunnel.with(tunnel.value.to_string()));
    }
    if let Some(mtu) = &found.mtu {
        facts.told(Topic::Cni, &name("MTU"), &mtu.with(format!("{} bytes on pod interfaces", mtu.value)));
    }
    if found.role != Role::Meta {
        facts.add(policy(found, &name("policies")));
    }
    if let Some(encryption) = &found.encryption {
        facts.told(Topic::Cni, &name("encryption"), &encryption.with(encryption.value.to_string()));
    }
    for (feature, told) in &found.features {
        facts.add(fact_of(Topic::Cni, &name(feature), told));
    }
    if let Some(logs) = &found.logs {
        let container = logs.container.as_ref().map_or_else(String::new, |c| format!(" -c {c}"));
        let command = format!("kubectl logs -n {} -l {}{container}", logs.namespace, logs.selector);
        facts.add(Fact::new(Topic::Cni, &name("logs"), command, found.certainty.word()));
    }
    for hint in found.hints {
        facts.hint(found.name, hint);
    }
    for (what, why) in &found.unknown {
        facts.gap(what.clone(), why.clone());
    }
}

fn policy(found: &Identified, name: &str) -> Fact {
    let value = format!("{}: {}", found.policy.word(), found.policy.why());
    let fact = Fact::new(Topic::Cni, name, value, found.certainty.word());
    match &found.policy {
        crate::cni::Policy::Ignored(_) => {
            fact.seen(found.name, "NetworkPolicies are accepted by the API server and change nothing by this plugin")
        }
        crate::cni::Policy::Enforced(_) | crate::cni::Policy::Depends(_) => fact.seen(found.name, found.policy.why().to_owned()),
    }
}
