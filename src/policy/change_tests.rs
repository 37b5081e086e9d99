use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::model::Protocol;
use crate::policy::Directory;
use crate::policy::properties::by_the_book;
use crate::policy::testing::{PORTS, small};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// The engine that tries a change and the text of NetworkPolicy agree on what it does.
    #[test]
    fn a_change_that_is_told_turns_the_answer(mut world in small(), from in 0_usize..9, to in 0_usize..9, port in select(PORTS.to_vec())) {
        world.namespaces_known = true;
        let mut cluster = world.cluster();
        cluster.network_policies.push(Query::all(Resource::NetworkPolicies), Known::Got(world.policies.clone()));
        cluster.api_groups = Known::Got(Vec::new());
        let directory = Directory::new(&cluster);
        let (a, b) = (&world.pods[from], &world.pods[to]);
        let flow = Flow { from: directory.pod(a), to: directory.pod(b), protocol: Protocol::Tcp, port, v6: false };
        let ways = || vec![Way { flow, when: When::Always }];
        let leg = Leg {
            from: String::new(),
            to: String::new(),
            protocol: Protocol::Tcp,
            port,
            asked: port,
            egress: ways(),
            ingress: ways(),
            through: None,
            notes: Vec::new(),
            counts: true,
        };
        let book = rulebook(&cluster, &Engine::Spec, ["x", "y", "z"]).book;
        let before = by_the_book(&world, a, b, Protocol::Tcp, port);
        prop_assert_eq!(leg.outcome(&book) == Outcome::Allowed, before);
        let Some(turned) = turn(&cluster, &Engine::Spec, &[&leg], &book) else {
            // nobody is kept from a rule of its own
            prop_assert!(before, "no way to allow {a:?} {b:?}");
            return Ok(());
        };
        for change in &turned.changes {
            change.apply(&mut world.policies).expect("applies");
            prop_assert!(matches!(change, Change::Create(_)) != change.command().is_some());
        }
        prop_assert_eq!(by_the_book(&world, a, b, Protocol::Tcp, port), !before);
        prop_assert_eq!(turned.becomes == Outcome::Allowed, !before);
    }
}

#[test]
fn commands_hold_nothing_that_a_shell_would_read() {
    let of = |name: &str, label: &str| {
        let policy = NetworkPolicy { namespace: "shop".into(), name: name.into(), ..NetworkPolicy::default() };
        let selector = Selector::of(&Labels::from([("app".to_owned(), label.to_owned())]));
        let peer = NetworkPolicyPeer { pod_selector: Some(selector), ..NetworkPolicyPeer::default() };
        Change::AddRule {
            policy,
            direction: Direction::Ingress,
            rule: NetworkPolicyRule { peers: vec![peer], ports: Vec::new() },
        }
        .command()
    };
    let patch = r#"[{"op":"add","path":"/spec/ingress","value":[{"from":[{"podSelector":{"matchLabels":{"app":"web"}}}]}]}]"#;
    assert_eq!(of("web", "web"), Some(format!("kubectl -n shop patch networkpolicy web --type=json -p '{patch}'")));
    for (name, label) in [("web; reboot", "web"), ("-n", "web"), ("web", "a'; reboot #")] {
        assert_eq!(of(name, label), None, "{name} {label}");
    }
}

#[test]
fn labels_of_one_pod_or_rollout_are_left_out() {
    let labels = |pairs: &[(&str, &str)]| -> Labels { pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect() };
    let of = |pairs: &[(&str, &str)]| of_application(&labels(pairs)).into_keys().collect::<Vec<_>>();
    assert_eq!(of(&[("app", "web"), ("pod-template-hash", "1"), ("team", "a")]), ["app"]);
    assert_eq!(of(&[("run", "web"), ("pod-template-hash", "1"), ("team", "a")]), ["run", "team"]);
    assert_eq!(of(&[("pod-template-hash", "1")]), Vec::<String>::new());
}
