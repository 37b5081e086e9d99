//! What is read out of files, and what is said of files that are not as they should be.

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use super::*;
use crate::model::ObjectRef;

const SHOP: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {env: prod}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: web:1
        ports:
        - name: http
          containerPort: 8080
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from:
    - ipBlock: {cidr: 10.0.0.0/8}
";

/// Manifests in a file `a.yaml`.
fn read_text(text: &str) -> Manifests {
    read_bytes(text.as_bytes()).unwrap_or_else(|e| panic!("{e:?}"))
}

fn read_bytes(bytes: &[u8]) -> Result<Manifests, ManifestError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.yaml");
    fs::write(&path, bytes).expect("writable");
    let mut manifests = read(&[path], "default", true)?;
    let name = format!("{}/", directory.path().display());
    for trouble in &mut manifests.troubles {
        trouble.file = trouble.file.replace(&name, "");
        trouble.text = trouble.text.replace(&name, "");
    }
    Ok(manifests)
}

fn errors(manifests: &Manifests) -> Vec<String> {
    manifests.troubles.iter().filter(|t| t.severity == Severity::Error).map(ToString::to_string).collect()
}

fn notices(manifests: &Manifests) -> Vec<String> {
    manifests.troubles.iter().filter(|t| t.severity == Severity::Notice).map(ToString::to_string).collect()
}

fn pods(manifests: &Manifests) -> Vec<String> {
    manifests.cluster.pods.seen().map(|p| format!("{}/{}", p.namespace, p.name)).collect()
}

#[test]
fn manifests_become_a_cluster() {
    let m = read_text(SHOP);
    assert_eq!(m.troubles, []);
    let cluster = &m.cluster;
    let namespace = cluster.namespaces.seen().next().expect("one");
    assert_eq!(namespace.labels.get("kubernetes.io/metadata.name").map(String::as_str), Some("shop"));
    assert_eq!(namespace.labels.get("env").map(String::as_str), Some("prod"));
    let pod = cluster.pods.seen().next().expect("one");
    assert_eq!((pod.namespace.as_str(), pod.name.as_str(), pod.containers[0].ports[0].port), ("shop", "web", 8080));
    assert_eq!(pod.owner, Some((String::from("deployment"), String::from("web"))));
    assert_eq!(pod.service_account.as_deref(), Some("default"));
    assert_eq!(cluster.network_policies.seen().count(), 1);
    for resource in [Resource::Pods, Resource::NetworkPolicies, Resource::Services] {
        assert!(cluster.pods_in("shop").got().is_some(), "{resource:?}");
    }
    assert!(cluster.network_policies.complete(&Resource::NetworkPolicies, Some("other")).got().is_some());
    assert_eq!(cluster.nodes.complete(&Resource::Nodes, None), Known::Unasked);
}

#[test]
fn the_bundle_holds_the_same() {
    let m = read_text(SHOP);
    let (models, bundle) = (m.cluster.clone(), m.into_bundle());
    let mut cluster = Cluster::default();
    for resource in kinds::all() {
        let query = Query::all(resource);
        intake::add_pruned(&mut cluster, &query, &bundle.answer(&query));
    }
    let seen = |c: &Cluster| {
        let pods: Vec<Pod> = c.pods.seen().cloned().collect();
        (pods, c.network_policies.seen().cloned().collect::<Vec<_>>(), c.namespaces.seen().cloned().collect::<Vec<_>>())
    };
    assert_eq!(seen(&cluster), seen(&models));
}

#[test]
fn objects_and_their_parts_have_places() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.yaml");
    fs::write(&path, SHOP).expect("writable");
    let m = read(std::slice::from_ref(&path), "default", false).expect("reads");
    let policy = ObjectRef::new("networkpolicy", "shop", "web");
    let file = path.display().to_string();
    assert_eq!(m.place(&policy), Some((file.clone(), 25)));
    assert_eq!(m.line(&policy, "spec.ingress[0].from[0].ipBlock.cidr"), Some((file.clone(), 32)));
    assert_eq!(m.line(&policy, "spec.nothing"), Some((file, 28)));
    assert_eq!(m.place(&ObjectRef::new("networkpolicy", "shop", "api")), None);
}

