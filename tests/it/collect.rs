//! `collect` and `info --record`: what they write, replayed, gives what the API server itself gave.

use std::path::Path;
use std::process::{Command, Output};

use netcheck::discover::Bundle;
use netcheck::model::{Known, Query, Resource};
use serde_json::{Value, json};

use crate::api_faults_server::{ApiServer, Reply};
use crate::root;

/// A cluster as it was collected, behind an API server that selects as a real one does.
async fn server() -> ApiServer {
    let bundle = Bundle::open(&root().join("tests/scenarios/collected/bundle.tar.gz")).unwrap();
    ApiServer::start(move |asked| answer(&bundle, asked.path)).await
}

fn answer(bundle: &Bundle, path: &str) -> Reply {
    let (path, conditions) = path.split_once('?').unwrap_or((path, ""));
    let all = |resource: Resource| match bundle.answer(&Query::all(resource)) {
        Known::Got(objects) => objects,
        other => panic!("{other:?}"),
    };
    match path {
        "/version" => return Reply::ok(all(Resource::Version)[0].to_string()),
        "/apis" => return Reply::ok(json!({"groups": all(Resource::ApiGroups)}).to_string()),
        _ => {}
    }
    let mut parts: Vec<&str> = path.split('/').skip(1).collect();
    drop(parts.drain(..if parts[0] == "api" { 2 } else { 3 }));
    let namespace = (parts[0] == "namespaces" && parts.len() > 2).then(|| parts.drain(..2).nth(1).unwrap().to_owned());
    let is_kind = |query: &Query| query.resource.plural().split('.').next() == Some(parts[0]);
    let reads = bundle.reads.iter().filter(|(query, _)| is_kind(query)).filter_map(|(_, known)| known.got());
    let text = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut objects: Vec<&Value> = reads.flatten().collect();
    objects.retain(|o| namespace.as_ref().is_none_or(|ns| text(o, "/metadata/namespace") == *ns));
    objects.dedup_by_key(|o| (text(o, "/metadata/namespace"), text(o, "/metadata/name")));
    if let Some(name) = parts.get(1) {
        let found = objects.into_iter().find(|o| text(o, "/metadata/name") == *name);
        return found.map_or_else(|| Reply::status(404, "not found"), |object| Reply::ok(object.to_string()));
    }
    for condition in conditions.split('&') {
        let condition = condition.replace("%2F", "/").replace("%3D", "=");
        let words: Vec<&str> = condition.splitn(3, '=').collect();
        match words.as_slice() {
            ["labelSelector", key, value] => {
                objects.retain(|o| o["metadata"]["labels"].get(key).and_then(Value::as_str) == Some(*value));
            }
            ["fieldSelector", "status.podIP", ip] => objects.retain(|o| text(o, "/status/podIP") == *ip),
            ["fieldSelector", "metadata.name", name] => objects.retain(|o| text(o, "/metadata/name") == *name),
            ["fieldSelector", "involvedObject.kind" | "type", _] | ["limit", _] => {}
            other => panic!("no test needs {other:?}"),
        }
    }
    Reply::ok(json!({"metadata": {}, "items": objects}).to_string())
}

/// The program against this server, or without any.
async fn netcheck(place: &Path, server: Option<&ApiServer>, arguments: &str) -> Output {
    let kubeconfig = place.join("config");
    std::fs::write(&kubeconfig, "apiVersion: v1\nkind: Config\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck"));
    command.args(arguments.split(' ')).env_clear().env("HOME", "/nonexistent").current_dir(place);
    if let Some(server) = server {
        command.args(["--server", &server.url, "--kubeconfig"]).arg(&kubeconfig);
    }
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Everything but how long it took.
fn untimed(report: &[u8]) -> Value {
    let mut report: Value = serde_json::from_slice(report).unwrap();
    report.as_object_mut().unwrap().remove("timing");
    report
}

#[tokio::test]
async fn a_collected_cluster_answers_as_the_cluster_itself() {
    let (place, server) = (tempfile::tempdir().unwrap(), server().await);
    let output = netcheck(place.path(), Some(&server), "collect -w all.tar.gz").await;
    let said = text(&output.stdout);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{said}");
    assert!(said.starts_with("recorded in all.tar.gz (") && said.contains(" pods, ") && !said.contains("Not recorded"), "{said}");
    for question in
        ["pod client to svc web", "deploy/web to pod client", "client to web.shop", "client to dns", "client to nobody"]
    {
        let question = format!("-n shop {question} --no-probes -o json");
        let live = netcheck(place.path(), Some(&server), &question).await;
        let replayed = netcheck(place.path(), None, &format!("{question} --from all.tar.gz")).await;
        assert_eq!(live.status.code(), replayed.status.code(), "{question}: {}", text(&replayed.stderr));
        assert_eq!(untimed(&live.stdout), untimed(&replayed.stdout), "{question}");
    }
    let live = netcheck(place.path(), Some(&server), "info -o json").await;
    let replayed = netcheck(place.path(), None, "info --from all.tar.gz -o json").await;
    assert_eq!((text(&live.stdout), Some(0)), (text(&replayed.stdout), replayed.status.code()));
    // a second time the same bytes, and the first file stays as it is
    let again = netcheck(place.path(), Some(&server), "collect -w all.tar.gz").await;
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(text(&again.stderr), "error: all.tar.gz exists already\nnext: choose another name: nothing is overwritten\n");
}

