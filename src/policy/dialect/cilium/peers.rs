//! The other end of a rule: `fromEndpoints`, `toCIDRSet`, `toServices` and their like.
//!
//! Source: cilium/cilium `pkg/policy/api/{ingress,egress,cidr}.go`, `pkg/policy/utils` and `pkg/policy/k8s`, v1.20.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{Cluster, Known, Labels, Resource, Selector};
use crate::policy::dialect::source::{LabelSelector, Source, object_of};
use crate::policy::{LabelExpr, LabelView, Predicate, Truth, kinds};

use super::entity::entity;
use super::policy::RuleText;
use super::selector::{Key, NAMESPACE, NAMESPACE_LABELS};
use super::settings::Settings;

/// Where selectors are looked up.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) settings: &'a Settings,
    pub(super) api_server: &'a Predicate,
    /// Of the policy; empty for one of the cluster.
    pub(super) namespace: &'a str,
}

/// What a rule says of the other end.
pub(super) enum Peers {
    /// Nothing: everybody when there are ports, else nobody.
    Unsaid,
    /// This.
    Said(Predicate),
    /// Cilium does not load a policy with such a rule.
    Invalid(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CidrRule {
    cidr: Option<String>,
    cidr_group_ref: Option<String>,
    cidr_group_selector: Option<Value>,
    except: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceText {
    k8s_service: Option<ServiceName>,
    k8s_service_selector: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceName {
    service_name: Option<String>,
    namespace: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fqdn {
    match_name: Option<String>,
    match_pattern: Option<String>,
}

impl Context<'_> {
    /// The other end of one rule. A rule may name it in one way only.
    pub(super) fn peers(self, at: &str, way: &str, rule: &RuleText, source: &mut Source<'_>) -> Peers {
        let mut said: Vec<(&str, Predicate)> = Vec::new();
        let mut empty = None;
        let mut each = |name: &'static str, list: Option<&Vec<Value>>, one: &mut dyn FnMut(&str, &Value) -> Predicate| {
            let Some(list) = list else { return };
            if list.is_empty() {
                empty = Some(name);
                return;
            }
            let all = list.iter().enumerate().map(|(i, value)| one(&format!("{at}.{way}{name}[{i}]"), value));
            said.push((name, Predicate::AnyOf(all.collect())));
        };
        each("Endpoints", rule.endpoints.as_ref(), &mut |at, v| self.endpoints(at, v, source));
        each("Entities", rule.entities.as_ref(), &mut |at, v| self.entities(at, v, source));
        each("CIDR", rule.cidr.as_ref(), &mut |at, v| match v.as_str().ok_or("is not a text") {
            Ok(text) => self.plain_range(at, text, source),
            Err(text) => Predicate::Unknown(source.wrong(at, text)),
        });
        each("CIDRSet", rule.cidr_set.as_ref(), &mut |at, v| self.cidr_rule(at, v, source));
        each("Services", rule.services.as_ref(), &mut |at, v| self.service(at, v, source));
        each("FQDNs", rule.fqdns.as_ref(), &mut |at, v| fqdn(at, v, source));
        each("Groups", rule.groups.as_ref(), &mut |at, _| {
            outside(source.unmodelled(at, "what an external group holds is not known"))
        });
        each("Nodes", rule.nodes.as_ref(), &mut |at, _| {
            let unknown = Predicate::Unknown(source.unmodelled(at, "selecting nodes by their labels is not modelled"));
            Predicate::All(vec![Predicate::Node, Predicate::OwnNode.negated(), unknown])
        });
        match (said.len(), empty) {
            (0, None) => Peers::Unsaid,
            // before, an empty list with ports meant everybody
            (0, Some(name)) => Peers::Said(match self.settings.since((1, 20)) {
                Some(true) => Predicate::NOTHING,
                Some(false) | None if rule.ports.as_ref().is_none_or(Vec::is_empty) => Predicate::NOTHING,
                Some(false) | None => {
                    let what = "what an empty list means depends on the version of Cilium";
                    Predicate::Unknown(source.unmodelled(&format!("{at}.{way}{name}"), what))
                }
            }),
            (1, _) => Peers::Said(said.pop().map_or(Predicate::NOTHING, |(_, predicate)| predicate)),
            _ => {
                let names: Vec<String> = said.iter().map(|(name, _)| format!("{way}{name}")).collect();
                Peers::Invalid(format!("{} cannot stand in one rule", names.join(" and ")))
            }
        }
    }

    /// A selector of endpoints: of the policy's namespace unless it names others.
    fn endpoints(self, at: &str, value: &Value, source: &mut Source<'_>) -> Predicate {
        let selector = match source.read::<LabelSelector>(at, value) {
            Ok(selector) => Selector::from(selector),
            Err(why) => return Predicate::Unknown(why),
        };
        let keys = selector.labels.keys().chain(selector.expressions.iter().map(|e| &e.key));
        let keys: Vec<Key<'_>> = keys.map(|k| Key::parse(k)).collect();
        let labels = self.lower(at, &LabelExpr::from(&selector), source);
        if keys.iter().any(|k| k.source == "reserved") || keys.iter().any(|k| k.is_kubernetes() && k.name == NAMESPACE) {
            return labels;
        }
        let place = if self.namespace.is_empty() {
            Predicate::Pod
        } else if keys.iter().any(|k| k.is_kubernetes() && k.name.starts_with(NAMESPACE_LABELS)) {
            // before, the policy's namespace was meant all the same
            let own = Predicate::Namespace(self.namespace.to_owned());
            match self.settings.since((1, 20)) {
                Some(true) => Predicate::EVERYTHING,
                Some(false) | None if self.settings.version.is_some_and(|v| v <= (1, 15)) => own,
                Some(false) | None => {
                    let what = "whether labels of other namespaces select them depends on the version of Cilium";
                    Predicate::AnyOf(vec![own, Predicate::Unknown(source.unmodelled(at, what))])
                }
            }
        } else {
            Predicate::Namespace(self.namespace.to_owned())
        };
        Predicate::All(vec![place, labels])
    }

    /// A selector without an implied namespace, and a word on labels that no pod's identity has.
    pub(super) fn lower(self, at: &str, labels: &LabelExpr, source: &mut Source<'_>) -> Predicate {
        let lowered = self.settings.selector(labels, self.api_server);
        for key in lowered.dropped {
            source.problem(at, dropped(&key));
        }
        lowered.predicate
    }

    fn entities(self, at: &str, value: &Value, source: &mut Source<'_>) -> Predicate {
        let found = value.as_str().and_then(|name| entity(name, self.api_server));
        found.unwrap_or_else(|| Predicate::Unknown(source.wrong(at, &format!("{value} is not an entity"))))
    }

    fn plain_range(self, at: &str, text: &str, source: &mut Source<'_>) -> Predicate {
        match source.cidr(at, text, true) {
            Ok(cidr) => self.settings.range(cidr, Vec::new()),
            Err(why) => Predicate::Unknown(why),
        }
    }

    fn cidr_rule(self, at: &str, value: &Value, source: &mut Source<'_>) -> Predicate {
        let rule: CidrRule = match source.read(at, value) {
            Ok(rule) => rule,
            Err(why) => return Predicate::Unknown(why),
        };
        let except = rule.except.unwrap_or_default();
        let except: Result<Vec<IpNet>, String> =
            except.iter().enumerate().map(|(i, e)| source.cidr(&format!("{at}.except[{i}]"), e, false)).collect();
        let except = match except {
            Ok(except) => except,
            Err(why) => return outside(why),
        };
        match (rule.cidr, rule.cidr_group_ref, rule.cidr_group_selector) {
            (Some(cidr), None, None) => match source.cidr(&format!("{at}.cidr"), &cidr, false) {
                Ok(cidr) => self.settings.range(cidr, except),
                Err(why) => outside(why),
            },
            (None, Some(name), None) => {
                self.groups(&format!("{at}.cidrGroupRef"), &except, source, &|group| Truth::of(object_of("", group).name == name))
            }
            (None, None, Some(selector)) => {
                let at = format!("{at}.cidrGroupSelector");
                let labels = source.labels(&at, &selector);
                let mut plain = Vec::new();
                labels.keys(&mut plain);
                let positive = matches!(&labels, LabelExpr::All(parts) if parts.iter().all(|p| !matches!(p, LabelExpr::Not(_))));
                if !positive || plain.iter().any(|k| k.contains(':')) {
                    return outside(source.unmodelled(&at, "selecting what is in no group, or by source, is not modelled"));
                }
                self.groups(&at, &except, source, &|group| {
                    let own: Labels =
                        group.pointer("/metadata/labels").and_then(|l| Labels::deserialize(l).ok()).unwrap_or_default();
                    Truth::of(labels.matches(LabelView { labels: &own, missing: None }) == Truth::Yes)
                })
            }
            _ => outside(source.wrong(at, "must have one of cidr, cidrGroupRef and cidrGroupSelector")),
        }
    }

    /// The ranges of the CiliumCIDRGroups that fit.
    fn groups(self, at: &str, except: &[IpNet], source: &mut Source<'_>, fits: &dyn Fn(&Value) -> Truth<'static>) -> Predicate {
        if let Some(why) = kinds::CIDR_GROUPS.missing(self.cluster, None) {
            return outside(source.unmodelled(at, &why));
        }
        let mut ranges = Vec::new();
        for group in kinds::CIDR_GROUPS.objects(self.cluster).into_iter().filter(|g| fits(g) == Truth::Yes) {
            let texts = group.pointer("/spec/externalCIDRs").and_then(Value::as_array).into_iter().flatten();
            // one that is no range is left out, as Cilium does
            let nets = texts.filter_map(Value::as_str).filter_map(|t| t.parse::<IpNet>().ok());
            ranges.extend(nets.map(|net| self.settings.range(net.trunc(), except.to_vec())));
        }
        Predicate::AnyOf(ranges)
    }

    /// A Service with a selector stands for the pods it selects, one without for the addresses of its EndpointSlices.
    fn service(self, at: &str, value: &Value, source: &mut Source<'_>) -> Predicate {
        let text: ServiceText = match source.read(at, value) {
            Ok(text) => text,
            Err(why) => return Predicate::Unknown(why),
        };
        let (Some(ServiceName { service_name: Some(name), namespace: Some(namespace) }), None) =
            (text.k8s_service, text.k8s_service_selector)
        else {
            let what = "only a Service with its name and namespace is looked up";
            return Predicate::Unknown(source.unmodelled(at, what));
        };
        let what = |why: &str| format!("the Service {namespace}/{name}: {why}");
        let Some(service) = self.cluster.service(&namespace, &name) else {
            let why = self.cluster.services.complete(&Resource::Services, Some(&namespace)).missing();
            let why =
                why.unwrap_or_else(|| String::from("is not there, and what its absence means depends on the version of Cilium"));
            return Predicate::Unknown(source.unmodelled(at, &what(&why)));
        };
        if !service.selector.is_empty() {
            if self.settings.since((1, 20)) != Some(true) {
                let why = "whether a Service with a selector counts depends on the version of Cilium";
                return Predicate::Unknown(source.unmodelled(at, &what(why)));
            }
            let labels = LabelExpr::from(&Selector::of(&service.selector));
            let pods = self.settings.pods(&labels).predicate;
            return Predicate::All(vec![Predicate::Namespace(namespace), pods]);
        }
        match self.cluster.slices_of(&namespace, &name) {
            Known::Got(slices) => {
                let addresses = slices.iter().flat_map(|s| &s.endpoints).flat_map(|e| &e.addresses);
                let nets = addresses.filter_map(|a| a.parse::<std::net::IpAddr>().ok()).map(IpNet::from);
                Predicate::AnyOf(nets.map(|net| self.settings.range(net, Vec::new())).collect())
            }
            other @ (Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked) => {
                let why = other.missing().unwrap_or_default();
                outside(source.unmodelled(at, &what(&format!("its EndpointSlices: {why}"))))
            }
        }
    }
}

/// A name stands for what the agent saw it resolved to, and never for something inside of the cluster.
fn fqdn(at: &str, value: &Value, source: &mut Source<'_>) -> Predicate {
    match source.read::<Fqdn>(at, value) {
        Ok(fqdn) => {
            let name = fqdn.match_name.or(fqdn.match_pattern).unwrap_or_default();
            outside(source.unmodelled(at, &format!("the addresses behind {name} are not known")))
        }
        Err(why) => outside(why),
    }
}

fn outside(why: String) -> Predicate {
    Predicate::All(vec![Predicate::External, Predicate::Unknown(why)])
}

pub(super) fn dropped(key: &str) -> String {
    format!("Cilium's label filter leaves {key} out of identities: no pod has it for a policy")
}

impl Settings {
    /// An address range: what is outside of the cluster, and more where `policy-cidr-match-mode` says so.
    pub(super) fn range(&self, cidr: IpNet, except: Vec<IpNet>) -> Predicate {
        let everything = cidr.prefix_len() == 0;
        let range = Predicate::Cidr { cidr, except };
        let mut found = vec![Predicate::All(vec![Predicate::External, range.clone()])];
        for (kind, finds) in [(Predicate::Node, self.cidr_finds_nodes), (Predicate::Pod, self.cidr_finds_pods)] {
            match finds {
                Some(false) => {}
                // the range of all addresses is another label, which the world has
                Some(true) if !everything => found.push(Predicate::All(vec![kind, range.clone()])),
                Some(true) | None => {
                    let unknown =
                        String::from("whether ranges find nodes and pods: policy-cidr-match-mode of cilium-config is not known");
                    found.push(Predicate::All(vec![kind, range.clone(), Predicate::Unknown(unknown)]));
                }
            }
        }
        Predicate::AnyOf(found)
    }
}
