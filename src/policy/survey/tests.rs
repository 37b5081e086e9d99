use proptest::prelude::*;

use super::*;
use crate::model::testing::policies::{by_name, pods, pods_in, policy, rule, tcp};
use crate::model::testing::{World, labels, named, pod};
use crate::model::{Known, NetworkPolicy, Protocol, Query};
use crate::plan::matrix_reads;
use crate::policy::Outcome;
use crate::policy::testing::{Small, small};
use crate::report::page::Style;
use crate::report::policy_matrix::{csv, dot, render, svg};
use crate::report::{json, sanitise, schema};

/// A shop as clusters have it: a Deployment in a rollout, a StatefulSet, a bare pod, and a pod in its node's network.
pub(super) fn shop(policies: impl IntoIterator<Item = NetworkPolicy>) -> World {
    let mut world = World::shop();
    world.pod("coredns-1").labels.insert("pod-template-hash".into(), "6f9".into());
    world.pod("coredns-2").labels.insert("pod-template-hash".into(), "6f9".into());
    for (name, hash) in [("web-1", "5d9"), ("web-2", "77c")] {
        let pod = world.pod(name);
        pod.owner = Some(("replicaset".into(), format!("web-{hash}")));
        pod.labels.insert("pod-template-hash".into(), hash.into());
    }
    let sql = [named("sql", 5432, Protocol::Tcp)];
    for (name, ip) in [("db-0", "10.244.1.20"), ("db-1", "10.244.2.20"), ("db-2", "10.244.3.20")] {
        let mut db = pod("shop", name, "app=db", "node1", ip, &sql);
        db.owner = Some(("statefulset".into(), "db".into()));
        db.labels.insert("statefulset.kubernetes.io/pod-name".into(), name.into());
        world.pods.push(db);
    }
    let mut exporter = pod("shop", "exporter-x", "app=exporter", "node1", "172.18.0.1", &[]);
    exporter.host_network = true;
    exporter.owner = Some(("daemonset".into(), "exporter".into()));
    let done = Pod { phase: "Succeeded".into(), ..pod("shop", "job-1", "app=job", "node1", "10.244.1.9", &[]) };
    world.pods.extend([exporter, done]);
    world.network_policies = policies.into_iter().collect();
    for namespace in &mut world.namespaces {
        namespace.labels.insert("kubernetes.io/metadata.name".into(), namespace.name.clone());
    }
    world
}

/// The web takes everybody on its named port, the database takes the web.
pub(super) fn usual() -> [NetworkPolicy; 2] {
    [
        policy("shop", "web", "app=web").ingress([rule([], [by_name("http")])]),
        policy("shop", "db", "app=db").ingress([rule([pods("app=web")], [tcp(5432)])]),
    ]
}

/// Reads what the command reads.
pub(super) fn read(world: &World, scope: &Scope) -> Cluster {
    let mut cluster = Cluster::default();
    for _ in 0..20 {
        let queries = matrix_reads::next(scope.namespace.as_deref(), &cluster);
        if queries.is_empty() {
            return cluster;
        }
        for query in &queries {
            world.ask(&mut cluster, query);
        }
    }
    panic!("reads do not end");
}

pub(super) fn scope(namespace: &str) -> Scope {
    Scope { namespace: Some(namespace.into()), ports: Vec::new() }
}

fn ask(world: &World, scope: &Scope) -> PolicyMatrix {
    matrix(scope, &read(world, scope))
}

