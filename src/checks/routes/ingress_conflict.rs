use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};
use crate::info::controllers::{Class, class_of};
use crate::model::{Cluster, Ingress, IngressBackend, Known, Resource};

use super::ingress;

declare_finding! {
    /// ## What it finds
    ///
    /// Two Ingresses of one class claim the same host and path and send it to different Services. Only one of them wins; which one depends
    /// on the controller, often the older.
    ///
    /// ## How it is proven
    ///
    /// Hosts, paths and path types of every Ingress of the same class are compared.
    ///
    /// ## What to do
    ///
    /// Give the host and path to one of them, or merge the two.
    IngressConflict, "NC7004", "ingress-conflict", "Two Ingresses claim the same host and path"
}

impl Check for IngressConflict {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(ingress) = ingress(cx) else { return Verdict::NotApplicable };
        let all = cx.cluster.ingresses.complete(&Resource::Ingresses, None);
        let mut found = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let others = cx.cluster.ingresses.seen().filter(|o| o.object() != ingress.object() && seen.insert(o.object()));
        for other in others.filter(|o| same_class(ingress, o, cx.cluster)) {
            let clash = ingress
                .backends
                .iter()
                .find_map(|own| Some((own, other.backends.iter().find(|b| clashes(ingress, own, other, b))?)));
            found.extend(clash.map(|(own, theirs)| finding(ingress, own, other, theirs)));
        }
        // what was seen is there, whatever else may be
        if let (None, true) = (all.got(), found.is_empty()) {
            return Verdict::Undetermined(format!("Ingresses of other namespaces: {}", all.missing().unwrap_or_default()));
        }
        Verdict::of(found)
    }
}

fn same_class(a: &Ingress, b: &Ingress, cluster: &Cluster) -> bool {
    let name = |ingress: &Ingress| match class_of(ingress, cluster) {
        Known::Got(Class::Of(class)) => Some(class.name.clone()),
        Known::Got(Class::Missing(_) | Class::None) | Known::Denied(_) | Known::Absent(_) | Known::Failed(_) | Known::Unasked => {
            ingress.class.clone()
        }
    };
    name(a) == name(b)
}

/// The same host and path with different backends. A default backend claims nothing of its own.
fn clashes(of_own: &Ingress, own: &IngressBackend, of_other: &Ingress, other: &IngressBackend) -> bool {
    let place = |b: &IngressBackend| (b.host.clone(), b.path.clone().unwrap_or_else(|| "/".to_owned()), b.path_type.clone());
    let target = |i: &Ingress, b: &IngressBackend| (i.namespace.clone(), b.service.clone(), b.port.clone());
    !own.path_type.is_empty() && place(own) == place(other) && target(of_own, own) != target(of_other, other)
}

fn finding(ingress: &Ingress, own: &IngressBackend, other: &Ingress, theirs: &IngressBackend) -> Finding {
    let (object, rival) = (ingress.object(), other.object());
    let to = |i: &Ingress, b: &IngressBackend| format!("service/{}/{} port {}", i.namespace, b.service, b.port);
    let sentence = format!(
        "{object} and {rival} both claim {}, and send it to different Services: only one of them is served.",
        super::words(own)
    );
    Finding::warning(IngressConflict::META, object.clone(), sentence)
        .proven()
        .seen(format!("{object} {}", own.field), to(ingress, own))
        .seen(format!("{rival} {}", theirs.field), to(other, theirs))
        .next(format!("kubectl -n {} describe ingress {}", other.namespace, other.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::finding::Weight;
    use crate::model::testing::World;
    use crate::model::testing::edge::ingress as made;
    use crate::plan::testing::{Case, to_ingress};

    fn with(other: Ingress) -> World {
        let mut world = World::edge();
        world.ingresses.push(other);
        world
    }

    #[test]
    fn one_host_and_path_twice_is_a_warning() {
        let case = Case::unmeasured(&with(made("old", "web.example.com", "/", "old", "80")), &to_ingress());
        let found = only(check(&IngressConflict, &case));
        assert_eq!(found.weight, Weight::Warning);
        assert!(
            found.sentence.starts_with("ingress/shop/web and ingress/shop/old both claim web.example.com/,"),
            "{}",
            found.sentence
        );
    }

    #[test]
    fn another_path_class_or_the_same_backend_is_clear() {
        let clear = |world: &World| assert_eq!(check(&IngressConflict, &Case::unmeasured(world, &to_ingress())), Verdict::Clear);
        clear(&World::edge());
        clear(&with(made("old", "web.example.com", "/old", "old", "80")));
        clear(&with(made("same", "web.example.com", "/", "web", "http")));
        clear(&with(Ingress { class: Some("internal".into()), ..made("old", "web.example.com", "/", "old", "80") }));
        let web = crate::plan::testing::to_web();
        assert_eq!(check(&IngressConflict, &Case::unmeasured(&World::shop(), &web)), Verdict::NotApplicable);
    }

    #[test]
    fn ingresses_that_were_not_listed_are_undetermined() {
        let mut case = Case::unmeasured(&World::edge(), &to_ingress());
        case.cluster.ingresses.listings.retain(|l| l.query.name.is_some());
        assert!(matches!(check(&IngressConflict, &case), Verdict::Undetermined(_)));
    }
}
