//! Every way an API server can fail a read gives the right answer and one line.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use netcheck::discover::{ConnectOptions, Discovery, Notices, Reader, connect};
use netcheck::model::{Known, Query, Resource};
use serde_json::json;

use crate::api_faults_server::{ApiServer, Reply};

fn services() -> Query {
    Query::within(Resource::Services, "shop")
}

const SERVICES: &str = "/api/v1/namespaces/shop/services?limit=500";

fn service(name: &str) -> serde_json::Value {
    json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"clusterIP": "10.96.0.5", "ports": [{"port": 80}]}})
}

/// A page of a list, and where it goes on.
fn page(names: &[&str], next: &str) -> String {
    let items: Vec<_> = names.iter().map(|n| service(n)).collect();
    json!({"kind": "ServiceList", "apiVersion": "v1", "metadata": {"continue": next}, "items": items}).to_string()
}

/// What one read of the Services gives.
async fn read(server: &ApiServer) -> (Known<Vec<String>>, Discovery) {
    let mut discovery = server.discovery().await;
    discovery.ask(&[services()]).await;
    let answer = discovery.cluster().services_in("shop").map(|all| all.iter().map(|s| s.name.clone()).collect());
    if let Some(why) = answer.missing() {
        assert!(!why.contains('\n') && why.len() < 600, "{why}");
    }
    (answer, discovery)
}

async fn always(reply: fn() -> Reply) -> (Known<Vec<String>>, Discovery) {
    let server = ApiServer::start(move |_| reply()).await;
    read(&server).await
}

#[tokio::test]
async fn a_healthy_server_is_read() {
    let (answer, discovery) = always(|| Reply::ok(page(&["web"], ""))).await;
    assert_eq!(answer, Known::Got(vec![String::from("web")]));
    assert_eq!((discovery.request_count(), discovery.fatal()), (1, None));
}

#[tokio::test]
async fn statuses_become_what_they_mean() {
    let (answer, discovery) = always(|| Reply::status(404, "the server could not find the requested resource")).await;
    assert_eq!(
        answer,
        Known::Absent(String::from("list services in namespace shop: the server could not find the requested resource"))
    );
    assert_eq!(discovery.fatal(), None);
    let (answer, _) = always(|| Reply::status(409, "conflict")).await;
    assert_eq!(answer, Known::Failed(String::from("list services in namespace shop: conflict")));
    let (answer, discovery) = always(|| Reply::status(500, "etcd is\nsad")).await;
    assert_eq!(answer, Known::Failed(String::from("list services in namespace shop: HTTP 500: etcd is sad")));
    assert_eq!(discovery.request_count(), 1, "500 is not tried again");
}

#[tokio::test]
async fn refused_credentials_end_the_run() {
    let (answer, discovery) = always(|| Reply::status(401, "Unauthorized")).await;
    assert_eq!(answer, Known::Denied(String::from("list services in namespace shop: Unauthorized")));
    let fatal = discovery.fatal().unwrap();
    assert!(fatal.cause.ends_with(" does not accept these credentials"), "{fatal}");
}

#[tokio::test]
async fn each_kind_can_be_forbidden() {
    let server = ApiServer::start(|asked| Reply::status(403, &format!("cannot list {}", asked.path))).await;
    let mut discovery = server.discovery().await;
    let kinds = [
        Resource::Pods,
        Resource::Services,
        Resource::EndpointSlices,
        Resource::Nodes,
        Resource::Namespaces,
        Resource::Events,
        Resource::ConfigMaps,
        Resource::Deployments,
        Resource::DaemonSets,
        Resource::StatefulSets,
        Resource::ReplicaSets,
        Resource::Jobs,
        Resource::CronJobs,
        Resource::Ingresses,
        Resource::IngressClasses,
        Resource::NetworkPolicies,
        Resource::ServiceCidrs,
        Resource::ApiGroups,
        Resource::Version,
        Resource::Custom(String::from("ippools.v1.crd.projectcalico.org")),
    ];
    let mut queries: Vec<Query> = kinds.into_iter().map(Query::all).collect();
    queries.push(Query::log("shop", "web", "web", false));
    discovery.ask(&queries).await;
    assert_eq!(discovery.reads().len(), queries.len());
    for (query, answer) in discovery.reads() {
        let Known::Denied(why) = answer else { panic!("{query}: {answer:?}") };
        assert!(why.starts_with(&format!("{query}: cannot list /")), "{why}");
    }
    assert!(
        matches!(discovery.cluster().version, Known::Denied(_)) && matches!(discovery.cluster().api_groups, Known::Denied(_))
    );
    assert_eq!(discovery.fatal(), None);
}