#[test]
fn workloads_with_pods_make_no_more() {
    let pod = "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-5d9-x, namespace: shop, labels: {app: web}, ownerReferences: [{kind: ReplicaSet, name: web-5d9, controller: true, apiVersion: apps/v1, uid: u}]}\nspec: {containers: []}\n";
    assert_eq!(pods(&read_text(&format!("{SHOP}{pod}"))), ["shop/web-5d9-x"]);
    // a pod that nobody made is another one
    let bare =
        "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: bare, namespace: shop, labels: {app: web}}\nspec: {containers: []}\n";
    assert_eq!(pods(&read_text(&format!("{SHOP}{bare}"))), ["shop/bare", "shop/web"]);
    // what a workload of the files made is not there once more
    let made = "\n---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web-5d9, namespace: shop, ownerReferences: [{kind: Deployment, name: web, controller: true, apiVersion: apps/v1, uid: u}]}\nspec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: []}}}\n";
    assert_eq!(pods(&read_text(&format!("{SHOP}{made}"))), ["shop/web"]);
}

#[test]
fn every_workload_stands_for_a_pod() {
    let template = "template: {metadata: {labels: {app: a}}, spec: {containers: []}}";
    let mut text = String::new();
    for (version, kind) in [
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("apps/v1", "ReplicaSet"),
        ("batch/v1", "Job"),
        ("apps/v1", "Deployment"),
    ] {
        let name = kind.to_lowercase();
        writeln!(text, "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{template}}}")
            .expect("writes");
    }
    writeln!(text, "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{generateName: cron-}}\nspec: {{jobTemplate: {{spec: {{{template}}}}}}}")
        .expect("writes");
    let m = read_text(&text);
    assert_eq!(errors(&m), [""; 0]);
    let mut found = pods(&m);
    found.sort();
    let expected = ["cron-", "daemonset", "deployment", "job", "replicaset", "statefulset"].map(|n| format!("default/{n}"));
    assert_eq!(found, expected);
    assert!(m.cluster.pods.seen().all(|p| p.labels.get("app").map(String::as_str) == Some("a")));
}

#[test]
fn text_that_is_no_yaml_is_told_and_the_rest_is_read() {
    let m = read_text(&format!("a: b: c\n---\n{SHOP}---\nkind: [\n---\n\"just text\"\n"));
    let errors = errors(&m);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].starts_with("a.yaml:1: not YAML: "), "{errors:?}");
    assert!(errors[1].starts_with("a.yaml:36: not YAML: ") || errors[1].starts_with("a.yaml:35: not YAML: "), "{errors:?}");
    assert_eq!(errors[2], "a.yaml:38: no Kubernetes object: there is no apiVersion and kind");
    assert_eq!(pods(&m), ["shop/web"]);
}

#[test]
fn yaml_that_is_no_kubernetes_is_told() {
    let m = read_text(&format!("{SHOP}---\nreplicas: 3\nimage: x\n---\nkind: Pod\nmetadata: {{name: a}}\n---\n- 1\n"));
    assert_eq!(
        errors(&m),
        [
            "a.yaml:34: no Kubernetes object: there is no kind",
            "a.yaml:37: no Kubernetes object: there is no apiVersion",
            "a.yaml:40: no Kubernetes object: there is no apiVersion and kind"
        ]
    );
    let template = read_text(&format!("{SHOP}---\nkind: {{{{ .Values.kind }}}}\n"));
    assert!(errors(&template)[0].contains("render it first, as with helm template"), "{:?}", errors(&template));
}

