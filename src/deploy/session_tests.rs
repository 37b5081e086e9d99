//! The session against peers that behave badly, over an in-memory pipe.

use tokio::io::{DuplexStream, duplex, split};

use super::*;
use crate::probe::{EnvironmentSpec, SocketsSpec, TcpSpec};

const HELLO_LINE: &str = r#"{"type":"hello","protocol":1,"build":"0.1.0","can":["environment","sockets"]}"#;

/// A session and the other end of it. `ending` is what the runtime says of the process.
fn pair(ending: Option<&'static str>) -> (Channel, DuplexStream) {
    let (ours, theirs) = duplex(64 * 1024);
    let (output, input) = split(ours);
    let ending = Box::pin(async move {
        // a connection tells the end of the process only when there is one
        tokio::time::sleep(Duration::from_millis(if ending.is_some() { 50 } else { 100_000 })).await;
        ending.map(str::to_owned)
    });
    (Channel { output: Box::new(output), input: Box::new(input), ending, keep: Box::new(()) }, theirs)
}

async fn greeted(first: &str, ending: Option<&'static str>) -> (Result<Session, NoHello>, DuplexStream) {
    let (channel, mut peer) = pair(ending);
    peer.write_all(format!("{first}\n").as_bytes()).await.unwrap();
    (Session::greet(channel).await, peer)
}

fn two() -> [ProbeSpec; 2] {
    [ProbeSpec::Environment(EnvironmentSpec {}), ProbeSpec::Sockets(SocketsSpec {})]
}

