use super::*;
use crate::model::testing::policies::{by_name, pods, policy, rule, tcp};
use crate::model::testing::{World, labels};
use crate::model::{NetworkPolicy, Resource};
use crate::policy::survey::tests::{read, scope, shop, usual};
use crate::policy::survey::{applied, with_policies_of};
use crate::report::page::Style;
use crate::report::policy_matrix::{csv_of_changes, render_diff};
use crate::report::schema;

fn diff(before: &World, after: &World) -> PolicyMatrixDiff {
    let scope = scope("shop");
    compare(&scope, &read(before, &scope), &read(after, &scope), "new.yaml applied")
}

/// What `kubectl apply` of these policies would change.
fn apply(before: &World, policies: impl IntoIterator<Item = NetworkPolicy>) -> PolicyMatrixDiff {
    let scope = scope("shop");
    let before = read(before, &scope);
    let manifests = World { network_policies: policies.into_iter().collect(), ..World::default() };
    let after = applied(&before, &read(&manifests, &Scope::default()));
    compare(&scope, &before, &after, "new.yaml applied")
}

fn lines(diff: &PolicyMatrixDiff) -> Vec<String> {
    csv_of_changes(&diff.changes).skip(1).map(|line| line.trim_end().replace("/shop/", "/")).collect()
}

#[test]
fn nothing_changes() {
    let same = diff(&shop(usual()), &shop(usual()));
    assert_eq!((same.exit_code, same.compared, same.changes.len()), (0, 6, 0));
    assert_eq!(same.sentence, "Nothing changes for the 6 connections of namespace shop with new.yaml applied.");
    // a rule that says in other words what was said
    let other_words = policy("shop", "web", "app=web").ingress([rule([], [tcp(8080)])]);
    assert_eq!(apply(&shop(usual()), [other_words]).exit_code, 0);
}

#[test]
fn what_a_new_policy_breaks() {
    let deny = policy("shop", "no-egress", "app=web").egress([]);
    let diff = apply(&shop(usual()), [deny]);
    assert_eq!(diff.exit_code, 1);
    insta::assert_snapshot!(render_diff(&diff, Style::default(), false), @r"
    2 of 6 connections of namespace shop change with new.yaml applied: 2 denied that were allowed.

    Denied deployment/web to deployment/web port 8080/TCP
      before      allowed, egress: no policy selects pod/shop/web-1 for egress
      after       denied, egress: networkpolicy/shop/no-egress selects
                  pod/shop/web-1 for egress, and has no rule

    Denied deployment/web to statefulset/db port 5432/TCP
      before      allowed, egress: no policy selects pod/shop/web-1 for egress
      after       denied, egress: networkpolicy/shop/no-egress selects
                  pod/shop/web-1 for egress, and has no rule
    ");
    let schema = serde_json::from_str(&schema::policy_matrix_diff().expect("writes")).expect("reads");
    let report = serde_json::to_value(&diff).expect("writes");
    assert!(jsonschema::validator_for(&schema).expect("is a schema").is_valid(&report));
    assert_eq!(report["changes"][0]["after"]["policies"], serde_json::json!(["networkpolicy/shop/no-egress"]));
}

#[test]
fn a_changed_policy_takes_the_place_of_the_old_one() {
    let wider = policy("shop", "db", "app=db").ingress([rule([pods("app=client")], [tcp(5432)])]);
    let diff = apply(&shop(usual()), [wider]);
    assert_eq!(
        lines(&diff),
        ["deployment/web,statefulset/db,5432,TCP,allowed,denied", "pod/client,statefulset/db,5432,TCP,denied,allowed"]
    );
    assert_eq!(diff.changes[1].before.policies, ["networkpolicy/shop/db"]);
}

#[test]
fn a_policy_that_is_gone_opens_what_it_denied() {
    let [web, _] = usual();
    let opened = diff(&shop(usual()), &shop([web.clone()]));
    assert!(lines(&opened).iter().all(|line| line.ends_with("statefulset/db,5432,TCP,denied,allowed")), "{:?}", lines(&opened));
    assert_eq!((opened.exit_code, opened.changes.len()), (1, 2));
    // applied manifests delete nothing; in the place of all policies they do
    assert_eq!(apply(&shop(usual()), [web.clone()]).exit_code, 0);
    let scope = scope("shop");
    let before = read(&shop(usual()), &scope);
    let manifests = read(&World { network_policies: vec![web], ..World::default() }, &Scope::default());
    assert_eq!(compare(&scope, &before, &with_policies_of(&before, &manifests), "x").changes.len(), 2);
}

#[test]
fn new_labels_of_a_template_count_and_those_of_controllers_stay() {
    let world = shop(usual());
    let scope = scope("shop");
    let before = read(&world, &scope);
    let mut template = world.pods.iter().find(|p| p.name == "web-1").expect("a pod").clone();
    template.name = "web".into();
    template.owner = Some(("deployment".into(), "web".into()));
    template.labels = labels("app=shopfront");
    let mut new = template.clone();
    new.name = "new".into();
    new.owner = Some(("deployment".into(), "new".into()));
    let manifests = World { pods: vec![template, new], ..World::default() };
    let after = applied(&before, &read(&manifests, &Scope::default()));
    let web: Vec<_> = after.pods.seen().filter(|p| p.name.starts_with("web")).collect();
    assert_eq!(web.len(), 2);
    assert!(web.iter().all(|p| p.labels["app"] == "shopfront" && p.labels.contains_key("pod-template-hash")));
    let diff = compare(&scope, &before, &after, "x");
    assert_eq!(lines(&diff), ["deployment/web,statefulset/db,5432,TCP,allowed,denied"]);
    assert_eq!(diff.only_after, ["deployment/shop/new"]);
}

#[test]
fn parts_of_a_workload_are_compared_pod_by_pod() {
    let primary = policy("shop", "primary", "statefulset.kubernetes.io/pod-name=db-0").ingress([]);
    let diff = apply(&shop([]), [primary]);
    assert_eq!(
        lines(&diff),
        [
            "deployment/web,statefulset/db[db-0],5432,TCP,allowed,denied",
            "pod/client,statefulset/db[db-0],5432,TCP,allowed,denied",
            "\"statefulset/db[db-1,db-2]\",statefulset/db[db-0],5432,TCP,allowed,denied",
        ]
    );
}

#[test]
fn what_cannot_be_decided_is_no_proof_of_anything() {
    let mut unread = shop(usual());
    unread.denied = vec![Resource::NetworkPolicies];
    let lost = diff(&shop(usual()), &unread);
    assert_eq!(lost.exit_code, 3);
    assert!(lost.changes.iter().all(|c| c.after.outcome == OutcomePart::Undetermined));
    let both = diff(&unread, &unread);
    assert_eq!((both.exit_code, both.changes.len(), both.undetermined), (3, 0, 6));
    assert!(both.sentence.contains("6 cannot be decided before or after"), "{}", both.sentence);
}

#[test]
fn a_port_that_only_one_side_declares_is_compared_all_the_same() {
    let before = shop([policy("shop", "web", "app=web").ingress([rule([], [by_name("http")])])]);
    let mut after = before.clone();
    for name in ["web-1", "web-2"] {
        after.pod(name).containers[0].ports[0].port = 9090;
    }
    let diff = diff(&before, &after);
    let web: Vec<String> = lines(&diff).into_iter().filter(|l| l.starts_with("pod/client,deployment/web")).collect();
    assert_eq!(web, ["pod/client,deployment/web,8080,TCP,allowed,denied", "pod/client,deployment/web,9090,TCP,denied,allowed"]);
}
