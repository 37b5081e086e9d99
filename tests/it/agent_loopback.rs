//! Starts the real agent, speaks with it over pipes, and lets it probe this machine's loopback.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a helper of a test may panic"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use netcheck::probe::{Answer, ProbeOutcome, ProbeSpec, Refuser, TcpAttempt};
use netcheck::protocol::{FromAgent, MAX_LINE, VERSION};
use serde_json::json;

use crate::agent_process::{Agent, agent};

fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn the_first_line_says_who_speaks() {
    let FromAgent::Hello { protocol, build, can } = Agent::start(agent(&["run"])).next() else { panic!("no hello") };
    assert_eq!((protocol, build.as_str()), (VERSION, env!("CARGO_PKG_VERSION")));
    assert_eq!(can, ProbeSpec::NAMES);
}

#[test]
fn stop_and_the_end_of_input_end_the_run() {
    let mut agent = Agent::greeted();
    agent.say(r#"{"type":"stop"}"#);
    let peak_kib = agent.end();
    assert!((500..16 * 1024).contains(&peak_kib), "{peak_kib} KiB");
    let mut agent = Agent::greeted();
    agent.input = None;
    agent.end();
}

#[test]
fn what_is_open_is_answered_before_the_end() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut agent = Agent::greeted();
    agent
        .ask(1, &json!({"probe": "udp", "ip": "127.0.0.1", "port": port, "attempts": 1, "timeout_ms": 300, "payload_hex": "00"}));
    agent.say(r#"{"type":"stop"}"#);
    let FromAgent::Done { id: 1, outcome: ProbeOutcome::Udp(udp), .. } = agent.next() else { panic!() };
    assert_eq!((udp.answered, udp.silent, udp.refused_by), (0, 1, None));
    agent.end();
}

#[test]
fn requests_it_cannot_read_are_refused_by_id_where_there_is_one() {
    let mut agent = Agent::greeted();
    let refused = |answer: FromAgent| match answer {
        FromAgent::Refused { id, why } => (id, why),
        other => panic!("{other:?}"),
    };
    agent.say("garbage");
    assert_eq!(refused(agent.next()).0, None);
    agent.say(r#"{"type":"run","id":3,"spec":{"probe":"sockets"},"deadline_ms":9,"extra":1}"#);
    assert_eq!(refused(agent.next()).0, Some(3));
    agent.ask(4, &json!({"probe": "sockets", "extra": 1}));
    assert_eq!(refused(agent.next()).0, Some(4));
    agent.ask(5, &json!({"probe": "quantum", "extra": 1}));
    let FromAgent::Done { id: 5, outcome: ProbeOutcome::NotRun { why }, .. } = agent.next() else { panic!() };
    assert!(why.contains("quantum"), "{why}");
    agent.say(r#"{"type":"stop"}"#);
    agent.end();
}

#[test]
fn a_huge_line_is_refused_and_not_kept() {
    let mut agent = Agent::greeted();
    let piece = "x".repeat(MAX_LINE);
    for _ in 0..64 {
        agent.input.as_mut().unwrap().write_all(piece.as_bytes()).unwrap();
    }
    agent.say("");
    let FromAgent::Refused { id: None, why } = agent.next() else { panic!() };
    assert!(why.contains("1048576"), "{why}");
    agent.say(r#"{"type":"stop"}"#);
    let peak_kib = agent.end();
    assert!(peak_kib < 16 * 1024, "{peak_kib} KiB");
}

#[test]
fn a_deadline_leaves_a_probe_not_run() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut agent = Agent::greeted();
    let spec = json!({"probe": "udp", "ip": "127.0.0.1", "port": port, "attempts": 9, "timeout_ms": 60_000, "payload_hex": ""});
    agent.say(&json!({"type": "run", "id": 1, "spec": spec, "deadline_ms": 100}).to_string());
    let FromAgent::Done { id: 1, outcome: ProbeOutcome::NotRun { why }, elapsed_us } = agent.next() else { panic!() };
    assert!(why.contains("time ran out"), "{why}");
    // the time from the request to the probe's start counts for the deadline and not for the probe
    assert!((50_000..5_000_000).contains(&elapsed_us), "{elapsed_us}");
}

#[test]
fn probes_run_side_by_side() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut agent = Agent::greeted();
    let started = Instant::now();
    for id in 0..12 {
        agent.ask(
            id,
            &json!({"probe": "udp", "ip": "127.0.0.1", "port": port, "attempts": 1, "timeout_ms": 500, "payload_hex": "00"}),
        );
    }
    for _ in 0..12 {
        assert!(matches!(agent.next(), FromAgent::Done { .. }));
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let mut agent = agent(&["run"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(agent.stdout.take());
    let mut input = agent.stdin.take().unwrap();
    // the write may fail as well, once the agent has gone
    drop(input.write_all(b"garbage\ngarbage\n"));
    let status = wait(&mut agent, Duration::from_secs(5));
    assert_eq!(status, Some(1));
}

/// The exit code, when it ends in time; 128 and the signal's number when a signal ended it.
fn wait(child: &mut Child, limit: Duration) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;

    let until = Instant::now() + limit;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().or(status.signal().map(|signal| 128 + signal));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[test]
fn a_tcp_port_that_listens_opens() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let outcome = Agent::probe(&json!({"probe": "tcp", "ip": "127.0.0.1", "port": port, "attempts": 3, "timeout_ms": 2000}));
    let ProbeOutcome::Tcp(tcp) = outcome else { panic!("{outcome:?}") };
    assert!(tcp.all_opened() && tcp.attempts.len() == 3, "{tcp:?}");
    let TcpAttempt::Opened { local, .. } = &tcp.attempts[0] else { panic!() };
    assert_eq!(*local, listener.accept().unwrap().1.to_string(), "the peer saw this address");
    assert_eq!((tcp.connect.tries, tcp.connect.lost), (3, 0));
}

#[test]
fn a_tcp_port_that_does_not_listen_is_refused_by_a_reset() {
    let outcome =
        Agent::probe(&json!({"probe": "tcp", "ip": "127.0.0.1", "port": closed_port(), "attempts": 2, "timeout_ms": 2000}));
    let ProbeOutcome::Tcp(tcp) = outcome else { panic!("{outcome:?}") };
    assert!(tcp.none_opened());
    assert!(matches!(tcp.telling_failure(), Some(TcpAttempt::Refused { by: Refuser::Rst {}, .. })), "{tcp:?}");
}

#[test]
fn a_full_backlog_times_out() {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let port = listener.local_addr().unwrap().as_socket().unwrap().port();
    // a backlog of 0 holds one connection; the kernel drops what comes after
    let _held = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let outcome = Agent::probe(&json!({"probe": "tcp", "ip": "127.0.0.1", "port": port, "attempts": 2, "timeout_ms": 300}));
    let ProbeOutcome::Tcp(tcp) = outcome else { panic!("{outcome:?}") };
    assert_eq!(tcp.attempts, [TcpAttempt::TimedOut { after_ms: 300 }, TcpAttempt::TimedOut { after_ms: 300 }]);
    assert_eq!((tcp.connect.tries, tcp.connect.lost), (2, 2));
}

#[test]
fn udp_tells_answer_and_refusal_apart() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let echo = std::thread::spawn(move || {
        let mut buffer = [0; 16];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        server.send_to(b"pong", from).unwrap();
        buffer[..length].to_vec()
    });
    let spec = |port| json!({"probe": "udp", "ip": "127.0.0.1", "port": port, "attempts": 1, "timeout_ms": 2000, "payload_hex": "c0ffee"});
    let ProbeOutcome::Udp(udp) = Agent::probe(&spec(port)) else { panic!() };
    assert_eq!((udp.answered, udp.refused_by, udp.silent), (1, None, 0));
    assert_eq!(echo.join().unwrap(), [0xc0, 0xff, 0xee]);
    // the port is free again
    let ProbeOutcome::Udp(udp) = Agent::probe(&spec(port)) else { panic!() };
    let by = Refuser::Icmp { from: Ipv4Addr::LOCALHOST.into(), icmp_type: 3, code: 3 };
    assert_eq!((udp.answered, udp.refused_by, udp.silent), (0, Some(by), 0));
}

/// Answers one query over UDP: the question's own bytes with these flags, and one A record unless the code is an error.
fn dns_server(code: u8) -> (u16, std::thread::JoinHandle<()>) {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        let query = &buffer[..length];
        let mut answer = [&query[..2], &[0x81, 0x80 | code], &query[4..]].concat();
        // forged first: another id, which must be passed over
        let mut forged = answer.clone();
        forged[0] ^= 0xff;
        server.send_to(&forged, from).unwrap();
        if code == 0 {
            answer[7] = 1;
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 96, 0, 7]);
        }
        server.send_to(&answer, from).unwrap();
    });
    (port, thread)
}

