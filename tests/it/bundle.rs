//! Bundles: what is written comes back, equal bytes each time, and hostile ones give one clear line.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use netcheck::discover::{Bundle, BundleError, Discovery, Meta, Reader};
use netcheck::model::{Known, ObjectRef, Query, Resource};
use netcheck::probe::{EnvironmentSpec, ProbeOutcome, ProbeSpec};
use netcheck::protocol::{LaunchFailure, LaunchProblem, Measurement};
use serde_json::json;
use tar::{Builder, EntryType, Header};

fn sample() -> Bundle {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}},
        "status": {"podIP": "10.0.0.1"}});
    Bundle {
        meta: Meta {
            netcheck: String::from("0.1.0"),
            arguments: vec![String::from("pod"), String::from("client")],
            namespace: String::from("shop"),
            ..Meta::default()
        },
        reads: vec![
            (Query::within(Resource::Services, "shop"), Known::Denied(String::from("list services in namespace shop: no"))),
            (Query::within(Resource::Pods, "shop"), Known::Got(vec![pod])),
            (Query::named(Resource::Nodes, "", "n1"), Known::Absent(String::from("get nodes n1: gone"))),
            (Query::log("shop", "web-1", "web", false), Known::Got(vec![json!({"text": "a\u{1b}[31m\nb\n"})])),
            (Query::all(Resource::Custom(String::from("x.v1.y"))), Known::Failed(String::from("no answer within 15000 ms"))),
        ],
        measurements: vec![Measurement {
            from: ObjectRef::pod("shop", "web-1"),
            wave: 0,
            spec: ProbeSpec::Environment(EnvironmentSpec {}),
            outcome: ProbeOutcome::NotRun { why: String::from("x") },
            elapsed_us: 5,
        }],
        launches: vec![LaunchFailure {
            pod: ObjectRef::pod("shop", "web-2"),
            kind: LaunchProblem::Image,
            cause: String::from("the image cannot be pulled"),
            next: String::from("load it"),
        }],
    }
}

/// The reads are kept in the order of their queries.
fn sorted(mut bundle: Bundle) -> Bundle {
    bundle.reads.sort_by(|a, b| a.0.cmp(&b.0));
    bundle
}

#[test]
fn directory_and_archive_bring_back_what_was_recorded() {
    let place = tempfile::tempdir().unwrap();
    for name in ["run", "run.tar.gz"] {
        let path = place.path().join(name);
        sample().save(&path).unwrap();
        assert_eq!(Bundle::open(&path).unwrap(), sorted(sample()), "{name}");
        assert_eq!(sample().save(&path), Err(BundleError::Exists(path.display().to_string())));
    }
    let names: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing else stays behind: {names:?}");
}

#[test]
fn equal_bundles_are_equal_bytes_for_their_owner_only() {
    let place = tempfile::tempdir().unwrap();
    sample().save(&place.path().join("a.tgz")).unwrap();
    assert_eq!(std::fs::read(place.path().join("a.tgz")).unwrap(), sorted(sample()).to_bytes().unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        sample().save(&place.path().join("d")).unwrap();
        for (file, mode) in [("a.tgz", 0o600), ("d", 0o700), ("d/bundle.json", 0o600), ("d/agents/events.jsonl", 0o600)] {
            assert_eq!(std::fs::metadata(place.path().join(file)).unwrap().permissions().mode() & 0o777, mode, "{file}");
        }
    }
}

#[tokio::test]
async fn a_replay_answers_what_was_recorded_and_says_what_was_not() {
    let mut discovery = Discovery::new(Reader::Bundle(Box::new(sample())));
    let by_label = Query::within(Resource::Pods, "shop").labelled("app=web");
    let missing = Query::within(Resource::Events, "shop");
    discovery.ask(&[by_label.clone(), Query::within(Resource::Services, "shop"), missing.clone()]).await;
    let cluster = discovery.cluster();
    assert_eq!(cluster.pods.answer(&by_label).got().map(|pods| pods[0].name.clone()), Some(String::from("web-1")));
    assert!(matches!(cluster.services_in("shop"), Known::Denied(_)));
    assert_eq!(cluster.events.answer(&missing).map(Vec::len), Known::Failed(format!("{missing}: not in the bundle")));
    assert_eq!((discovery.namespace(), discovery.request_count()), ("shop", 0));
}

