//! Protobuf where the server has it, and JSON where it has not or where its protobuf cannot be read.

use netcheck::model::{Known, Query, Resource};

use crate::api_faults::told;
use crate::api_faults_server::{ApiServer, Reply};

const WIRE: &[u8] = include_bytes!("../wire/services.pb");
const JSON: &str = include_str!("../wire/services.json");

fn wants_protobuf(accept: &str) -> bool {
    accept == "application/vnd.kubernetes.protobuf, application/json"
}

/// Answers to a request for protobuf, and JSON to any other.
async fn read(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (Known<usize>, Vec<String>, u32) {
    let server = ApiServer::start(move |asked| if wants_protobuf(asked.accept) { reply() } else { Reply::ok(JSON) }).await;
    let (_, heard, discovery) = told(server.options()).await;
    // the recorded objects are of another namespace than the one that was asked for
    let answer = discovery.cluster().services.complete(&Resource::Services, Some("shop")).map(Vec::len);
    (answer, heard, discovery.request_count())
}

#[tokio::test]
async fn protobuf_is_asked_for_and_read() {
    assert_eq!(read(|| Reply::Protobuf(200, WIRE.to_vec())).await, (Known::Got(4), Vec::new(), 1));
}

#[tokio::test]
async fn a_server_without_protobuf_answers_in_json() {
    assert_eq!(read(|| Reply::ok(JSON)).await, (Known::Got(4), Vec::new(), 1));
    assert_eq!(read(|| Reply::status(406, "only application/json")).await, (Known::Got(4), Vec::new(), 2));
}

#[tokio::test]
async fn protobuf_that_cannot_be_read_is_asked_for_in_json() {
    let damaged = [
        (b"hello".to_vec(), "it does not start as protobuf of Kubernetes does"),
        (WIRE[..900].to_vec(), "the message ends inside a field"),
        (include_bytes!("../wire/pods.pb").to_vec(), "it is a PodList, not a ServiceList"),
    ];
    for (body, why) in damaged {
        let notice = format!("the API server's protobuf cannot be read ({why}): reading JSON, which takes longer");
        assert_eq!(read(move || Reply::Protobuf(200, body.clone())).await, (Known::Got(4), vec![notice], 2));
    }
}

#[tokio::test]
async fn a_failure_in_protobuf_says_why() {
    let status = || Reply::Protobuf(404, include_bytes!("../wire/status.pb").to_vec());
    let why = String::from("list services in namespace shop: pods \"none\" not found");
    assert_eq!(read(status).await, (Known::Absent(why), Vec::new(), 1));
}

#[tokio::test]
async fn kinds_without_a_table_and_single_objects_are_asked_for_in_json() {
    let server = ApiServer::start(|asked| {
        assert!(!wants_protobuf(asked.accept), "{}", asked.path);
        Reply::ok(r#"{"metadata": {"name": "a"}}"#)
    })
    .await;
    let mut discovery = server.discovery().await;
    discovery
        .ask(&[Query::all(Resource::Events), Query::named(Resource::Pods, "shop", "a"), Query::all(Resource::Version)])
        .await;
    assert_eq!((discovery.fatal(), discovery.cluster().pods.seen().count()), (None, 1));
}
