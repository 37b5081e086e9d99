//! The agent's HTTP probe against small servers on loopback.

#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a helper of a test may panic")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use netcheck::probe::{HttpOutcome, ProbeOutcome};
use serde_json::json;

use crate::agent_process::Agent;

/// Serves every connection with one function, each in a thread, until the test ends.
fn serve(handle: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let handle = handle.clone();
            std::thread::spawn(move || handle(stream.unwrap()));
        }
    });
    port
}

/// Reads a request's head, up to its empty line. Empty when the other side closed without one.
fn head(stream: &mut impl std::io::Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn get(url: &str, ip: Option<&str>, timeout_ms: u64) -> HttpOutcome {
    let outcome = Agent::probe(&json!({"probe": "http", "url": url, "ip": ip, "timeout_ms": timeout_ms}));
    let ProbeOutcome::Http(http) = outcome else { panic!("{outcome:?}") };
    http
}

#[test]
fn a_redirect_is_told_and_not_followed() {
    let port = serve(|mut stream| {
        let head = head(&mut stream);
        if head.is_empty() {
            return;
        }
        assert!(head.starts_with("GET /a?b HTTP/1.1\r\n") && head.contains("\r\nhost: web.shop:"), "{head}");
        let answer = "HTTP/1.1 302 Found\r\nlocation: /c\r\nserver: tiny\r\ncontent-length: 5\r\n\r\nmoved";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let outcome = get(&format!("http://web.shop:{port}/a?b"), Some("127.0.0.1"), 3000);
    let HttpOutcome::Response { status, version, location, server, body_start, body_bytes, phases, certificate } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((status, version.as_str(), location.as_deref(), server.as_deref()), (302, "HTTP/1.1", Some("/c"), Some("tiny")));
    assert_eq!((body_start.as_str(), body_bytes), ("moved", 5));
    assert_eq!((phases.dns_us, phases.tls_us), (0, 0));
    assert!(phases.connect_us > 0 && phases.first_byte_us > 0 && phases.total_us >= phases.first_byte_us, "{phases:?}");
    assert_eq!(certificate, None);
}

#[test]
fn a_name_is_resolved_by_the_agent_itself() {
    let port = serve(|mut stream| {
        if !head(&mut stream).is_empty() {
            stream.write_all(b"HTTP/1.0 204 No Content\r\n\r\n").unwrap();
        }
    });
    let outcome = get(&format!("http://localhost:{port}/"), None, 3000);
    let HttpOutcome::Response { status: 204, phases, .. } = outcome else { panic!("{outcome:?}") };
    assert!(phases.dns_us > 0);
}

#[test]
fn an_address_in_the_url_stays_in_the_host_header() {
    let port = serve(|mut stream| {
        let head = head(&mut stream);
        if !head.is_empty() {
            let body = head.lines().find(|line| line.starts_with("host:")).unwrap();
            stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
        }
    });
    let outcome = get(&format!("http://10.96.0.1:{port}/"), Some("127.0.0.1"), 3000);
    let HttpOutcome::Response { body_start, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(body_start, format!("host: 10.96.0.1:{port}"));
}

#[test]
fn a_large_body_is_counted_and_cut() {
    let port = serve(|mut stream| {
        if !head(&mut stream).is_empty() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").unwrap();
            stream.write_all(&vec![b'x'; 100_000]).unwrap();
        }
    });
    let outcome = get(&format!("http://127.0.0.1:{port}/"), None, 3000);
    let HttpOutcome::Response { body_start, body_bytes, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((body_start.len(), body_bytes), (4096, 100_000));
}

#[test]
fn a_failure_names_its_phase() {
    let failed = |outcome| match outcome {
        HttpOutcome::Failed { phase, error, .. } => (phase, error),
        other => panic!("{other:?}"),
    };
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let found = failed(get(&format!("http://127.0.0.1:{closed}/"), None, 2000));
    assert_eq!(found, (String::from("connect"), String::from("ECONNREFUSED")));
    let silent = serve(|mut stream| drop((head(&mut stream), std::thread::sleep(Duration::from_secs(9)))));
    let found = failed(get(&format!("http://127.0.0.1:{silent}/"), None, 500));
    assert_eq!(found, (String::from("request"), String::from("timed out")));
    let found = failed(get(&format!("https://127.0.0.1:{silent}/"), None, 500));
    assert_eq!(found, (String::from("tls"), String::from("timed out")));
    let stalls = serve(|mut stream| {
        if !head(&mut stream).is_empty() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").unwrap();
            std::thread::sleep(Duration::from_secs(9));
        }
    });
    let found = failed(get(&format!("http://127.0.0.1:{stalls}/"), None, 500));
    assert_eq!(found, (String::from("body"), String::from("timed out after 4 bytes")));
    let plain = serve(|mut stream| {
        let mut hello = [0; 16];
        if stream.read(&mut hello).is_ok() {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    assert_eq!(failed(get(&format!("https://127.0.0.1:{plain}/"), None, 2000)).0, "tls");
    let (phase, error) = failed(get("http://no-such-name.invalid./", None, 300));
    assert_eq!(phase, "dns", "{error}");
    let outcome = Agent::probe(&json!({"probe": "http", "url": "ftp://web/", "ip": null, "timeout_ms": 100}));
    assert!(matches!(outcome, ProbeOutcome::NotRun { .. }), "{outcome:?}");
}

#[test]
fn a_certificate_that_is_not_valid_is_accepted_and_told() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new([String::from("other.test")]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let certificate = parameters.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let config = Arc::new(config);
    let port = serve(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::StreamOwned::new(connection, stream);
        if !head(&mut tls).is_empty() {
            tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
    });
    let outcome = get(&format!("https://web.shop:{port}/"), Some("127.0.0.1"), 5000);
    let HttpOutcome::Response { status: 200, body_start, phases, certificate: Some(certificate), .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(body_start, "ok");
    assert_eq!(certificate.names, ["other.test"]);
    assert!(!certificate.matches_name && !certificate.in_date);
    assert!(phases.tls_us > 0 && phases.total_us >= phases.connect_us + phases.tls_us, "{phases:?}");
}
