//! The cluster under test, through a real `kubectl` on PATH that finds the freshly built plugin.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::scenario::{Scenario, Step};
use crate::root;

/// How long a step may take, in seconds.
const STEP_SECONDS: u64 = 120;
const UNTIL: Duration = Duration::from_secs(60);

pub struct Cluster {
    /// What the table calls it.
    pub config: String,
    kubeconfig: String,
    tools: String,
    nodes: Vec<String>,
    has: BTreeSet<&'static str>,
    /// Logs, kubeconfigs with a namespace, and `bin` for PATH.
    folder: PathBuf,
}

/// What a command came to.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Done {
    pub fn words(&self) -> String {
        format!("exit {}: {}{}", self.code, self.out.trim(), self.err.trim())
    }
}

impl Cluster {
    /// Reads what the cluster is.
    pub fn connect(kubeconfig: &str) -> Self {
        let config = env::var("NETCHECK_E2E_CONFIG").unwrap_or_else(|_| "cluster".to_owned());
        let folder = root().join("target/e2e").join(&config);
        let bin = folder.join("bin");
        fs::create_dir_all(&bin).expect("writable");
        let plugin = bin.join("kubectl-netcheck");
        drop(fs::remove_file(&plugin));
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-netcheck"), &plugin).expect("writable");
        let on_node = bin.join("on-node");
        fs::write(&on_node, "#!/bin/sh\nexec $NETCHECK_E2E_NODE_EXEC \"$@\"\n").expect("writable");
        fs::set_permissions(&on_node, fs::Permissions::from_mode(0o755)).expect("writable");
        let as_controller = bin.join("as-controller");
        drop(fs::remove_file(&as_controller));
        std::os::unix::fs::symlink(root().join("tests/e2e/as-controller"), &as_controller).expect("writable");
        let mut cluster = Self {
            config,
            kubeconfig: kubeconfig.to_owned(),
            tools: env::var("NETCHECK_E2E_TOOLS_IMAGE").unwrap_or_else(|_| "docker.io/netcheck/tools:1".to_owned()),
            nodes: Vec::new(),
            has: BTreeSet::new(),
            folder,
        };
        cluster.look();
        cluster
    }

    fn look(&mut self) {
        let nodes = self.json("kubectl get nodes -o json");
        let nodes = nodes["items"].as_array().cloned().unwrap_or_default();
        self.nodes = nodes.iter().filter_map(|n| Some(n["metadata"]["name"].as_str()?.to_owned())).collect();
        assert!(!self.nodes.is_empty(), "the cluster has no nodes");
        let system = self.json("kubectl get daemonsets -A -o json").to_string();
        let proxy = self.sh("kubectl -n kube-system get configmap kube-proxy -o yaml", None).out;
        let dual = nodes.iter().all(|n| n["spec"]["podCIDRs"].as_array().is_some_and(|c| c.len() == 2));
        let gateways = self.sh("kubectl get crd gateways.gateway.networking.k8s.io", None);
        let facts = [
            ("gateway-api", gateways.code == 0),
            ("node-access", env::var_os("NETCHECK_E2E_NODE_EXEC").is_some()),
            ("several-nodes", self.nodes.len() > 1),
            ("world", env::var_os("NETCHECK_E2E_WORLD").is_some()),
            ("dual-stack", dual),
            ("flannel", system.contains("kube-flannel")),
            ("cilium", system.contains("cilium")),
            ("nftables", proxy.contains("mode: nftables")),
            ("iptables", !proxy.contains("mode: nftables") && !proxy.contains("mode: ipvs")),
        ];
        self.has = facts.into_iter().filter(|(_, yes)| *yes).map(|(what, _)| what).collect();
    }

    /// Why a scenario cannot run here.
    pub fn lacks(&self, scenario: &Scenario) -> Option<String> {
        let unmet = |need: &&String| match need.strip_prefix('!') {
            Some(without) => self.has.contains(without),
            None => !self.has.contains(need.as_str()),
        };
        scenario.needs.iter().find(unmet).map(|need| format!("needs {need}"))
    }

    /// The value of each placeholder.
    pub fn fill(&self, text: &str, namespace: &str) -> String {
        let mut text = text.replace("${NS}", namespace).replace("${TOOLS}", &self.tools);
        for number in (1..=3_usize).rev() {
            let node = self.nodes.get(number - 1).or(self.nodes.last()).map_or("", String::as_str);
            text = text.replace(&format!("${{NODE{number}}}"), node);
        }
        text
    }

    /// A shell line; with a namespace, one in which that is the context's own.
    pub fn sh(&self, line: &str, namespace: Option<&str>) -> Done {
        self.feed(line, namespace, "")
    }