fn dns(port: u16, transport: &str) -> Answer {
    let outcome = Agent::probe(&json!({
        "probe": "dns", "server": "127.0.0.1", "port": port, "name": "web.shop.svc.cluster.local", "record": "A",
        "transport": transport, "attempts": 1, "timeout_ms": 1000,
    }));
    let ProbeOutcome::Dns(mut dns) = outcome else { panic!("{outcome:?}") };
    assert_eq!(dns.query.lost == 0, dns.attempts[0].is_response());
    dns.attempts.remove(0)
}

#[test]
fn dns_reads_the_answer_of_one_server() {
    let (port, thread) = dns_server(0);
    let answer = dns(port, "udp");
    assert_eq!(answer.records(), Some(&[String::from("10.96.0.7")][..]), "{answer:?}");
    thread.join().unwrap();
    let (port, thread) = dns_server(3);
    assert_eq!(dns(port, "udp").code(), Some("NXDOMAIN"));
    thread.join().unwrap();
}

#[test]
fn dns_tells_refused_and_silent_apart() {
    for transport in ["udp", "tcp"] {
        let answer = dns(closed_port(), transport);
        assert!(matches!(answer, Answer::Refused { .. }), "{transport}: {answer:?}");
    }
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let answer = dns(silent.local_addr().unwrap().port(), "udp");
    assert_eq!(answer, Answer::TimedOut { after_ms: 1000 });
}