#[test]
fn a_table_that_fits_the_page() {
    let text = render(&ask(&shop(usual()), &scope("shop")), Style::default(), false);
    insta::assert_snapshot!(text, @r"
    Policies allow 4 of 6 connections between the 3 workloads of namespace shop: 2 denied.

      enforced    not known: no plugin that enforces policies was found

      FROM \ TO       1  2
      deployment/web  +  +
      pod/client      +  -
      statefulset/db  +  -
      + allowed, - denied, ? undetermined, . a pod and itself

      1  deployment/web port 8080/TCP
      2  statefulset/db port 5432/TCP

    Not judged
      pod/shop/client: not as a destination: no container declares a port; ask for
        one with --port
      daemonset/shop/exporter: in its node's network: policies for pods do not
        select it, and see the node's address in its place
    ");
    // the verdict stays on one line for programs
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn a_line_a_connection() {
    let matrix = ask(&shop(usual()), &scope("shop"));
    insta::assert_snapshot!(csv(&matrix.connections).collect::<String>(), @r"
    from,to,port,protocol,outcome
    deployment/shop/web,deployment/shop/web,8080,TCP,allowed
    deployment/shop/web,statefulset/shop/db,5432,TCP,allowed
    pod/shop/client,deployment/shop/web,8080,TCP,allowed
    pod/shop/client,statefulset/shop/db,5432,TCP,denied
    statefulset/shop/db,deployment/shop/web,8080,TCP,allowed
    statefulset/shop/db,statefulset/shop/db,5432,TCP,denied
    ");
}

#[test]
fn json_fits_its_schema() {
    let matrix = ask(&shop(usual()), &Scope::default());
    let schema = serde_json::from_str(&schema::policy_matrix().expect("writes")).expect("reads");
    let validator = jsonschema::validator_for(&schema).expect("is a schema");
    let report: serde_json::Value = serde_json::from_str(&json::json(&matrix).expect("writes")).expect("reads");
    assert!(validator.is_valid(&report), "{:?}", validator.iter_errors(&report).map(|e| e.to_string()).collect::<Vec<_>>());
    assert_eq!(report["connections"].as_array().map(Vec::len), Some(matrix.connections.iter().count()));
    let from_yaml: serde_json::Value = serde_saphyr::from_str(&json::yaml(&matrix).expect("writes")).expect("reads");
    assert_eq!(from_yaml, report);
    insta::assert_snapshot!(serde_json::to_string(&report["connections"][0]).expect("writes"), @r#"{"from":"deployment/kube-system/coredns","outcome":"allowed","port":53,"protocol":"TCP","to":"deployment/kube-system/coredns"}"#);
}

#[test]
fn pods_that_policies_tell_apart_are_rows_of_their_own() {
    let primary = policy("shop", "primary", "statefulset.kubernetes.io/pod-name=db-0").ingress([rule([pods("app=client")], [])]);
    let matrix = ask(&shop([primary]), &scope("shop"));
    let names: Vec<&str> = matrix.workloads.iter().map(|w| w.name.as_str()).collect();
    assert_eq!(names, ["deployment/shop/web", "pod/shop/client", "statefulset/shop/db[db-0]", "statefulset/shop/db[db-1,db-2]"]);
    assert_eq!(matrix.workloads[3].only, ["db-1", "db-2"]);
    let text = render(&matrix, Style::default(), false);
    assert!(text.contains("Policies do not treat all pods of these alike"), "{text}");
    let outcome = |from: &str, to: &str| {
        let mut found = matrix.connections.iter().filter(|p| p.from.contains(from) && p.to.contains(to));
        found.next().map(|p| p.outcome.word())
    };
    assert_eq!(outcome("web", "db-0"), Some("denied"));
    assert_eq!(outcome("web", "db-1"), Some("allowed"));
    assert_eq!(outcome("db-0", "db-0"), None, "a pod and itself");
    // a label that makes no difference to any answer makes no row
    let by_name = policy("shop", "all", "statefulset.kubernetes.io/pod-name=db-0").ingress([rule([], [])]);
    assert_eq!(ask(&shop([by_name]), &scope("shop")).workloads.len(), 3);
}

#[test]
fn ports_that_were_asked_for_take_the_place_of_declared_ones() {
    let ports = vec![PortAsked::Number { protocol: Protocol::Udp, port: 53 }, PortAsked::Name("sql".into())];
    let matrix = ask(&shop(usual()), &Scope { ports, ..scope("shop") });
    let columns: Vec<String> = matrix.connections.to.iter().map(|c| format!("{} {}", c.to, c.port)).collect();
    assert_eq!(columns, ["deployment/shop/web 53", "pod/shop/client 53", "statefulset/shop/db 5432", "statefulset/shop/db 53"]);
}

#[test]
fn what_could_not_be_read_is_undetermined_and_a_gap() {
    let mut world = shop(usual());
    world.denied = vec![Resource::NetworkPolicies];
    let matrix = ask(&world, &scope("shop"));
    assert_eq!((matrix.exit_code, matrix.connections.count(Cell::Allowed)), (3, 0));
    let gap = &matrix.gaps[0];
    assert!(gap.what.ends_with("undetermined connections") && gap.why.contains("not permitted"), "{gap:?}");
    world.denied = vec![Resource::Pods];
    let matrix = ask(&world, &scope("shop"));
    assert_eq!((matrix.exit_code, matrix.sentence.as_str()), (3, "There are no pods to judge in namespace shop."));
    assert!(matrix.gaps[0].why.contains("not permitted"));
}

#[test]
fn families_that_end_differently_leave_the_answer_open() {
    use crate::model::testing::policies::block;
    let v4_only = policy("shop", "web", "app=web").ingress([rule([block("10.0.0.0/8", &[])], [])]);
    let mut world = shop([v4_only]);
    let single = ask(&world, &scope("shop"));
    assert_eq!(single.connections.count(Cell::Undetermined), 0);
    for (n, pod) in world.pods.iter_mut().enumerate() {
        pod.ips.push(format!("fd00::{n}").parse().expect("an address"));
    }
    let dual = ask(&world, &scope("shop"));
    assert_eq!(dual.connections.count(Cell::Undetermined), 3);
    assert!(dual.gaps[0].why.contains("IPv6"), "{:?}", dual.gaps);
}

#[test]
fn large_tables_say_what_they_leave_out() {
    let mut world = shop(usual());
    for n in 0..90 {
        let http = [named("http", 8080, Protocol::Tcp)];
        world.pods.push(pod("shop", &format!("pod-{n:02}"), "app=web", "node1", "10.244.1.99", &http));
    }
    let matrix = ask(&world, &scope("shop"));
    let text = render(&matrix, Style::default(), false);
    assert!(text.contains("Left out: 43 more sources and 42 more destinations."), "{text}");
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 80), "{text}");
    assert!(!render(&matrix, Style::default(), true).contains("Left out"));
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    let mut world = shop([]);
    world.pods.push(pod("shop", "a\u{1b}[2J\",\n=b", "app=a", "node1", "10.244.1.99", &[named("h", 1, Protocol::Tcp)]));
    let matrix = ask(&world, &scope("shop"));
    let lines: String = csv(&matrix.connections).collect();
    for text in [render(&matrix, Style::default(), false), json::json(&matrix).expect("writes"), lines.clone()] {
        assert!(!text.chars().any(|c| c != '\n' && sanitise::is_hostile(c)), "{text}");
    }
    assert!(lines.lines().all(|line| line.starts_with("from,") || line.contains("/shop/")), "{lines}");
}

#[test]
fn namespaces_of_a_bundle_of_all() {
    let world =
        shop([policy("shop", "web", "app=web").ingress([rule([pods_in("kubernetes.io/metadata.name=kube-system", "")], [])])]);
    let matrix = ask(&world, &Scope::default());
    let allowed: Vec<_> = matrix.connections.iter().filter(|p| p.to.contains("web") && p.outcome.word() == "allowed").collect();
    assert_eq!(allowed.len(), 1);
    assert_eq!(allowed[0].from, "deployment/kube-system/coredns");
}

/// Two pods of each namespace of the small world belong to one Deployment.
fn owned(mut world: Small) -> Small {
    for pod in &mut world.pods {
        if pod.name != "c" {
            pod.owner = Some(("statefulset".into(), "front".into()));
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_said_of_workloads_holds_for_each_of_their_pods(world in small()) {
        let world = owned(world);
        let mut cluster = world.cluster();
        cluster.network_policies.push(Query::all(Resource::NetworkPolicies), Known::Got(world.policies.clone()));
        cluster.api_groups = Known::Got(Vec::new());
        let directory = Directory::new(&cluster);
        let survey = Survey::new(&Scope::default(), &cluster, &directory, &Ports::of(&Scope::default(), &cluster));
        let pairs = survey.pairs();
        let members: usize = survey.grid.lots.iter().map(|l| l.members.len()).sum();
        prop_assert_eq!(members, world.pods.len());
        for (row, from) in survey.grid.lots.iter().enumerate() {
            for (cell, column) in pairs.row(row).iter().zip(&survey.grid.columns) {
                for (from, to) in from.members.iter().flat_map(|f| survey.grid.lots[column.lot].members.iter().map(move |t| (f, t))) {
                    if from.is(to) {
                        continue;
                    }
                    let flow = Flow { from: *from, to: *to, protocol: column.protocol, port: column.port, v6: false };
                    let expected = match survey.compiled.book.judge(&flow).outcome() {
                        Outcome::Allowed => Cell::Allowed,
                        Outcome::Denied => Cell::Denied,
                        Outcome::Undetermined => Cell::Undetermined,
                    };
                    prop_assert_eq!(*cell, expected, "{} to {}", from.name, to.name);
                }
            }
        }
    }
}

#[test]
fn unknown_labels_of_namespaces_spoil_only_what_depends_on_them() {
    let mut world = shop([policy("shop", "web", "app=web").ingress([rule([pods_in("team=a", "")], [])])]);
    world.denied = vec![Resource::Namespaces];
    world.pods.iter_mut().for_each(|p| p.labels.extend(labels("x=y")));
    let matrix = ask(&world, &scope("shop"));
    let open: Vec<_> = matrix.connections.iter().filter(|p| p.outcome.word() == "undetermined").map(|p| p.to).collect();
    assert!(!open.is_empty() && open.iter().all(|to| to == "deployment/shop/web"), "{open:?}");
}

/// One line allowed, one not, one undetermined.
fn drawn() -> PolicyMatrix {
    let mut world = shop(usual());
    let mut team = policy("shop", "team", "app=web");
    team = team.ingress([rule([pods_in("team=a", "app=client")], [])]);
    world.network_policies[0] = team;
    world.denied = vec![Resource::Namespaces];
    ask(&world, &scope("shop"))
}

#[test]
fn a_graph_of_what_is_allowed() {
    insta::assert_snapshot!(dot(&drawn()), @r#"
    digraph policies {
      rankdir=LR;
      node [shape=box, style=rounded, fontname="sans-serif"];
      edge [fontname="sans-serif", fontsize=10];
      subgraph cluster_0 {
        label="shop";
        "deployment/shop/web" [label="deployment/web"];
        "pod/shop/client" [label="pod/client"];
        "statefulset/shop/db" [label="statefulset/db"];
      }
      "deployment/shop/web" -> "statefulset/shop/db" [label="5432/TCP"];
      "pod/shop/client" -> "deployment/shop/web" [label="8080/TCP?", style=dashed];
    }
    "#);
}

#[test]
fn a_picture_is_well_formed_and_says_it_all() {
    let picture = svg(&drawn());
    let fields: Vec<&str> = picture.lines().filter(|l| l.contains("<title>")).collect();
    insta::assert_snapshot!(fields.get(..3).expect("three fields").join("\n"), @r#"
    <g><title>deployment/web to deployment/web 8080/TCP: denied</title><rect class="d" x="122" y="209" width="19" height="19"/><text class="s" x="132" y="223">-</text></g>
    <g><title>deployment/web to statefulset/db 5432/TCP: allowed</title><rect class="a" x="142" y="209" width="19" height="19"/><text class="s" x="152" y="223">+</text></g>
    <g><title>pod/client to deployment/web 8080/TCP: undetermined</title><rect class="u" x="122" y="229" width="19" height="19"/><text class="s" x="132" y="243">?</text></g>
    "#);
    assert_eq!(fields.len(), 6);
    for tag in ["svg", "g", "text", "title", "style"] {
        assert_eq!(picture.matches(&format!("<{tag}")).count(), picture.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    let mut hostile = drawn();
    hostile.connections.from[0] = "pod/shop/<script>\"\u{1b}".into();
    let (picture, graph) = (svg(&hostile), dot(&hostile));
    assert!(picture.contains("&lt;script&gt;&quot;") && !picture.contains("<script>"));
    assert!(!picture.contains('\u{1b}') && graph.contains("<script>\\\""), "{graph}");
}
