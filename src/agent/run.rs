//! One run: requests in, answers out, until it is told to stop.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout_at};

use super::lines::{Line, next_line};
use super::{idle, log, probe};
use crate::probe::{ProbeOutcome, ProbeSpec};
use crate::protocol::{FromAgent, MAX_LINE, ToAgent, VERSION};

/// Probes that run at the same time. More requests wait in the pipe.
const SIDE_BY_SIDE: usize = 16;

/// No run lasts longer, whatever it was asked: a client that vanished must not leave probes behind.
const LIFETIME: Duration = Duration::from_secs(300);

/// How often an idling agent is told that it is still needed.
const TOUCH: Duration = Duration::from_secs(30);

/// Why a line was refused keeps no more than this many characters of it.
const WHY_CHARACTERS: usize = 300;

/// Speaks the protocol on standard input and output.
pub(super) async fn run() -> ExitCode {
    let touching = tokio::spawn(async {
        let mut ticks = interval(TOUCH);
        loop {
            ticks.tick().await;
            idle::touch();
        }
    });
    let served = serve(tokio::io::stdin(), tokio::io::stdout(), LIFETIME).await;
    touching.abort();
    idle::touch();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(&format!("cannot write answers: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Reads requests until `Stop`, the end of the input or the end of the lifetime, and answers each. An error means that
/// nobody reads the answers any more.
async fn serve<R, W>(input: R, output: W, lifetime: Duration) -> io::Result<()>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (answers, queue) = mpsc::channel(SIDE_BY_SIDE);
    let writer = tokio::spawn(write(output, queue));
    // The writer is the only one to know that the reader has gone, and then nothing else matters.
    let lost = answers.clone();
    tokio::select! {
        () = answer_all(input, answers, Instant::now() + lifetime) => {}
        () = lost.closed() => {}
    }
    drop(lost);
    writer.await.map_err(io::Error::other)?
}

async fn write<W: AsyncWrite + Unpin>(mut output: W, mut queue: mpsc::Receiver<FromAgent>) -> io::Result<()> {
    while let Some(answer) = queue.recv().await {
        let mut line = serde_json::to_vec(&answer).map_err(io::Error::other)?;
        line.push(b'\n');
        output.write_all(&line).await?;
        output.flush().await?;
    }
    Ok(())
}

async fn answer_all<R>(input: R, answers: mpsc::Sender<FromAgent>, end: Instant)
where
    R: AsyncRead + Unpin + Send + 'static,
{
    // A failed send means that the writer has ended; `serve` sees that and drops this whole function.
    drop(answers.send(hello()).await);
    let mut lines = lines_of(input);
    let permits = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut open = JoinSet::new();
    loop {
        // A place first, then a line: what cannot run yet stays in the pipe instead of in memory.
        let Ok(Ok(permit)) = timeout_at(end.into(), Arc::clone(&permits).acquire_owned()).await else { break };
        let Ok(Some(line)) = timeout_at(end.into(), lines.recv()).await else { break };
        while open.try_join_next().is_some() {}
        match read_request(line) {
            Request::Run { id, spec, deadline } => {
                let answers = answers.clone();
                let until = end.min(Instant::now() + deadline);
                open.spawn(async move {
                    let answer = probe_until(id, spec, until).await;
                    drop(answers.send(answer).await);
                    drop(permit);
                });
            }
            Request::Answer(answer) => drop(answers.send(answer).await),
            Request::Nothing => {}
            Request::Stop => break,
        }
    }
    while open.join_next().await.is_some() {}
    drop(answers.send(FromAgent::Bye { peak_kib: peak_kib() }).await);
}

async fn probe_until(id: u32, spec: ProbeSpec, until: Instant) -> FromAgent {
    let started = Instant::now();
    let outcome = timeout_at(until.into(), probe::run(spec)).await.unwrap_or_else(|_| {
        let ms = started.elapsed().as_millis();
        ProbeOutcome::NotRun { why: format!("time ran out: not finished after {ms} ms") }
    });
    FromAgent::Done { id, outcome, elapsed_us: probe::micros(started.elapsed()) }
}

fn hello() -> FromAgent {
    FromAgent::Hello {
        protocol: VERSION,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        can: ProbeSpec::NAMES.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Reads lines in a task of its own, since a read that is given up would lose what it had read so far.
fn lines_of<R>(input: R) -> mpsc::Receiver<Line>
where
    R: AsyncRead + Unpin + Send + 'static,
{
    let (lines, queue) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut reader = BufReader::new(input);
        loop {
            match next_line(&mut reader, MAX_LINE).await {
                Ok(Line::End) => return,
                Ok(line) => {
                    if lines.send(line).await.is_err() {
                        return;
                    }
                }
                Err(error) => return log(&format!("cannot read requests: {error}")),
            }
        }
    });
    queue
}

/// What a line asks for.
enum Request {
    Run {
        id: u32,
        spec: ProbeSpec,
        deadline: Duration,
    },
    Stop,
    /// Nothing to run, but something to say.
    Answer(FromAgent),
    /// An empty line.
    Nothing,
}

fn read_request(line: Line) -> Request {
    let bytes = match line {
        Line::Text(bytes) => bytes,
        Line::TooLong => return refused(None, &format!("line longer than {MAX_LINE} bytes")),
        Line::End => return Request::Stop,
    };
    if bytes.trim_ascii().is_empty() {
        return Request::Nothing;
    }
    match serde_json::from_slice(&bytes) {
        Ok(ToAgent::Run { id, spec, deadline_ms }) => read_spec(id, spec, Duration::from_millis(deadline_ms)),
        Ok(ToAgent::Stop {}) => Request::Stop,
        // The id, where there is one, lets the other side fail that request instead of waiting for it.
        Err(error) => refused(id_of(&bytes), &format!("not a request: {error}")),
    }
}

fn read_spec(id: u32, spec: Value, deadline: Duration) -> Request {
    let name = spec.get("probe").and_then(Value::as_str).unwrap_or_default();
    if !name.is_empty() && !ProbeSpec::NAMES.contains(&name) {
        let why = cut(&format!("agent {} does not know the probe {name:?}", env!("CARGO_PKG_VERSION")));
        return Request::Answer(FromAgent::Done { id, outcome: ProbeOutcome::NotRun { why }, elapsed_us: 0 });
    }
    match serde_json::from_value(spec) {
        Ok(spec) => Request::Run { id, spec, deadline: deadline.min(LIFETIME) },
        Err(error) => refused(Some(id), &format!("not a probe: {error}")),
    }
}

fn id_of(bytes: &[u8]) -> Option<u32> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    u32::try_from(value.get("id")?.as_u64()?).ok()
}

fn refused(id: Option<u32>, why: &str) -> Request {
    Request::Answer(FromAgent::Refused { id, why: cut(why) })
}

fn cut(text: &str) -> String {
    text.chars().take(WHY_CHARACTERS).collect()
}

/// Peak resident memory. From /proc and not from getrusage(2), whose figure includes what the process that started
/// this one had used before it called exec.
fn peak_kib() -> u64 {
    std::fs::read_to_string("/proc/self/status").ok().and_then(|status| peak_in(&status)).unwrap_or(0)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, duplex};

    use super::{peak_in, serve};
    use crate::probe::ProbeOutcome;
    use crate::protocol::FromAgent;

    #[test]
    fn peak_memory_is_read_from_the_status_file() {
        let status = "Name:\tnetcheck-agent\nVmPeak:\t    9012 kB\nVmHWM:\t    2204 kB\nVmRSS:\t    2204 kB\n";
        assert_eq!(peak_in(status), Some(2204));
        assert_eq!(peak_in("Name:\tkthreadd\n"), None);
    }

    #[tokio::test]
    async fn a_run_ends_with_its_lifetime_and_says_what_it_left_open() {
        let (ours, theirs) = duplex(1 << 16);
        let (input, output) = tokio::io::split(theirs);
        let served = tokio::spawn(serve(input, output, Duration::from_millis(300)));
        let (read, mut write) = tokio::io::split(ours);
        // bound and never answering
        let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let spec =
            format!(r#"{{"probe":"udp","ip":"127.0.0.1","port":{port},"attempts":1,"timeout_ms":900000,"payload_hex":""}}"#);
        let line = format!("{{\"type\":\"run\",\"id\":1,\"spec\":{spec},\"deadline_ms\":900000}}\n");
        write.write_all(line.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(read).lines();
        let mut next = async || serde_json::from_str::<FromAgent>(&lines.next_line().await.unwrap().unwrap()).unwrap();
        assert!(matches!(next().await, FromAgent::Hello { .. }));
        assert!(matches!(next().await, FromAgent::Done { id: 1, outcome: ProbeOutcome::NotRun { .. }, .. }));
        assert!(matches!(next().await, FromAgent::Bye { .. }));
        served.await.unwrap().unwrap();
    }
}
