//! The program as a person runs it: arguments in, text and exit code out. No cluster is needed.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-netcheck");

/// The program without what the machine's own environment would tell it.
fn netcheck(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    netcheck(arguments).output().expect("runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Exit code 2, nothing on stdout, and these two lines.
#[track_caller]
fn refuses(arguments: &[&str], cause: &str, next: &str) {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    assert_eq!(text(&output.stderr), format!("error: {cause}\nnext: {next}\n"), "{arguments:?}");
}

#[test]
fn wrong_words_give_a_cause_and_a_next_step() {
    let example = "write it like: kubectl netcheck pod client to svc web";
    refuses(&["pod", "client", "svc", "web"], "no \"to\" between source and destination in \"pod client svc web\"", example);
    refuses(
        &["client", "to", "scv", "web"],
        "destination: unknown kind \"scv\": did you mean \"svc\"?",
        "kinds: pod, svc, ingress, gateway, httproute, grpcroute, deploy, sts, ds, rs, job, cronjob, node",
    );
    refuses(&["explian"], "unknown command \"explian\": did you mean \"explain\"?", "kubectl netcheck explain --help");
    refuses(&["explain", "banana"], "no finding \"banana\"", "list them with: kubectl netcheck explain");
    refuses(
        &["client", "to", "svc", "web"],
        "no kubeconfig: /nonexistent/.kube/config does not exist",
        "set KUBECONFIG, or pass --kubeconfig FILE",
    );
    refuses(
        &["--from", "/nonexistent/b.tgz"],
        &text(&run(&["--from", "/nonexistent/b.tgz"]).stderr).lines().next().unwrap_or_default().replace("error: ", ""),
        "check the path and its permissions",
    );
}

#[test]
fn help_and_usage_speak_of_kubectl() {
    for arguments in [
        &["-h"][..],
        &["--help"],
        &["explain", "-h"],
        &["completion", "-h"],
        &["info", "-h"],
        &["rbac", "-h"],
        &["policy", "matrix", "-h"],
    ] {
        let output = run(arguments);
        let help = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(help.contains("Usage: kubectl netcheck") && help.contains("Examples:"), "{arguments:?}: {help}");
    }
    let output = run(&["--port", "80", "explain"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--port belongs to a question"), "{}", text(&output.stderr));
    assert_eq!(run(&["--no-such-flag"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn the_demo_names_its_fault_first_and_in_every_format() {
    let table = run(&["--from", "demo"]);
    assert_eq!(table.status.code(), Some(1), "{}", text(&table.stderr));
    let report: serde_json::Value = serde_json::from_slice(&run(&["--from", "demo", "-o", "json"]).stdout).expect("JSON");
    let sentence = report["verdict"]["sentence"].as_str().expect("a sentence");
    assert_eq!(text(&table.stdout).lines().next(), Some(sentence));
    let code = report["causes"][0]["code"].as_str().expect("a cause");
    assert_eq!(text(&run(&["--from", "demo", "-o", "name"]).stdout).lines().next(), Some(code));
    assert_eq!(run(&["explain", code]).status.code(), Some(0));
    let yaml: serde_json::Value = serde_saphyr::from_str(&text(&run(&["--from", "demo", "-o", "yaml"]).stdout)).expect("YAML");
    assert_eq!(yaml, report);
    let wide = text(&run(&["--from", "demo", "-o", "wide"]).stdout);
    assert!(wide.contains("RESULT") && !text(&table.stdout).contains("RESULT"));
    assert_eq!(run(&["--from", "demo", "--fail-on", "never"]).status.code(), Some(0));
}

#[test]
fn reports_fit_the_published_schema() {
    let schema = std::fs::read_to_string(crate::root().join("docs/report.schema.json")).expect("schema");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let report = serde_json::from_slice(&run(&["--from", "demo", "-o", "json"]).stdout).expect("JSON");
    let errors: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn colour_only_when_it_is_asked_for() {
    let has_escape = |arguments: &[&str]| run(arguments).stdout.contains(&0x1b);
    assert!(!has_escape(&["--from", "demo"]), "a pipe is no terminal");
    assert!(has_escape(&["--from", "demo", "--color", "always"]));
    assert!(!has_escape(&["--from", "demo", "--color", "never"]));
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child =
        netcheck(&["--from", "demo", "-o", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), ""));
}

/// A kubeconfig that leads to a port of this machine.
fn kubeconfig(directory: &Path, port: u16) -> String {
    let file = directory.join("config");
    let content = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\n\
         users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
    );
    std::fs::write(&file, content).expect("writable");
    file.display().to_string()
}

#[test]
fn a_server_that_never_answers_ends_with_the_time_limit() {
    let place = tempfile::tempdir().expect("a directory");
    // the backlog accepts, and nobody reads
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let config = kubeconfig(place.path(), server.local_addr().expect("bound").port());
    let started = Instant::now();
    let output = run(&["client", "to", "svc", "web", "--kubeconfig", &config, "--timeout", "700ms"]);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr).lines().count(), 2, "{}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn signals_end_a_run_at_once_with_their_own_code() {
    let place = tempfile::tempdir().expect("a directory");
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 143)] {
        // a server for each: a run opens several connections, and one left over would be taken for the next run's
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let config = kubeconfig(place.path(), server.local_addr().expect("bound").port());
        let mut child = netcheck(&["client", "to", "svc", "web", "--kubeconfig", &config])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        // it has connected: it listens for signals since before that
        let (mut connection, _) = server.accept().expect("a connection");
        let mut first = [0_u8; 3];
        connection.read_exact(&mut first).expect("a request");
        let started = Instant::now();
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        let status = child.wait().expect("ends");
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert_eq!(status.code(), Some(code), "{signal}: {said}");
        assert!(started.elapsed() < Duration::from_secs(4), "{signal}: {:?}", started.elapsed());
        assert_eq!(said, "interrupted\n", "{signal}");
    }
}

/// A shop with a web and a database, and the policy that only the web reaches the database.
const SHOP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web:1, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: db:1, ports: [{containerPort: 5432}]}]}
";

fn only(from: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: db, namespace: shop}}\nspec:\n  podSelector: \
         {{matchLabels: {{app: db}}}}\n  ingress:\n  - from: [{{podSelector: {{matchLabels: {{app: {from}}}}}}}]\n"
    )
}