/// A `.tar.gz` of these entries.
fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind, content) in entries {
        let mut header = Header::new_ustar();
        // `set_path` refuses what these tests need
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let error = Bundle::from_bytes(bytes).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n') && !error.next().is_empty(), "{text}");
    text
}

const INDEX: &[u8] = br#"{"format": 1}"#;

#[test]
fn hostile_archives_are_refused() {
    let file = EntryType::Regular;
    assert!(Bundle::from_bytes(&archive(&[("bundle.json", file, INDEX)])).is_ok());
    assert_eq!(refusal(&archive(&[("../x", file, b"")])), "the bundle is not safe to read: the path ../x leads out of it");
    assert_eq!(refusal(&archive(&[("/etc/x", file, b"")])), "the bundle is not safe to read: the path /etc/x leads out of it");
    assert_eq!(
        refusal(&archive(&[("bundle.json", EntryType::Symlink, b"")])),
        "the bundle is not safe to read: bundle.json is not a plain file"
    );
    assert_eq!(refusal(&archive(&[("x", EntryType::Link, b"")])), "the bundle is not safe to read: x is not a plain file");
    assert_eq!(refusal(&archive(&[("x", file, b""), ("x", file, b"")])), "the bundle is not safe to read: x occurs twice");
    let many: Vec<String> = (0..10_001).map(|n| format!("f{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), file, b"".as_slice())).collect();
    assert_eq!(refusal(&archive(&many)), "the bundle is too large: more than 10000 entries");
}

#[test]
fn a_bomb_is_stopped_before_it_is_unpacked() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let mut header = Header::new_ustar();
    header.set_path("bundle.json").unwrap();
    header.set_size(8 << 30);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    gzip.write_all(header.as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    assert_eq!(refusal(&bytes), "the bundle is too large: more than 536870912 bytes unpacked");
    assert!(refusal(&vec![0; (64 << 20) + 1]).starts_with("the bundle is too large: "));
}

#[test]
fn damage_is_told_from_other_files_and_newer_formats() {
    let whole = sample().to_bytes().unwrap();
    for end in [whole.len() - 1, whole.len() - 9, whole.len() / 2, 20] {
        let text = refusal(&whole[..end]);
        assert!(text.starts_with("the bundle is damaged: "), "{end} of {}: {text}", whole.len());
    }
    let file = EntryType::Regular;
    assert_eq!(refusal(b"PK\x03\x04"), "not a bundle: neither a directory nor a .tar.gz");
    assert_eq!(refusal(&archive(&[("x", file, b"")])), "not a bundle: there is no bundle.json in it");
    assert_eq!(
        refusal(&archive(&[("bundle.json", file, br#"{"format": 2, "reads": "new"}"#)])),
        "the bundle has format 2, and this version reads up to 1"
    );
    let lost =
        br#"{"format": 1, "reads": [{"query": {"resource": "pods"}, "answer": {"state": "got", "file": "../../etc/passwd"}}]}"#;
    assert_eq!(refusal(&archive(&[("bundle.json", file, lost)])), "the bundle is damaged: ../../etc/passwd is missing");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refusal(&archive(&[("bundle.json", file, deep.as_bytes())])).contains("recursion limit"));
}

#[test]
fn a_directory_with_a_link_is_refused() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("bundle.json"), INDEX).unwrap();
    assert!(Bundle::open(place.path()).is_ok());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", place.path().join("api")).unwrap();
        let error = Bundle::open(place.path()).unwrap_err();
        assert_eq!(error.to_string(), "the bundle is not safe to read: api is not a plain file");
    }
    let error = Bundle::open(Path::new("/no/such/bundle")).unwrap_err();
    assert!(matches!(error, BundleError::Io(_)), "{error}");
}