/// Reads with the messages that are sent meanwhile.
pub(crate) async fn told(options: ConnectOptions) -> (Known<usize>, Vec<String>, Discovery) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&heard);
    let live = connect(&options, Notices::new(move |text| sink.lock().unwrap().push(text))).await.unwrap();
    let mut discovery = Discovery::new(Reader::Live(live));
    discovery.ask(&[services()]).await;
    let answer = discovery.cluster().services_in("shop").map(|all| all.len());
    let heard = heard.lock().unwrap().clone();
    (answer, heard, discovery)
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let server = ApiServer::start(|asked| match asked.before {
        0 => Reply::Whole(429, Some(1), String::from("slow down")),
        _ => Reply::ok(page(&["web"], "")),
    })
    .await;
    let began = Instant::now();
    let (answer, heard, discovery) = told(server.options()).await;
    assert_eq!((answer, discovery.request_count()), (Known::Got(1), 2));
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After is kept");
    assert_eq!(heard, ["the API server: slow down; trying again in 1000 ms"]);
}

#[tokio::test]
async fn a_server_that_stays_unavailable_is_given_up() {
    let server = ApiServer::start(|_| Reply::status(503, "leaderless")).await;
    let (answer, heard, discovery) = told(server.options()).await;
    assert_eq!(answer, Known::Failed(String::from("list services in namespace shop: HTTP 503: leaderless")));
    assert_eq!((discovery.request_count(), heard.len()), (3, 1), "the same is said once");
}

#[tokio::test]
async fn no_try_goes_beyond_the_deadline() {
    let server = ApiServer::start(|_| Reply::Whole(429, Some(60), String::from("later"))).await;
    let began = Instant::now();
    let options = ConnectOptions { deadline: Some(Duration::from_secs(20)), ..server.options() };
    let (answer, _, _) = told(options).await;
    assert!(matches!(answer, Known::Failed(_)) && began.elapsed() < Duration::from_secs(20), "{answer:?}");
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let began = Instant::now();
    let (answer, discovery) = always(|| Reply::Never).await;
    assert_eq!(answer, Known::Failed(String::from("list services in namespace shop: no answer within 300 ms")));
    assert!(began.elapsed() < Duration::from_secs(3));
    let fatal = discovery.fatal().unwrap();
    assert!(fatal.cause.starts_with("cannot reach the API server at http://127.0.0.1:"), "{fatal}");
    assert!(fatal.cause.ends_with(": no answer within 300 ms"), "{fatal}");
}

#[tokio::test]
async fn one_silence_is_enough_for_reads_that_wait_for_their_turn() {
    let server = ApiServer::start(|_| Reply::Never).await;
    let mut discovery = server.discovery().await;
    let queries: Vec<Query> = (0..24).map(|n| Query::within(Resource::Services, &format!("ns{n}"))).collect();
    let began = Instant::now();
    discovery.ask(&queries).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(discovery.request_count() < 24 && discovery.fatal().is_some());
}

#[tokio::test]
async fn nobody_listening_is_told_at_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = ApiServer::start(|_| Reply::Never).await;
    let options = ConnectOptions { server: Some(format!("http://{free}")), ..server.options() };
    let (answer, _, discovery) = told(options).await;
    let Known::Failed(why) = answer else { panic!("{answer:?}") };
    assert!(why.contains("refused"), "{why}");
    assert!(discovery.fatal().unwrap().cause.starts_with(&format!("cannot reach the API server at http://{free}: ")));
    assert_eq!(discovery.request_count(), 1);
}