#[test]
fn the_matrix_of_manifests_and_what_a_change_breaks() {
    let place = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path.display().to_string()
    };
    let base = file("base.yaml", &format!("{SHOP}---\n{}", only("web")));
    let matrix = |more: &[&str]| run(&[&["policy", "matrix", "-q", "-f", &base], more].concat());
    let csv = matrix(&["-o", "csv"]);
    assert_eq!(csv.status.code(), Some(0), "{}", text(&csv.stderr));
    assert_eq!(
        text(&csv.stdout),
        "from,to,port,protocol,outcome\n\
         deployment/shop/web,deployment/shop/web,8080,TCP,allowed\n\
         deployment/shop/web,statefulset/shop/db,5432,TCP,allowed\n\
         statefulset/shop/db,deployment/shop/web,8080,TCP,allowed\n\
         statefulset/shop/db,statefulset/shop/db,5432,TCP,denied\n"
    );
    for (format, start) in
        [("table", "Policies allow 3 of 4"), ("json", "{"), ("yaml", "apiVersion"), ("dot", "digraph"), ("svg", "<svg")]
    {
        let output = matrix(&["-o", format]);
        assert!(output.status.success() && text(&output.stdout).starts_with(start), "{format}: {}", text(&output.stdout));
    }
    assert!(text(&matrix(&["-n", "other"]).stdout).starts_with("There are no pods"));

    let narrow = file("narrow.yaml", &only("admin"));
    let changed = matrix(&["--diff", &narrow, "-o", "csv"]);
    assert_eq!(changed.status.code(), Some(1), "{}", text(&changed.stderr));
    let lines = "from,to,port,protocol,before,after\ndeployment/shop/web,statefulset/shop/db,5432,TCP,allowed,denied\n";
    assert_eq!(text(&changed.stdout), lines);
    let whole = file("whole.yaml", &format!("{SHOP}---\n{}", only("web")));
    assert_eq!(matrix(&["--diff", &whole]).status.code(), Some(0));
    assert_eq!(matrix(&["--diff", "demo"]).status.code(), Some(3), "a recording of other pods proves nothing");
    let broken = file("broken.yaml", &only("web").replace("ingress:", "ingres:"));
    let refused = matrix(&["--diff", &broken]);
    assert_eq!((refused.status.code(), text(&refused.stdout)), (Some(2), String::new()), "{}", text(&refused.stderr));
    refuses(
        &["policy", "matrix", "--diff", &narrow, "-o", "svg"],
        "a comparison has no such format",
        "use -o table, csv or json",
    );
    refuses(&["info", "-o", "csv"], "only policy matrix has this format", "use -o json");
}