#[tokio::test]
async fn a_question_of_one_namespace_needs_no_more_than_it() {
    let (place, server) = (tempfile::tempdir().unwrap(), server().await);
    let output = netcheck(place.path(), Some(&server), "collect -n shop -w shop.tar.gz -o name").await;
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "shop.tar.gz\n"), "{}", text(&output.stderr));
    assert_eq!((server.asked("GET /api/v1/pods?limit=500"), server.asked("GET /api/v1/namespaces/shop/pods?limit=500")), (0, 1));
    let live = netcheck(place.path(), Some(&server), "-n shop pod client to svc web --no-probes -o json").await;
    let replayed = netcheck(place.path(), None, "pod client to svc web --no-probes -o json --from shop.tar.gz").await;
    assert_eq!(untimed(&live.stdout), untimed(&replayed.stdout));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.path().join("shop.tar.gz")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_question_is_recorded_with_its_words() {
    let (place, server) = (tempfile::tempdir().unwrap(), server().await);
    let output = netcheck(place.path(), Some(&server), "collect -n shop pod client to svc web --no-probes -w q.tar.gz").await;
    // a fault of the question is no failure of recording it
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("  question    pod/shop/client to service/shop/web\n"), "{}", text(&output.stdout));
    let report = netcheck(place.path(), None, "--from q.tar.gz").await;
    assert_eq!(report.status.code(), Some(1));
    assert_eq!(report.stdout, netcheck(place.path(), None, "--from q.tar.gz").await.stdout);
    let output = netcheck(place.path(), Some(&server), "collect -n shop client to svc nothing -w none.tar.gz").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(!place.path().join("none.tar.gz").exists());
}

#[tokio::test]
async fn info_is_recorded_and_replayed() {
    let (place, server) = (tempfile::tempdir().unwrap(), server().await);
    let live = netcheck(place.path(), Some(&server), "info -o json --record info.tar.gz").await;
    assert_eq!((live.status.code(), text(&live.stderr).as_str()), (Some(0), "recorded in info.tar.gz\n"));
    let replayed = netcheck(place.path(), None, "info -o json --from info.tar.gz").await;
    assert_eq!(text(&live.stdout), text(&replayed.stdout));
    let asked = netcheck(place.path(), None, "--from info.tar.gz").await;
    assert_eq!(text(&asked.stderr).lines().next(), Some("error: the bundle was recorded without a question"));
}

#[tokio::test]
async fn reads_that_the_time_limit_cut_off_were_not_asked() {
    let bundle = Bundle::open(&root().join("tests/scenarios/collected/bundle.tar.gz")).unwrap();
    // the lists of the first round answer, and what they point at does not
    let slow = ApiServer::start(move |asked| match asked.path {
        path if path.contains("/configmaps/") => Reply::Never,
        path => answer(&bundle, path),
    })
    .await;
    let place = tempfile::tempdir().unwrap();
    let output = netcheck(place.path(), Some(&slow), "collect -w cut.tar.gz --timeout 3s").await;
    let cut = "everything after the time limit: the run was ended after 3 s (--timeout)";
    assert!(output.status.success() && text(&output.stdout).contains(cut), "{output:?}");
    for arguments in ["info --from cut.tar.gz", "-n shop client to svc web --from cut.tar.gz"] {
        let report = text(&netcheck(place.path(), None, arguments).await.stdout);
        let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(report.contains(cut) && !report.contains("not in the bundle"), "{report}");
    }
    // nothing at all is no record
    let output = netcheck(place.path(), Some(&slow), "info --record none.tar.gz --timeout 1s").await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!place.path().join("none.tar.gz").exists());
}

#[tokio::test]
async fn waves_that_the_time_limit_cut_off_stay_cut_off() {
    let mut bundle = Bundle::open(&root().join("tests/scenarios/wrong-target-port/bundle.tar.gz")).unwrap();
    assert!(bundle.measurements.iter().any(|m| m.wave > 0), "a run of several waves");
    bundle.measurements.retain(|m| m.wave == 0);
    bundle.meta.cut_ms = Some(1500);
    let place = tempfile::tempdir().unwrap();
    bundle.save(&place.path().join("cut.tar.gz")).unwrap();
    let report: Value = serde_json::from_slice(&netcheck(place.path(), None, "--from cut.tar.gz -o json").await.stdout).unwrap();
    assert_eq!(report["gaps"][0]["what"], "everything after the time limit");
    assert_eq!(report["gaps"][0]["why"], "the run was ended after 1.5 s (--timeout)");
    assert_eq!(report["measurements"].as_array().unwrap().len(), bundle.measurements.len());
}
