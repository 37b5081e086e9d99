//! Answers of a real API server v1.36.3 with the objects of tests/e2e/wire (tests/wire), whole and damaged.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::discover::intake::{self, Intake, Keep, Raw};
use crate::discover::objects::Object;
use crate::model::{Cluster, Known, Query, Resource};

/// Kind, protobuf, JSON: the same list in both forms.
macro_rules! recorded {
    ($($kind:ident $file:literal;)*) => {
        [$((
            Resource::$kind,
            include_bytes!(concat!("../../../tests/wire/", $file, ".pb")).as_slice(),
            include_str!(concat!("../../../tests/wire/", $file, ".json")),
        )),*]
    };
}

fn recorded() -> Vec<(Resource, &'static [u8], &'static str)> {
    Vec::from(recorded! {
        Pods "pods"; Services "services"; EndpointSlices "endpointslices"; Nodes "nodes"; Namespaces "namespaces";
        NetworkPolicies "networkpolicies"; Services "page"; Pods "empty";
    })
}

struct Read {
    pruned: Vec<Value>,
    next: String,
    model: String,
}

/// The model as text: what a listing of these objects makes of an empty cluster.
fn model(intake: Box<dyn Intake>, resource: &Resource) -> String {
    let mut cluster = Cluster::default();
    intake.add(&mut cluster, &Query::all(resource.clone()), Known::Got(()));
    format!("{cluster:#?}")
}

/// Reads a list whose bytes arrive in pieces of this size.
fn read(resource: &Resource, bytes: &[u8], piece: usize) -> Result<Read, WireError> {
    let mut intake = intake::of(resource, Keep::All);
    let mut stream = ListStream::new(intake.wire_list().expect("a kind in protobuf"));
    for piece in bytes.chunks(piece) {
        stream.push(piece, &mut |object| intake.take(Raw::Wire(object)).map_err(WireError::Bad))?;
    }
    let next = stream.finish()?;
    Ok(Read { pruned: intake.pruned().expect("kept"), next, model: model(intake, resource) })
}

fn read_json(resource: &Resource, text: &str) -> Read {
    let list: Value = serde_json::from_str(text).expect("JSON");
    let mut intake = intake::of(resource, Keep::All);
    for object in list["items"].as_array().into_iter().flatten() {
        intake.take(Raw::Json(&object.to_string())).expect("valid");
    }
    let next = list["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    Read { pruned: intake.pruned().expect("kept"), next, model: model(intake, resource) }
}

/// The model of a replay.
fn replay(resource: &Resource, pruned: Vec<Value>) -> String {
    let mut cluster = Cluster::default();
    intake::add_pruned(&mut cluster, &Query::all(resource.clone()), &Known::Got(pruned));
    format!("{cluster:#?}")
}

#[test]
fn protobuf_and_json_are_read_alike() {
    for (resource, wire, json) in recorded() {
        let expected = read_json(&resource, json);
        for piece in [1, 7, 4096, wire.len()] {
            let seen = read(&resource, wire, piece).expect("valid");
            assert_eq!(seen.pruned, expected.pruned, "{resource:?}");
            assert_eq!(seen.model, expected.model, "{resource:?}");
            // the token is a new one with each request, and encodes what it continues
            assert_eq!(seen.next.is_empty(), expected.next.is_empty(), "{resource:?}");
        }
        assert_eq!(replay(&resource, expected.pruned), expected.model);
    }
    let page = recorded().swap_remove(6);
    assert!(read(&page.0, page.1, 100).expect("valid").next.starts_with("ey"), "the token of a first page");
}

#[test]
fn an_answer_that_ends_early_is_an_error_at_every_byte() {
    for (resource, wire, _) in recorded() {
        // the last two fields are empty: without them the list is whole
        for end in 0..wire.len() - 4 {
            assert!(read(&resource, &wire[..end], wire.len()).is_err(), "{resource:?} cut at {end}");
        }
    }
}

#[test]
fn a_list_of_another_kind_is_refused() {
    let (_, wire, _) = recorded().swap_remove(0);
    let Err(error) = read(&Resource::Services, wire, 100) else { panic!("pods were taken for Services") };
    assert_eq!(error.to_string(), "it is a PodList, not a ServiceList");
    let Err(error) = read(&Resource::Pods, b"{\"kind\":\"PodList\"}", 100) else { panic!("JSON was taken for protobuf") };
    assert_eq!(error.to_string(), "it does not start as protobuf of Kubernetes does");
}

/// Writes protobuf.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        out.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    out.push(length.to_le_bytes()[0]);
    out.extend_from_slice(content);
    out
}

fn pod_list(pod: &[u8]) -> Vec<u8> {
    let unknown = [bytes(1, &bytes(2, b"PodList")), bytes(2, &bytes(2, pod))].concat();
    [b"k8s\0".as_slice(), &unknown].concat()
}

fn refused(list: &[u8]) -> String {
    read(&Resource::Pods, list, 1000).map(|read| read.model).expect_err("hostile").to_string()
}