#[test]
fn other_kinds_are_named_once() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
    let m = read_text(&format!("{SHOP}{secret}{secret}"));
    assert_eq!(errors(&m), [""; 0]);
    assert_eq!(notices(&m), ["a.yaml:34: skipped Secret (v1), and 1 more: netcheck does not read this kind"]);
}

#[test]
fn policies_of_another_version_leave_their_namespace_open() {
    let old = SHOP.replace("networking.k8s.io/v1", "extensions/v1beta1");
    let m = read_text(&old);
    assert_eq!(
        errors(&m),
        ["a.yaml:25: NetworkPolicy web is of extensions/v1beta1, which is not read: write it as networking.k8s.io/v1"]
    );
    let known = m.cluster.network_policies.complete(&Resource::NetworkPolicies, Some("shop"));
    assert!(matches!(known, Known::Failed(_)), "{known:?}");
    let m = read_text(&format!("{SHOP}---\napiVersion: cilium.io/v1\nkind: CiliumNetworkPolicy\nmetadata: {{name: x}}\n"));
    assert!(errors(&m)[0].contains("write it as v2"), "{:?}", errors(&m));
}

#[test]
fn a_policy_that_cannot_be_read_leaves_its_namespace_open() {
    let port = format!("{SHOP}    ports:\n    - port: 80\n      endPort: many\n---\n{}", SHOP.replace("shop", "bank"));
    let m = read_text(&port);
    let found = errors(&m);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("a.yaml:35: NetworkPolicy shop/web is not read: spec.ingress[0].ports[0].endPort: "),
        "{found:?}"
    );
    let complete = |namespace| m.cluster.network_policies.complete(&Resource::NetworkPolicies, Some(namespace));
    assert!(matches!(complete("shop"), Known::Failed(why) if why.contains("endPort")), "{:?}", complete("shop"));
    assert_eq!(complete("bank").got().map(|all| all.len()), Some(1));
    // a protocol that the model does not have
    let m = read_text(&format!("{SHOP}    ports:\n    - protocol: ICMP\n"));
    assert_eq!(errors(&m), ["a.yaml:25: NetworkPolicy shop/web is not read: protocol is not a protocol: ICMP"]);
    assert!(m.cluster.network_policies.complete(&Resource::NetworkPolicies, Some("shop")).got().is_none());
}

#[test]
fn invalid_ranges_and_ports_are_kept_for_the_rules_to_tell() {
    let m = read_text(&SHOP.replace("10.0.0.0/8", "10.0.0.0/80").replace("  - from:", "  - ports: [{port: 70000}]\n    from:"));
    assert_eq!(errors(&m), [""; 0]);
    let mut problems = Vec::new();
    for policy in m.cluster.network_policies.seen() {
        crate::policy::dialect::network_policy::translate(policy, &mut problems);
    }
    let at: Vec<&str> = problems.iter().map(|p| p.at.as_str()).collect();
    assert_eq!(at, ["spec.ingress[0].from[0].ipBlock.cidr", "spec.ingress[0].ports[0]"]);
}

#[test]
fn unknown_fields_of_a_policy_are_told() {
    let m = read_text(
        &SHOP
            .replace("  ingress:\n", "  ingres: []\n  ingress:\n")
            .replace("    - ipBlock:", "    - podSelecter: {}\n      ipBlock:"),
    );
    assert_eq!(
        errors(&m),
        [
            "a.yaml:30: NetworkPolicy shop/web has an unknown field spec.ingres: the API server refuses it",
            "a.yaml:33: NetworkPolicy shop/web has an unknown field spec.ingress[0].from[0].podSelecter: the API server refuses it"
        ]
    );
    assert_eq!(m.cluster.network_policies.seen().count(), 1);
}

