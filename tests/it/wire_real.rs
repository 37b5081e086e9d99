//! Protobuf and JSON of one real API server give the same pruned objects and the same model.
//!
//! `NETCHECK_E2E_KUBECONFIG` names a cluster. Without it this is skipped, and with `CI=true` that is a failure. The objects of
//! `tests/e2e/wire` are applied with kubectl, compared together with everything else in the cluster, and removed again.

use std::env;
use std::io::Write as _;
use std::process::{Command, Output};
use std::time::Duration;

use netcheck::discover::{ConnectOptions, Discovery, Notices, Reader, connect};
use netcheck::model::{Known, Query, Resource};

const NAMESPACE: &str = "netcheck-wire";

fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

/// The kinds that are read in protobuf.
fn queries() -> Vec<Query> {
    let kinds = [
        Resource::Pods,
        Resource::Services,
        Resource::EndpointSlices,
        Resource::Nodes,
        Resource::Namespaces,
        Resource::NetworkPolicies,
    ];
    kinds.into_iter().map(Query::all).collect()
}

struct Cluster {
    kubeconfig: String,
}

impl Cluster {
    fn kubectl(&self, arguments: &[&str]) -> Output {
        Command::new("kubectl").arg("--kubeconfig").arg(&self.kubeconfig).args(arguments).output().expect("kubectl is on PATH")
    }

    fn must(&self, arguments: &[&str]) {
        let output = self.kubectl(arguments);
        assert!(output.status.success(), "kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }

    fn apply(&self) {
        let file = |name: &str| crate::root().join("tests/e2e/wire").join(name).to_string_lossy().into_owned();
        self.must(&["apply", "--server-side", "--force-conflicts", "-f", &file("objects.yaml")]);
        self.must(&["apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", &file("status.yaml")]);
        self.must(&["-n", NAMESPACE, "debug", "full", "--image=busybox", "--container=debugger", "--attach=false", "--", "true"]);
        self.must(&["-n", NAMESPACE, "delete", "pod", "ending", "--wait=false"]);
    }

    fn remove(&self) {
        self.kubectl(&["-n", NAMESPACE, "patch", "pod", "ending", "--type=merge", "-p", r#"{"metadata":{"finalizers":[]}}"#]);
        self.kubectl(&["-n", NAMESPACE, "delete", "pods", "--all", "--force", "--grace-period=0", "--ignore-not-found"]);
        for object in ["node", "runtimeclass", "namespace"] {
            self.kubectl(&["delete", object, NAMESPACE, "--ignore-not-found", "--timeout=60s"]);
        }
    }

    /// Everything, read one way.
    async fn read(&self, json: bool) -> Discovery {
        let options = ConnectOptions { kubeconfig: Some(self.kubeconfig.clone().into()), ..ConnectOptions::default() };
        let live = connect(&options, Notices::default()).await.unwrap();
        if json {
            live.read_json();
        }
        let mut discovery = Discovery::new(Reader::Live(live.clone()));
        discovery.ask(&queries()).await;
        assert_eq!(live.reads_json(), json, "protobuf was given up");
        discovery
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.remove();
    }
}

#[tokio::test]
async fn protobuf_and_json_give_the_same_model() {
    let Ok(kubeconfig) = env::var("NETCHECK_E2E_KUBECONFIG") else {
        assert!(env::var("CI").as_deref() != Ok("true"), "SKIPPED: set NETCHECK_E2E_KUBECONFIG to a cluster's kubeconfig");
        say("SKIPPED protobuf_and_json_give_the_same_model: NETCHECK_E2E_KUBECONFIG is not set");
        return;
    };
    let cluster = Cluster { kubeconfig };
    cluster.remove();
    cluster.apply();
    // the cluster goes on living between two reads
    let mut tries = 0;
    let (wire, json) = loop {
        let both = (cluster.read(false).await, cluster.read(true).await);
        tries += 1;
        if both.0.reads() == both.1.reads() || tries == 5 {
            break both;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    for ((query, wire), (_, json)) in wire.reads().iter().zip(json.reads()) {
        let (Known::Got(wire), Known::Got(json)) = (wire, json) else { panic!("{query}: {wire:?}, {json:?}") };
        assert!(!wire.is_empty(), "{query}");
        for (wire, json) in wire.iter().zip(json) {
            assert_eq!(serde_json::to_string_pretty(wire).unwrap(), serde_json::to_string_pretty(json).unwrap(), "{query}");
        }
        assert_eq!(wire.len(), json.len(), "{query}");
        say(&format!("ok     {query}: {} objects are the same in protobuf and JSON", wire.len()));
    }
    assert_eq!(format!("{:#?}", wire.cluster()), format!("{:#?}", json.cluster()));
}