#[tokio::test]
async fn broken_answers_are_failures() {
    let (answer, discovery) = always(|| Reply::Reset(String::from("{\"items\": ["))).await;
    assert!(matches!(&answer, Known::Failed(why) if why.starts_with("list services in namespace shop: ")), "{answer:?}");
    assert_eq!(discovery.request_count(), 3, "a cut connection is tried again");
    let (answer, _) = always(|| Reply::Cut(page(&["web"], ""))).await;
    assert!(matches!(answer, Known::Failed(_)), "{answer:?}");
    let (answer, _) = always(|| Reply::ok("{\"items\": [{\"metadata\"")).await;
    assert!(matches!(&answer, Known::Failed(why) if why.contains("the answer ends in the middle")), "{answer:?}");
    let (answer, _) = always(|| Reply::ok("<html>login</html>")).await;
    assert!(matches!(&answer, Known::Failed(why) if why.contains("the answer is not what was asked for")), "{answer:?}");
    let odd =
        || Reply::ok(r#"{"metadata": {}, "items": [{"metadata": {"name": "odd", "namespace": "shop"}, "spec": {"ports": 7}}]}"#);
    let (answer, _) = always(odd).await;
    assert!(
        matches!(&answer, Known::Failed(why) if why.starts_with("list services in namespace shop: shop/odd: ")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn pages_are_joined() {
    let server = ApiServer::start(|asked| match asked.path {
        SERVICES => Reply::ok(page(&["a", "b"], "to ken/1")),
        "/api/v1/namespaces/shop/services?limit=500&continue=to%20ken%2F1" => Reply::ok(page(&["c"], "")),
        other => Reply::status(400, other),
    })
    .await;
    assert_eq!(read(&server).await.0, Known::Got(["a", "b", "c"].map(String::from).to_vec()));
}

#[tokio::test]
async fn half_a_list_is_never_a_list() {
    for broken in [|| Reply::Cut(page(&["c"], "")), || Reply::status(500, "no"), || Reply::Never, || Reply::ok("{\"items\": [")] {
        let first = move |before| if before == 0 { Reply::ok(page(&["a"], "t")) } else { Reply::status(500, "asked twice") };
        let server = ApiServer::start(move |asked| if asked.path == SERVICES { first(asked.before) } else { broken() }).await;
        let answer = read(&server).await.0;
        assert!(matches!(answer, Known::Failed(_)), "{answer:?}");
    }
}

#[tokio::test]
async fn an_expired_page_starts_the_list_over_once() {
    let server = ApiServer::start(|asked| match (asked.path, asked.before) {
        (SERVICES, 0) => Reply::ok(page(&["old"], "t")),
        (SERVICES, _) => Reply::ok(page(&["new"], "")),
        _ => Reply::status(410, "the provided continue parameter is too old"),
    })
    .await;
    assert_eq!(read(&server).await.0, Known::Got(vec![String::from("new")]));
    let server = ApiServer::start(|asked| match asked.path {
        SERVICES => Reply::ok(page(&["old"], "t")),
        _ => Reply::status(410, "the provided continue parameter is too old"),
    })
    .await;
    assert!(matches!(read(&server).await.0, Known::Failed(_)));
    assert_eq!(server.asked(&format!("GET {SERVICES}")), 2);
}

#[tokio::test]
async fn at_most_eight_requests_are_open() {
    let server = ApiServer::start(|_| Reply::Late(Duration::from_millis(60), page(&[], ""))).await;
    let mut discovery = server.discovery().await;
    let queries: Vec<Query> = (0..24).map(|n| Query::within(Resource::Services, &format!("ns{n}"))).collect();
    discovery.ask(&queries).await;
    assert!(discovery.reads().iter().all(|(_, answer)| matches!(answer, Known::Got(_))));
    assert_eq!((server.most_busy(), discovery.request_count()), (8, 24));
}

#[tokio::test]
async fn what_is_known_is_not_asked_again() {
    let server = ApiServer::start(|_| Reply::ok(page(&["web", "api"], ""))).await;
    let mut discovery = server.discovery().await;
    discovery.ask(&[services(), services()]).await;
    discovery
        .ask(&[services(), Query::named(Resource::Services, "shop", "api"), Query::named(Resource::Services, "shop", "gone")])
        .await;
    assert_eq!((discovery.request_count(), discovery.reads().len()), (1, 1));
    let cluster = discovery.cluster();
    assert!(
        matches!(cluster.services.answer(&Query::named(Resource::Services, "shop", "api")), Known::Got(found) if found.len() == 1)
    );
    assert!(matches!(cluster.services.answer(&Query::named(Resource::Services, "shop", "gone")), Known::Absent(_)));
}