#[test]
fn dns_over_tcp_reads_a_framed_answer() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).unwrap();
        // truncated, no records
        let answer = [&query[..2], &[0x83, 0x80], &query[4..]].concat();
        stream.write_all(&length).unwrap();
        stream.write_all(&answer).unwrap();
    });
    let answer = dns(port, "tcp");
    assert!(matches!(&answer, Answer::Response { code, truncated: true, .. } if code == "NOERROR"), "{answer:?}");
    assert_eq!(answer.records(), None);
    server.join().unwrap();
}

#[test]
fn the_environment_of_this_machine_is_read() {
    let ProbeOutcome::Environment(found) = Agent::probe(&json!({"probe": "environment"})) else { panic!() };
    assert_eq!(found.errors, [""; 0]);
    let lo = found.interfaces.iter().find(|interface| interface.name == "lo").expect("loopback");
    assert!(lo.addresses.contains(&String::from("127.0.0.1/8")) && lo.up, "{lo:?}");
    assert_eq!(lo.mtu, std::fs::read_to_string("/sys/class/net/lo/mtu").unwrap().trim().parse().ok());
    assert_eq!(found.kernel, std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim());
    assert!(found.resolv_conf.is_some());
}

#[test]
fn a_listener_of_this_machine_is_found() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let bound = listener.local_addr().unwrap();
    let ProbeOutcome::Sockets(found) = Agent::probe(&json!({"probe": "sockets"})) else { panic!() };
    assert_eq!(found.error, None);
    assert!(found.listening.iter().any(|socket| socket.ip == bound.ip() && socket.port == bound.port()));
}

#[test]
fn the_version_is_printed_and_nonsense_is_refused() {
    let output = agent(&["version"]).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("netcheck-agent {} protocol {VERSION}\n", env!("CARGO_PKG_VERSION"))
    );
    for words in [&["fly"][..], &[], &["idle", "--ttl", "soon"]] {
        let output = agent(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty() && output.stderr.starts_with(b"usage: "), "{words:?}");
    }
}

#[test]
fn idle_ends_by_itself_and_at_once_on_a_signal() {
    let mut idle = agent(&["idle", "--ttl", "1"]).spawn().unwrap();
    // other runs on this machine may have told it to stay
    assert_eq!(wait(&mut idle, Duration::from_secs(30)), Some(0));
    for signal in ["TERM", "INT"] {
        let mut idle = agent(&["idle"]).spawn().unwrap();
        await_handlers(idle.id());
        kill(signal, idle.id());
        assert_eq!(wait(&mut idle, Duration::from_secs(1)), Some(0), "{signal}");
    }
}

#[test]
fn a_run_keeps_an_idling_agent_alive() {
    let started = Instant::now();
    let mut idle = agent(&["idle", "--ttl", "3"]).spawn().unwrap();
    await_handlers(idle.id());
    while started.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut run = Agent::greeted();
    run.say(r#"{"type":"stop"}"#);
    run.end();
    assert_eq!(wait(&mut idle, Duration::from_secs(20)), Some(0));
    assert!(started.elapsed() > Duration::from_millis(4500), "{:?}", started.elapsed());
}

/// Waits until the process handles SIGURG, the last handler it installs.
fn await_handlers(pid: u32) {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        if u64::from_str_radix(caught, 16).unwrap() & (1 << 22) != 0 {
            return;
        }
        assert!(Instant::now() < until, "no handlers");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap().success());
}
