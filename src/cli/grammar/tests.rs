use proptest::prelude::*;

use super::*;
use crate::model::{Destination, ObjectRef, Source};

fn defaults() -> Defaults {
    Defaults {
        namespace: None,
        context_namespace: "ctx".into(),
        port: None,
        protocol: None,
        attempts: 3,
        deep: false,
        no_probes: false,
        outside: false,
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn read(line: &str) -> Result<Request, CliError> {
    parse(&words(line), &defaults())
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "the table of cases reads better without borrows")]
fn ok(line: &str, from: (&str, &str, &str), to: Destination, port: Option<PortRef>) {
    let request = read(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    assert_eq!(request.source, Source::Object(ObjectRef::new(from.0, from.1, from.2)), "{line}");
    assert_eq!(request.destination, to, "{line}");
    assert_eq!(request.port, port, "{line}");
}

fn service(namespace: &str, name: &str) -> Destination {
    Destination::Object(ObjectRef::service(namespace, name))
}

#[expect(clippy::unnecessary_wraps, reason = "the table of cases compares with the option")]
fn number(port: u16) -> Option<PortRef> {
    Some(PortRef::Number(port))
}

#[test]
fn objects() {
    let client = ("pod", "ctx", "client");
    ok("pod client to svc web", client, service("ctx", "web"), None);
    ok("client to svc/web", client, service("ctx", "web"), None);
    ok("po/client to services/web:80", client, service("ctx", "web"), number(80));
    ok("pod/client to svc web:http", client, service("ctx", "web"), Some(PortRef::Name("http".into())));
    ok("client to ep/web", client, service("ctx", "web"), None);
    let ingress = |ns: &str| Destination::Object(ObjectRef::new("ingress", ns, "web"));
    ok("client to ing/web", client, ingress("ctx"), None);
    ok("client to ingresses.networking.k8s.io/shop/web:8443", client, ingress("shop"), number(8443));
    ok("client to pod/x:8080", client, Destination::Object(ObjectRef::pod("ctx", "x")), number(8080));
    ok(
        "deploy/a to deployments.apps/b",
        ("deployment", "ctx", "a"),
        Destination::Object(ObjectRef::new("deployment", "ctx", "b")),
        None,
    );
    ok(
        "cj nightly to sts/db:5432",
        ("cronjob", "ctx", "nightly"),
        Destination::Object(ObjectRef::new("statefulset", "ctx", "db")),
        number(5432),
    );
    ok("client to node/worker-1:10250", client, Destination::Node("worker-1".into()), number(10250));
    ok("client to no worker-1", client, Destination::Node("worker-1".into()), None);
    assert_eq!(read("node/n1 to svc web").map(|r| r.source), Ok(Source::Node("n1".into())));
}

#[test]
fn namespaces() {
    let there = ("pod", "shop", "client");
    // the source's own namespace also holds for the destination: that is where the pod would look
    ok("shop/client to svc web", there, service("shop", "web"), None);
    ok("pod shop/client to svc db/pg:5432", there, service("db", "pg"), number(5432));
    ok("pod/shop/client to service/db/pg", there, service("db", "pg"), None);
    ok("prod/client to svc web", ("pod", "prod", "client"), service("prod", "web"), None);
    let flag = Defaults { namespace: Some("flag".into()), ..defaults() };
    let request = parse(&words("shop/client to svc web"), &flag).expect("reads");
    assert_eq!(request.destination, service("flag", "web"));
    assert_eq!(request.namespace, "flag");
}

#[test]
fn addresses_names_and_fixed_words() {
    let client = ("pod", "ctx", "client");
    ok("client to 10.0.0.1", client, Destination::Ip([10, 0, 0, 1].into()), None);
    ok("client to 10.0.0.1:80", client, Destination::Ip([10, 0, 0, 1].into()), number(80));
    ok("client to fd00::1", client, Destination::Ip("fd00::1".parse().expect("address")), None);
    ok("client to [fd00::1]:443", client, Destination::Ip("fd00::1".parse().expect("address")), number(443));
    ok("client to web.shop:80", client, Destination::Name("web.shop".into()), number(80));
    ok("client to web", client, Destination::Name("web".into()), None);
    ok("client to example.com.", client, Destination::Name("example.com.".into()), None);
    ok("client to https://web.shop/path?q=1", client, Destination::Url("https://web.shop/path?q=1".into()), None);
    ok("client to http://[fd00::1]:8080/", client, Destination::Url("http://[fd00::1]:8080/".into()), None);
    ok("client to apiserver", client, Destination::ApiServer, None);
    ok("client to internet:443", client, Destination::Internet, number(443));
    ok("client to dns", client, Destination::Dns, None);
}

#[test]
fn objects_named_to() {
    ok("pod to to svc to", ("pod", "ctx", "to"), service("ctx", "to"), None);
    ok("to to to", ("pod", "ctx", "to"), Destination::Name("to".into()), None);
}

#[test]
fn errors_name_the_cause_and_the_next_step() {
    let cases = [
        ("", "no question"),
        ("pod client svc web", "no \"to\" between source and destination in \"pod client svc web\""),
        ("pod client to", "no destination after \"to\""),
        ("to svc web", "no source before \"to\""),
        ("client to scv web", "destination: unknown kind \"scv\": did you mean \"svc\"?"),
        ("client to scv/web", "destination: unknown kind \"scv\": did you mean \"svc\"?"),
        ("client to svc web svc api", "more than one destination: \"svc web svc api\""),
        ("pod a pod b to svc web", "more than one source: \"pod a pod b\""),
        ("client to ns shop", "destination: a namespace neither sends nor receives traffic (\"ns\")"),
        ("ing/web to pod client", "source: ingress \"web\" sends no traffic: the pods of its controller do"),
        ("svc web to pod client", "source: Service \"web\" sends no traffic: the pods behind it do"),
        ("pod client:80 to svc web", "source: a source has no port, and \":80\" was written behind it"),
        ("10.0.0.1 to svc web", "source: \"10.0.0.1\" is no place netcheck can start from"),
        ("client to svc web:0", "destination: \"0\" is no port"),
        ("client to svc web:70000", "destination: \"70000\" is no port"),
        ("client to svc web:HTTP", "destination: \"HTTP\" is no port"),
        ("client to svc", "destination: \"svc\" is a kind without a name"),
        ("pod to svc web", "source: \"pod\" is a kind without a name"),
        ("client to svc/", "destination: a name is missing"),
        ("client to svc/We_b", "destination: \"We_b\" cannot be the name of an object"),
        ("client to a/b/c/d", "destination: cannot read \"a/b/c/d\""),
        ("client to 10.0.0.0/8", "destination: \"10.0.0.0/8\" is a range of addresses"),
        ("client to [fd00::1", "destination: \"[fd00::1\" is no IPv6 address"),
        ("client to [10.0.0.1]:80", "destination: \"[10.0.0.1]:80\" is no IPv6 address"),
        ("client to [fe80::1%eth0]:80", "destination: \"[fe80::1%eth0]:80\" names an interface of one machine"),
        ("client to ftp://web", "destination: \"ftp://web\" is no URL netcheck can ask: only http and https are known"),
        ("client to http://u:p@web", "destination: a URL with a user name or a password is not taken"),
        ("client to we!b", "destination: \"we!b\" is no DNS name"),
        ("client to node/shop/n1", "destination: a node belongs to no namespace"),
    ];
    for (line, cause) in cases {
        let error = read(line).expect_err(line);
        assert_eq!(error.cause, cause, "{line}");
        assert!(!error.next.is_empty() && !error.next.contains('\n') && !error.cause.contains('\n'), "{line}");
    }
}

#[test]
fn a_port_is_written_once() {
    let flag = |port: &str| Defaults { port: Some(port.into()), ..defaults() };
    assert_eq!(parse(&words("client to svc web"), &flag("http")).map(|r| r.port), Ok(Some(PortRef::Name("http".into()))));
    assert_eq!(parse(&words("client to svc web:80"), &flag("80")).map(|r| r.port), Ok(number(80)));
    assert_eq!(
        parse(&words("client to svc web:80"), &flag("81")).map_err(|e| e.cause),
        Err("two ports: 80 behind the destination, and --port 81".into())
    );
    assert_eq!(
        parse(&words("client to http://web"), &flag("81")).map_err(|e| e.cause),
        Err("--port and a URL both say the port".into())
    );
    assert_eq!(parse(&words("client to svc web"), &flag("-")).map_err(|e| e.cause), Err("--port: \"-\" is no port".into()));
}

proptest! {
    /// Any words give a request or one clean line.
    #[test]
    fn never_panics(words in proptest::collection::vec(".{0,24}", 0..7), port in proptest::option::of(".{0,8}")) {
        let outcome = parse(&words, &Defaults { port, ..defaults() });
        if let Err(error) = outcome {
            prop_assert!(!error.cause.chars().chain(error.next.chars()).any(char::is_control), "{error:?}");
        }
    }

    /// The same, nearer to the grammar.
    #[test]
    fn never_panics_near_the_grammar(
        words in proptest::collection::vec("(to|pod|svc|node|deploy|[a-z]{1,3}|[a-z:/.\\[\\]0-9%]{0,12}|http://[a-z:@\\[\\]/]{0,8})", 0..6),
    ) {
        if let Err(error) = parse(&words, &defaults()) {
            prop_assert!(!error.cause.is_empty() && !error.next.is_empty());
        }
    }
}

#[test]
fn slips_of_the_tongue_are_told_the_right_words() {
    let cases = [
        (&["pod", "client", "to", "svc", "web.shop"][..], "write svc/shop/web, or web.shop without a kind for the DNS name"),
        (&["pod", "client", "to", "svc", "web/80"], "write svc/web:80"),
        (&["pod", "client", "to", "svc/web", "8080:80"], "write svc/web:80"),
        (&["pod", "client", "to", "10.96.999.1:80"], "its four numbers go from 0 to 255"),
        (&["pod client to svc web"], "leave the quotes out: kubectl netcheck pod client to svc web"),
    ];
    for (words, next) in cases {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let error = parse(&words, &defaults()).expect_err("refused");
        assert_eq!(error.next, next, "{words:?}");
    }
}