#[test]
fn memory_is_bounded() {
    let containers = |count| pod_list(&bytes(2, &bytes(2, b"").repeat(count)));
    assert!(read(&Resource::Pods, &containers(1000), 1000).is_ok());
    assert_eq!(refused(&containers(20_001)), "an object has more than 20000 elements in its lists");
    let labels = pod_list(&bytes(1, &bytes(11, b"").repeat(20_001)));
    assert_eq!(refused(&labels), "an object has more than 20000 elements in its lists");
    let large = pod_list(&bytes(2, &vec![0; 5 << 20]));
    assert_eq!(refused(&large), "an object of 5242885 bytes is larger than Kubernetes allows");
    let endless = b"k8s\0\x0a\xff\xff\xff\xff\x7f";
    assert_eq!(refused(endless), "an object of 34359738367 bytes is larger than Kubernetes allows");
    // a list of two bytes that announces an object of five
    assert_eq!(refused(b"k8s\0\x12\x02\x12\x05hello"), "an object is longer than the list that holds it");
}

#[test]
fn what_repeats_may_be_anywhere_and_the_last_of_the_rest_counts() {
    let name = |name: &[u8]| bytes(1, &bytes(1, name));
    let spec = [bytes(2, &bytes(1, b"a")), bytes(10, b"n1"), bytes(2, &bytes(1, b"b")), bytes(10, b"n2")].concat();
    let read = read(&Resource::Pods, &pod_list(&[name(b"x"), bytes(2, &spec)].concat()), 1000).expect("valid");
    let spec = &read.pruned[0]["spec"];
    assert_eq!((spec["containers"][0]["name"].as_str(), spec["containers"][1]["name"].as_str()), (Some("a"), Some("b")));
    assert_eq!(spec["nodeName"], "n2");
}

#[test]
fn damage_inside_an_object_is_named() {
    assert_eq!(refused(&pod_list(&bytes(1, &bytes(1, b"\xff")))), "a string is not UTF-8");
    assert_eq!(refused(&pod_list(b"\x0a\x05x")), "a field is longer than the message that holds it");
    assert_eq!(refused(&pod_list(b"\x08\x05")), "a number where a string or a message belongs");
    assert_eq!(refused(&pod_list(&bytes(1, &bytes(9, b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f")))), "a time is out of range");
}

#[test]
fn an_error_says_its_message() {
    let status = include_bytes!("../../../tests/wire/status.pb");
    assert_eq!(status_message(status).as_deref(), Some("pods \"none\" not found"));
    for end in 0..status.len() {
        drop(status_message(&status[..end]));
    }
    assert_eq!(status_message(b"{}"), None);
}

#[test]
fn tables_are_well_formed() {
    fn check(message: &'static Message, depth: usize) {
        assert!(message.0.len() <= 32 && depth < 12);
        let numbers: Vec<u32> = message.0.iter().map(|f| f.number).collect();
        assert!(numbers.is_sorted() && numbers.windows(2).all(|w| w[0] != w[1]), "{numbers:?}");
        for field in message.0 {
            match field.shape {
                Shape::Message(inner) => check(inner, depth + 1),
                Shape::Inline(inner) => {
                    check(inner, depth + 1);
                    let once =
                        |f: &Field| matches!(f.times, Times::Plain | Times::Pointer) && !matches!(f.shape, Shape::Inline(_));
                    assert!(inner.0.iter().all(once) && field.times == Times::Pointer, "{inner:?}");
                }
                Shape::Text | Shape::Bool | Shape::Int | Shape::IntOrString | Shape::Quantity | Shape::Time => {}
            }
        }
    }
    fn of<T: Object>() {
        check(T::WIRE.expect("a table"), 0);
    }
    use k8s_openapi::api::{core::v1 as core, discovery::v1 as discovery, networking::v1 as net};
    of::<core::Pod>();
    of::<core::Service>();
    of::<core::Node>();
    of::<core::Namespace>();
    of::<discovery::EndpointSlice>();
    of::<net::NetworkPolicy>();
}

proptest! {
    /// Whatever arrives is an error or objects, and a replay of the objects has the same model.
    #[test]
    fn damaged_answers_give_an_error_or_objects(
        which in 0..8_usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in proptest::option::of(any::<prop::sample::Index>()),
        piece in 1..3000_usize,
    ) {
        let (resource, wire, _) = recorded().swap_remove(which);
        let mut wire = wire.to_vec();
        for (at, byte) in damage {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        if let Some(end) = end {
            wire.truncate(end.index(wire.len()));
        }
        match read(&resource, &wire, piece) {
            Ok(read) => prop_assert_eq!(replay(&resource, read.pruned), read.model),
            Err(error) => prop_assert!(!error.to_string().is_empty() && error.to_string().len() < 200),
        }
    }

    #[test]
    fn random_bytes_are_no_list(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&Resource::Pods, &[b"k8s\0".as_slice(), &bytes].concat(), 50).is_err() || bytes.len() > 3);
        drop(status_message(&bytes));
    }
}