    fn feed(&self, line: &str, namespace: Option<&str>, stdin: &str) -> Done {
        let started = Instant::now();
        let path = format!("{}:{}", self.folder.join("bin").display(), env::var("PATH").unwrap_or_default());
        let kubeconfig =
            namespace.map_or_else(|| self.kubeconfig.clone(), |ns| self.folder.join(ns).to_string_lossy().into_owned());
        let mut child = Command::new("timeout")
            .args(["--kill-after=5", &STEP_SECONDS.to_string(), "sh", "-c", line])
            .env("PATH", path)
            .env("KUBECONFIG", kubeconfig)
            .env("NS", namespace.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh and timeout are there");
        let mut pipe = child.stdin.take().expect("piped");
        let text = stdin.to_owned();
        let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
        let output = child.wait_with_output().expect("waits");
        // a command that does not read its input closes the pipe
        drop(writer.join());
        Done {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: started.elapsed(),
        }
    }

    fn json(&self, line: &str) -> Value {
        let done = self.sh(line, None);
        serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{line}: {e}: {}", done.words()))
    }

    /// Makes namespaces that Pod Security `restricted` guards, with a kubeconfig each, and waits until pods may be created in them.
    pub fn namespaces(&self, names: &BTreeSet<String>) {
        let old = self.sh("kubectl delete namespace -l netcheck.dev/e2e=true --timeout=100s", None);
        assert!(old.code == 0, "namespaces of an earlier run stay: {}", old.words());
        self.forget_classes();
        let mut items = Vec::new();
        for name in names {
            let labels = json!({"netcheck.dev/e2e": "true", "pod-security.kubernetes.io/enforce": "restricted"});
            items.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}));
            fs::copy(&self.kubeconfig, self.folder.join(name)).expect("the kubeconfig is readable");
            let set = self.sh(&format!("kubectl config set-context --current --namespace={name}"), Some(name));
            assert!(set.code == 0, "{}", set.words());
        }
        self.create(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
        let ready = "kubectl get serviceaccounts -A --field-selector metadata.name=default -o name | wc -l";
        let wanted = names.len();
        self.until(&format!("[ $({ready}) -gt {wanted} ]"), None).expect("namespaces get their service account");
    }

    /// Creates manifests, in one call and without fetching the schema.
    pub fn create(&self, manifests: &str) {
        let done = self.feed("kubectl create --validate=false -f -", None, manifests);
        assert!(done.code == 0, "{}", done.words());
    }

    /// What scenarios made outside of namespaces, by its label. A kind that the cluster does not have is no matter.
    fn forget_classes(&self) {
        for kind in ["ingressclass", "gatewayclass"] {
            drop(self.sh(&format!("kubectl delete {kind} -l netcheck.dev/e2e=true"), None));
        }
    }

    /// Deletes the namespaces in the background of the cluster.
    pub fn forget(&self) {
        self.forget_classes();
        drop(self.sh("kubectl delete namespace --wait=false -l netcheck.dev/e2e=true", None));
    }

    /// Tries a line until it succeeds.
    pub fn until(&self, line: &str, namespace: Option<&str>) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let done = self.sh(line, namespace);
            if done.code == 0 {
                return Ok(());
            }
            if started.elapsed() > UNTIL {
                return Err(format!("did not come true within a minute: {line}: {}", done.words()));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    pub fn step(&self, step: &Step, namespace: &str) -> Result<(), String> {
        let ns = Some(namespace);
        let (line, done) = match step {
            Step::Run(line) => (line.clone(), self.sh(&self.fill(line, namespace), ns)),
            Step::Apply(text) => ("apply".to_owned(), self.feed("kubectl apply -f -", ns, &self.fill(text, namespace))),
            Step::Until(line) => return self.until(&self.fill(line, namespace), ns),
        };
        if done.code == 0 { Ok(()) } else { Err(format!("{line}: {}", done.words())) }
    }

    /// An object as it can be put back: without what the server owns.
    pub fn saved(&self, object: &str) -> Result<String, String> {
        let [namespace, kind, name] = object.split('/').collect::<Vec<_>>()[..] else {
            return Err(format!("{object} is not namespace/kind/name"));
        };
        let done = self.sh(&format!("kubectl -n {namespace} get {kind} {name} -o json"), None);
        let mut json: Value = serde_json::from_str(&done.out).map_err(|e| format!("{object}: {e}: {}", done.words()))?;
        let top = json.as_object_mut().ok_or("not an object")?;
        top.remove("status");
        if let Some(meta) = top.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["resourceVersion", "uid", "generation", "creationTimestamp", "managedFields"] {
                meta.remove(field);
            }
        }
        Ok(json.to_string())
    }

    pub fn put_back(&self, saved: &str) -> Result<(), String> {
        let done = self.feed("kubectl replace -f -", None, saved);
        if done.code == 0 { Ok(()) } else { Err(format!("could not put back: {}", done.words())) }
    }
}