/// Asks for two probes and lets the peer say `lines` once, then close or stay.
async fn answers(lines: &[u8], ending: Option<&'static str>, stays: bool) -> Vec<ProbeOutcome> {
    let (session, peer) = greeted(HELLO_LINE, ending).await;
    let mut session = session.unwrap_or_else(|no| panic!("{no:?}"));
    let lines = lines.to_vec();
    let speaker = tokio::spawn(async move {
        let (mut from_us, mut to_us) = split(peer);
        // somebody has to take the requests
        let drain = tokio::spawn(async move { tokio::io::copy(&mut from_us, &mut tokio::io::sink()).await });
        drop(to_us.write_all(&lines).await);
        if stays {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        drain.abort();
    });
    let got = session.run(&two(), Duration::from_millis(10), &CancellationToken::new()).await;
    speaker.abort();
    got.into_iter().map(|(outcome, _)| outcome).collect()
}

fn why(outcome: &ProbeOutcome) -> &str {
    let ProbeOutcome::NotRun { why } = outcome else { panic!("{outcome:?}") };
    why
}

const DONE_1: &str = r#"{"type":"done","id":1,"outcome":{"probe":"environment","interfaces":[],"routes":[],"resolv_conf":null,"kernel":"6","errors":[]},"elapsed_us":7}"#;
const DONE_2: &str = r#"{"type":"done","id":2,"outcome":{"probe":"sockets","listening":[],"error":null},"elapsed_us":9}"#;

#[tokio::test]
async fn answers_come_back_in_the_order_asked() {
    let got = answers(format!("{DONE_2}\n{{\"type\":\"news\"}}\n{DONE_1}\n").as_bytes(), None, true).await;
    assert!(matches!(got[0], ProbeOutcome::Environment(_)) && matches!(got[1], ProbeOutcome::Sockets(_)), "{got:?}");
}

#[tokio::test]
async fn a_cut_in_the_middle_keeps_what_was_answered() {
    let half = format!("{DONE_1}\n{}", &DONE_2[..40]);
    let got = answers(half.as_bytes(), None, false).await;
    assert!(matches!(got[0], ProbeOutcome::Environment(_)));
    assert_eq!(why(&got[1]), "the agent sent a line that is no answer: it ends in the middle");
}

#[tokio::test]
async fn a_killed_agent_is_told_from_a_lost_connection() {
    let killed = answers(b"", Some("command terminated with exit code 137"), false).await;
    assert_eq!(why(&killed[0]), "the agent was killed (exit code 137), most often because the pod ran out of memory");
    let lost = answers(b"", None, false).await;
    assert_eq!(why(&lost[1]), "the connection to the agent was cut");
}

#[tokio::test]
async fn garbage_huge_lines_and_floods_end_the_run() {
    let got = answers(b"\x1b[2Jnot json\n", None, true).await;
    assert!(why(&got[0]).starts_with("the agent sent a line that is no answer: "), "{got:?}");
    assert!(!why(&got[0]).contains('\x1b'));
    let got = answers(&vec![b'x'; MAX_LINE + 10], None, true).await;
    assert_eq!(why(&got[0]), "the agent sent a line longer than 1048576 bytes");
    let line = format!("{{\"type\":\"news\",\"x\":\"{}\"}}\n", "y".repeat(500_000));
    let got = answers(line.repeat(40).as_bytes(), None, true).await;
    assert_eq!(why(&got[0]), "the agent sent more than 16777216 bytes");
}

#[tokio::test]
async fn answers_that_do_not_fit_are_not_believed() {
    let swapped = DONE_2.replace("\"id\":2", "\"id\":1");
    let stranger = DONE_2.replace("\"id\":2", "\"id\":99");
    let refused = r#"{"type":"refused","id":2,"why":"no\nsuch\tprobe"}"#;
    let got = answers(format!("{stranger}\n{swapped}\n{refused}\n{DONE_2}\n").as_bytes(), None, true).await;
    assert_eq!(why(&got[0]), "the agent answered another probe than it was asked");
    assert_eq!(why(&got[1]), "the agent refused: no such probe");
}

#[tokio::test]
async fn silence_ends_with_the_deadline_and_the_session_goes_on() {
    let (session, mut peer) = greeted(HELLO_LINE, None).await;
    let mut session = session.unwrap_or_else(|no| panic!("{no:?}"));
    // half of a late answer arrives before the deadline, the rest with the next wave
    peer.write_all(&DONE_1.as_bytes()[..30]).await.unwrap();
    let cancel = CancellationToken::new();
    let got = session.run(&two(), Duration::from_millis(10), &cancel).await;
    assert_eq!(why(&got[0].0), "the agent did not answer within 1510 ms");
    let next = [DONE_1.replace("\"id\":1", "\"id\":3"), DONE_2.replace("\"id\":2", "\"id\":4")].join("\n");
    peer.write_all(format!("{}\n{next}\n", &DONE_1[30..]).as_bytes()).await.unwrap();
    let got = session.run(&two(), Duration::from_secs(1), &cancel).await;
    assert!(matches!(got[0].0, ProbeOutcome::Environment(_)) && got[1].1 == 9, "{got:?}");
    cancel.cancel();
    let got = session.run(&two(), Duration::from_secs(1), &cancel).await;
    assert_eq!(why(&got[0].0), "the run was ended");
}

#[tokio::test]
async fn a_probe_the_agent_does_not_know_is_not_sent() {
    let (session, _peer) = greeted(HELLO_LINE, None).await;
    let mut session = session.unwrap_or_else(|no| panic!("{no:?}"));
    let spec = ProbeSpec::Tcp(TcpSpec { ip: [10, 0, 0, 1].into(), port: 80, attempts: 1, timeout_ms: 1, wait_ms: 0 });
    let got = session.run(&[spec], Duration::from_secs(1), &CancellationToken::new()).await;
    assert_eq!(why(&got[0].0), "agent 0.1.0 does not know the probe tcp");
}

#[tokio::test]
async fn only_an_agent_of_this_version_is_talked_to() {
    let newer = HELLO_LINE.replace("\"protocol\":1", "\"protocol\":2");
    let (session, _peer) = greeted(&newer, None).await;
    assert_eq!(session.err(), Some(NoHello::OtherVersion { protocol: 2, build: String::from("0.1.0") }));
    let (session, _peer) = greeted("\x1b[31m/ # ", None).await;
    assert!(matches!(session.err(), Some(NoHello::NotAnAgent(why)) if why.starts_with("it said ") && !why.contains('\x1b')));
    let (channel, peer) = pair(Some("no such file or directory"));
    drop(peer);
    assert_eq!(Session::greet(channel).await.err(), Some(NoHello::Ended(Some(String::from("no such file or directory")))));
    let (channel, _peer) = pair(None);
    let silent = Session::greet_within(channel, Duration::from_millis(20)).await.err();
    assert_eq!(silent, Some(NoHello::Silent(Duration::from_millis(20))));
}

#[tokio::test]
async fn stopping_and_dropping_tell_the_agent() {
    let (session, peer) = greeted(HELLO_LINE, None).await;
    let mut session = session.unwrap_or_else(|no| panic!("{no:?}"));
    let (from_us, mut to_us) = split(peer);
    to_us.write_all(b"{\"type\":\"bye\",\"peak_kib\":2204}\n").await.unwrap();
    session.stop().await;
    assert_eq!(session.peak_kib(), Some(2204));
    let mut lines = BufReader::new(from_us).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(r#"{"type":"stop"}"#));

    let (session, peer) = greeted(HELLO_LINE, None).await;
    drop(session);
    let mut lines = BufReader::new(peer).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(r#"{"type":"stop"}"#));
}