#[test]
fn bytes_that_are_no_text_are_told() {
    let mut bytes = SHOP.as_bytes().to_vec();
    bytes.extend_from_slice(b"---\nkind: Pod\nname: \xff\xfe\n---\n");
    bytes.extend_from_slice(SHOP.replace("shop", "bank").as_bytes());
    let m = read_bytes(&bytes).expect("reads");
    assert_eq!(errors(&m), ["a.yaml:35: not text: a byte there is no UTF-8"]);
    assert_eq!(pods(&m), ["shop/web", "bank/web"]);
    assert!(read_bytes(&[0xff, 0xfe, b'a', 0]).is_err());
    assert_eq!(read_bytes(&[b"\xef\xbb\xbf", SHOP.as_bytes()].concat()).expect("a byte-order mark").troubles, []);
}

#[test]
fn bombs_are_told() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let row = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(bomb, "a{n}: &a{n} [{row}]").expect("writes");
    }
    let m = read_text(&format!("{bomb}---\n{SHOP}"));
    let found = errors(&m);
    assert!(found.len() == 1 && found[0].starts_with("a.yaml:"), "{found:?}");
    assert_eq!(pods(&m), ["shop/web"]);
}

#[test]
fn an_object_that_is_there_twice_counts_once() {
    let again = SHOP.replace("10.0.0.0/8", "10.1.0.0/16").replace("8080", "9090");
    let m = read_text(&format!("{SHOP}---\n{again}"));
    assert_eq!(
        notices(&m),
        [
            "a.yaml:34: Namespace shop is there twice, first in a.yaml:1: the later one counts, as in kubectl apply",
            "a.yaml:40: Deployment shop/web is there twice, first in a.yaml:7: the later one counts, as in kubectl apply",
            "a.yaml:58: NetworkPolicy shop/web is there twice, first in a.yaml:25: the later one counts, as in kubectl apply"
        ]
    );
    assert_eq!(pods(&m), ["shop/web"]);
    assert_eq!(m.cluster.pods.seen().next().expect("one").containers[0].ports[0].port, 9090);
    let policies: Vec<_> = m.cluster.network_policies.seen().collect();
    assert_eq!(policies.len(), 1);
    assert_eq!(policies[0].ingress[0].peers[0].ip_block.as_ref().expect("a block").cidr, "10.1.0.0/16");
}

#[test]
fn namespaces_without_an_object_are_told() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: bank}\nspec: {containers: []}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: []}\n";
    let m = read_text(pod);
    assert_eq!(
        notices(&m),
        ["manifests: no Namespace object of bank, default: only the label kubernetes.io/metadata.name is known"]
    );
    assert_eq!(pods(&m), ["bank/a", "default/b"]);
}

#[test]
fn nothing_to_read_is_an_error() {
    for text in ["", "# nothing\n", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", "a: b\n"] {
        let error = read_bytes(text.as_bytes()).expect_err("nothing");
        assert!(error.cause.starts_with("no Kubernetes objects that netcheck reads"), "{error:?}");
    }
    assert!(read(&[PathBuf::from("/nowhere/a.yaml")], "default", false).is_err());
}

#[test]
fn very_many_policies_are_read_in_one_go() {
    let mut text = String::from("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n");
    for n in 0..20_000 {
        writeln!(
            text,
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p{n}\nspec:\n  podSelector: {{}}"
        )
        .expect("writes");
    }
    let started = Instant::now();
    let m = read_text(&text);
    assert_eq!(m.cluster.network_policies.seen().count(), 20_000);
    // benches/policy reads 100,000 of them; here, a quadratic step would take minutes
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}

#[test]
fn a_list_of_kubectl_and_json_are_read() {
    let json = r#"{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[]}},
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"},"spec":{"containers":5}}]}"#;
    let m = read_text(json);
    assert_eq!(pods(&m), ["default/a"]);
    assert!(errors(&m)[0].starts_with("a.yaml:2: Pod default/b is not read: spec.containers: "), "{:?}", errors(&m));
    let typed = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n  spec: {containers: []}\n";
    assert_eq!(pods(&read_text(typed)), ["default/a"]);
}
