//! Kubeconfigs and certificates that do not let anybody in: one line and a next step, before anything is asked.

use std::path::PathBuf;

use netcheck::discover::{ConnectError, ConnectOptions, Discovery, Notices, Reader, connect};
use netcheck::model::{Query, Resource};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::api_faults_server::ApiServer;

fn kubeconfig(place: &TempDir, user: &str) -> PathBuf {
    let path = place.path().join("config");
    let text = format!(
        "current-context: prod\ncontexts:\n- {{name: prod, context: {{cluster: c, user: u}}}}\n\
         clusters:\n- {{name: c, cluster: {{server: 'https://127.0.0.1:1'}}}}\nusers:\n- name: u\n  user: {user}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

async fn refusal(options: ConnectOptions) -> ConnectError {
    let error = connect(&options, Notices::default()).await.err().expect("refused");
    assert!(!error.cause.contains('\n') && !error.next.is_empty(), "{error:?}");
    error
}

#[tokio::test]
async fn a_missing_or_broken_file_is_named() {
    let place = tempfile::tempdir().unwrap();
    let gone = place.path().join("gone");
    let error = refusal(ConnectOptions { kubeconfig: Some(gone.clone()), ..ConnectOptions::default() }).await;
    assert!(error.cause.starts_with(&format!("cannot read the kubeconfig {}: ", gone.display())), "{error}");
    let broken = place.path().join("broken");
    std::fs::write(&broken, "clusters: [").unwrap();
    let error = refusal(ConnectOptions { kubeconfig: Some(broken), ..ConnectOptions::default() }).await;
    assert!(error.cause.starts_with("the kubeconfig is broken: "), "{error}");
}

#[tokio::test]
async fn an_unknown_context_names_the_nearest() {
    let place = tempfile::tempdir().unwrap();
    let options = ConnectOptions {
        kubeconfig: Some(kubeconfig(&place, "{token: t}")),
        context: Some(String::from("porod")),
        ..ConnectOptions::default()
    };
    let error = refusal(options).await;
    assert_eq!(
        (error.cause.as_str(), error.next.as_str()),
        ("context porod is not in the kubeconfig", "use one that exists, such as prod")
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_failing_login_plugin_is_told() {
    let place = tempfile::tempdir().unwrap();
    for command in ["/bin/false", "/no/such/login-plugin"] {
        let user =
            format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}, interactiveMode: Never}}}}");
        let options = ConnectOptions { kubeconfig: Some(kubeconfig(&place, &user)), ..ConnectOptions::default() };
        let error = refusal(options).await;
        assert!(error.cause.starts_with("the kubeconfig's login does not work: "), "{command}: {error}");
    }
}

#[tokio::test]
async fn an_expired_client_certificate_is_seen_before_it_is_sent() {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![String::from("me")]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2019, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2020, 1, 2);
    let certificate = parameters.self_signed(&key).unwrap();
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(place.path().join("key.pem"), key.serialize_pem()).unwrap();
    let user = "{client-certificate: cert.pem, client-key: key.pem}";
    let error = refusal(ConnectOptions { kubeconfig: Some(kubeconfig(&place, user)), ..ConnectOptions::default() }).await;
    assert!(error.cause.starts_with("the client certificate in the kubeconfig expired on Jan 2 00:00:00 2020"), "{error}");
    // with another way to log in it is not the one that counts
    let user = "{client-certificate: cert.pem, client-key: key.pem, token: t}";
    let options = ConnectOptions { kubeconfig: Some(kubeconfig(&place, user)), ..ConnectOptions::default() };
    assert!(connect(&options, Notices::default()).await.is_ok());
}

/// What a run says of a server whose certificate is for this name and signed by a CA, when the kubeconfig names the
/// server's certificate itself as the authority, or the CA.
async fn over_tls(name: &str, trusts_leaf: bool) -> ConnectError {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "a CA");
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let chain = vec![CertificateDer::from(leaf.der().to_vec())];
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let server = ApiServer::start_tls(config).await;
    let place = tempfile::tempdir().unwrap();
    let authority = place.path().join("ca.pem");
    std::fs::write(&authority, if trusts_leaf { leaf.pem() } else { ca_pem }).unwrap();
    let options = ConnectOptions { certificate_authority: Some(authority), ..server.options() };
    let mut discovery = Discovery::new(Reader::Live(connect(&options, Notices::default()).await.unwrap()));
    discovery.ask(&[Query::all(Resource::Version)]).await;
    discovery.fatal().unwrap_or(ConnectError { cause: String::from("connected"), next: String::new() })
}

#[tokio::test]
async fn a_server_certificate_in_place_of_a_ca_gets_a_hint() {
    assert_eq!(over_tls("localhost", false).await.cause, "connected");
    let error = over_tls("localhost", true).await;
    assert!(error.cause.contains("UnknownIssuer"), "{error}");
    assert!(error.next.contains("is a server certificate, not a CA"), "{}: {}", error.cause, error.next);
}

#[tokio::test]
async fn a_certificate_for_another_name_gets_a_hint() {
    let error = over_tls("elsewhere.example", false).await;
    assert!(error.next.contains("--tls-server-name"), "{}: {}", error.cause, error.next);
}
