//! One conversation with one agent. What the agent says is untrusted: it runs in somebody's pod.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::discover::one_line;
use crate::probe::{ProbeOutcome, ProbeSpec};
use crate::protocol::{FromAgent, MAX_LINE, MAX_TOTAL, ToAgent, VERSION};

/// How long an agent has to say hello.
const HELLO: Duration = Duration::from_secs(15);

/// What an agent gets beyond a probe's own deadline, to say that time ran out.
const GRACE: Duration = Duration::from_millis(1500);

/// How long the end of the process may take to be told after the end of its output.
const EPILOGUE: Duration = Duration::from_millis(500);

/// How long output may take to arrive after the process has ended.
const REST: Duration = Duration::from_millis(200);

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Says how the agent's process ended, once it has.
pub(super) type Ending = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// The way to an agent's process.
pub(super) struct Channel {
    pub(super) output: Reader,
    pub(super) input: Writer,
    pub(super) ending: Ending,
    /// What must live as long as the conversation.
    pub(super) keep: Box<dyn Send>,
}

/// An agent that said hello.
pub struct Session {
    /// `None` once it is over.
    open: Option<Open>,
    /// Why it is over, when it did not end as it should.
    broken: Option<String>,
    build: String,
    can: Vec<String>,
    next_id: u32,
    peak_kib: Option<u64>,
}

struct Open {
    incoming: Incoming,
    input: Writer,
    keep: Box<dyn Send>,
}

/// The agent's output. A read that is given up loses nothing.
struct Incoming {
    output: BufReader<Reader>,
    /// The beginning of the next line.
    partial: Vec<u8>,
    /// Bytes so far.
    received: usize,
    ending: Ending,
    has_ended: bool,
    /// How the process ended, when the runtime said so.
    status: Option<String>,
}

/// Why there is no conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoHello {
    /// The process ended before it said anything; the text is what the runtime said about it.
    Ended(Option<String>),
    /// It said something else, or nothing.
    NotAnAgent(String),
    /// It said nothing for this long.
    Silent(Duration),
    /// It is an agent of another time.
    OtherVersion { protocol: u32, build: String },
}

/// One answer, with the time the agent took in microseconds.
pub type Answered = (ProbeOutcome, u64);

impl Session {
    /// Waits for the agent's first line.
    pub(super) async fn greet(channel: Channel) -> Result<Self, NoHello> {
        Self::greet_within(channel, HELLO).await
    }

    async fn greet_within(channel: Channel, time: Duration) -> Result<Self, NoHello> {
        let Channel { output, input, ending, keep } = channel;
        let incoming =
            Incoming { output: BufReader::new(output), partial: Vec::new(), received: 0, ending, has_ended: false, status: None };
        let mut open = Open { incoming, input, keep };
        let line = match timeout(time, open.incoming.line()).await {
            Err(_) => return Err(NoHello::Silent(time)),
            Ok(Err(Cut::Ended)) => return Err(NoHello::Ended(open.incoming.how_it_ended().await)),
            Ok(Err(cut)) => return Err(NoHello::NotAnAgent(cut.text())),
            Ok(Ok(line)) => line,
        };
        match serde_json::from_slice(&line) {
            Ok(FromAgent::Hello { protocol, build, can }) if protocol == VERSION => {
                Ok(Self { open: Some(open), broken: None, build, can, next_id: 1, peak_kib: None })
            }
            Ok(FromAgent::Hello { protocol, build, .. }) => Err(NoHello::OtherVersion { protocol, build: one_line(&build) }),
            Ok(FromAgent::Done { .. } | FromAgent::Refused { .. } | FromAgent::Bye { .. } | FromAgent::Unknown) | Err(_) => {
                let start = line.get(..line.len().min(80)).unwrap_or_default();
                Err(NoHello::NotAnAgent(format!("it said {:?}", one_line(&String::from_utf8_lossy(start)))))
            }
        }
    }

    /// The agent's version, as `0.1.0`.
    pub fn build(&self) -> &str {
        &self.build
    }

    /// Peak resident memory of the agent in KiB, once it said goodbye.
    pub fn peak_kib(&self) -> Option<u64> {
        self.peak_kib
    }

    /// Runs probes side by side and answers for each, in the order asked. What has no answer in time is `NotRun`.
    pub async fn run(&mut self, specs: &[ProbeSpec], deadline: Duration, cancel: &CancellationToken) -> Vec<Answered> {
        let mut answers: BTreeMap<u32, Answered> = BTreeMap::new();
        let mut asked: Vec<(u32, &ProbeSpec)> = Vec::new();
        let mut lines: Vec<u8> = Vec::new();
        let first = self.next_id;
        for (id, spec) in (first..).zip(specs) {
            asked.push((id, spec));
            if !self.can.iter().any(|name| name == spec.name()) {
                let why = format!("agent {} does not know the probe {}", one_line(&self.build), spec.name());
                answers.insert(id, (ProbeOutcome::NotRun { why }, 0));
                continue;
            }
            let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
            // Both are plain data: there is nothing in them that JSON cannot say.
            let spec = serde_json::to_value(spec).unwrap_or_default();
            lines.extend(serde_json::to_vec(&ToAgent::Run { id, spec, deadline_ms }).unwrap_or_default());
            lines.push(b'\n');
        }
        self.next_id = first.saturating_add(u32::try_from(specs.len()).unwrap_or(u32::MAX));
        let why = self.exchange(&lines, &asked, &mut answers, deadline, cancel).await;
        let mut answer = |id: u32| {
            let why = why.clone().unwrap_or_else(|| String::from("the agent did not answer"));
            answers.remove(&id).unwrap_or((ProbeOutcome::NotRun { why }, 0))
        };
        asked.iter().map(|(id, _)| answer(*id)).collect()
    }

    /// Sends the requests and collects answers until all are there. The text says why some are missing.
    async fn exchange(
        &mut self,
        lines: &[u8],
        asked: &[(u32, &ProbeSpec)],
        answers: &mut BTreeMap<u32, Answered>,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Option<String> {
        let Some(open) = &mut self.open else {
            return Some(self.broken.clone().unwrap_or_else(|| String::from("the agent has ended")));
        };
        let end = Instant::now() + deadline + GRACE;
        let Open { incoming, input, .. } = open;
        let is_sent = std::sync::atomic::AtomicBool::new(lines.is_empty());
        // Side by side: an agent whose answers nobody reads stops reading requests.
        let send = async {
            // A failed write shows in the answers: there will be none.
            drop(input.write_all(lines).await);
            drop(input.flush().await);
            is_sent.store(true, Ordering::Relaxed);
        };
        let collect = async {
            while answers.len() < asked.len() {
                let line = incoming.line().await?;
                take(&line, asked, answers)?;
            }
            Ok(())
        };
        let outcome = tokio::select! {
            (outcome, ()) = async { tokio::join!(collect, send) } => outcome.map_err(Stop::Cut),
            () = tokio::time::sleep_until(end.into()) => {
                Err(Stop::Early(format!("the agent did not answer within {} ms", (deadline + GRACE).as_millis())))
            }
            () = cancel.cancelled() => Err(Stop::Early(String::from("the run was ended"))),
        };
        let why = match outcome.err()? {
            // Late answers have ids that nobody waits for. Half a request would spoil the next one.
            Stop::Early(why) if is_sent.load(Ordering::Relaxed) => return Some(why),
            Stop::Early(why) => why,
            Stop::Cut(Cut::Ended) => ended(open.incoming.how_it_ended().await.as_deref()),
            Stop::Cut(cut @ (Cut::Io(_) | Cut::TooLong | Cut::TooMuch | Cut::Garbage(_))) => cut.text(),
        };
        self.broken = Some(why.clone());
        self.open = None;
        Some(why)
    }

    /// Ends the conversation and waits a moment for the agent's last line.
    pub async fn stop(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        let goodbye = async {
            open.say_stop().await;
            while let Ok(line) = open.incoming.line().await {
                if let Ok(FromAgent::Bye { peak_kib }) = serde_json::from_slice(&line) {
                    return Some(peak_kib);
                }
            }
            None
        };
        self.peak_kib = timeout(EPILOGUE, goodbye).await.ok().flatten();
    }
}

impl Drop for Session {
    /// A run that is dropped, as on Ctrl-C, still tells the agent.
    fn drop(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                drop(timeout(EPILOGUE, open.say_stop()).await);
                tokio::time::sleep(Duration::from_millis(100)).await;
                drop(open.keep);
            });
        }
    }
}

impl Open {
    async fn say_stop(&mut self) {
        let mut line = serde_json::to_vec(&ToAgent::Stop {}).unwrap_or_default();
        line.push(b'\n');
        // an agent that is gone need not be told
        drop(self.input.write_all(&line).await);
        drop(self.input.flush().await);
    }
}

impl Incoming {
    /// The next line. A connection that breaks ends the process's status, and not always its output.
    async fn line(&mut self) -> Result<Vec<u8>, Cut> {
        if !self.has_ended {
            tokio::select! {
                biased;
                line = read_line(&mut self.output, &mut self.partial, &mut self.received) => return line,
                status = &mut self.ending => (self.has_ended, self.status) = (true, status),
            }
        }
        // What was sent before the end may still be in the pipe.
        let rest = read_line(&mut self.output, &mut self.partial, &mut self.received);
        timeout(REST, rest).await.unwrap_or(Err(Cut::Ended))
    }

    async fn how_it_ended(&mut self) -> Option<String> {
        if self.has_ended {
            return self.status.clone();
        }
        timeout(EPILOGUE, &mut self.ending).await.ok().flatten()
    }
}

/// Why a wave of probes ended before all were answered.
enum Stop {
    /// Time ran out, or the run was ended.
    Early(String),
    Cut(Cut),
}

/// Why there is no next line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cut {
    /// The output ended.
    Ended,
    Io(String),
    TooLong,
    TooMuch,
    Garbage(String),
}

impl Cut {
    fn text(&self) -> String {
        match self {
            Self::Ended => String::from("the agent ended"),
            Self::Io(why) => format!("the connection to the agent was cut: {}", one_line(why)),
            Self::TooLong => format!("the agent sent a line longer than {MAX_LINE} bytes"),
            Self::TooMuch => format!("the agent sent more than {MAX_TOTAL} bytes"),
            Self::Garbage(why) => format!("the agent sent a line that is no answer: {}", one_line(why)),
        }
    }
}

/// Reads to the next line feed without ever holding more than a line may have.
async fn read_line(output: &mut BufReader<Reader>, partial: &mut Vec<u8>, received: &mut usize) -> Result<Vec<u8>, Cut> {
    loop {
        let chunk = output.fill_buf().await.map_err(|e| Cut::Io(e.to_string()))?;
        if chunk.is_empty() {
            // Half a line is not an answer.
            let is_whole = partial.is_empty();
            return Err(if is_whole { Cut::Ended } else { Cut::Garbage(String::from("it ends in the middle")) });
        }
        let end = chunk.iter().position(|b| *b == b'\n');
        let (taken, used) = match end {
            Some(at) => (chunk.get(..at).unwrap_or_default(), at + 1),
            None => (chunk, chunk.len()),
        };
        partial.extend_from_slice(taken);
        output.consume(used);
        *received = received.saturating_add(used);
        if *received > MAX_TOTAL {
            return Err(Cut::TooMuch);
        }
        if partial.len() >= MAX_LINE {
            return Err(Cut::TooLong);
        }
        if end.is_some() {
            return Ok(std::mem::take(partial));
        }
    }
}

/// Files one line under the request it answers. Answers nobody asked for are passed over.
fn take(line: &[u8], asked: &[(u32, &ProbeSpec)], answers: &mut BTreeMap<u32, Answered>) -> Result<(), Cut> {
    if line.trim_ascii().is_empty() {
        return Ok(());
    }
    let spec_of = |id: u32| asked.iter().find(|(i, _)| *i == id).map(|(_, spec)| *spec);
    match serde_json::from_slice(line).map_err(|e| Cut::Garbage(e.to_string()))? {
        FromAgent::Done { id, outcome, elapsed_us } => {
            let Some(spec) = spec_of(id) else { return Ok(()) };
            let fits = kind(&outcome).is_none_or(|kind| kind == spec.name());
            let why = String::from("the agent answered another probe than it was asked");
            let outcome = if fits { outcome } else { ProbeOutcome::NotRun { why } };
            answers.entry(id).or_insert((outcome, elapsed_us));
        }
        FromAgent::Refused { id: Some(id), why } => {
            if spec_of(id).is_some() {
                let why = format!("the agent refused: {}", one_line(&why));
                answers.entry(id).or_insert((ProbeOutcome::NotRun { why }, 0));
            }
        }
        FromAgent::Refused { id: None, why } => return Err(Cut::Garbage(format!("it refused a request: {why}"))),
        FromAgent::Bye { .. } => return Err(Cut::Ended),
        FromAgent::Hello { .. } | FromAgent::Unknown => {}
    }
    Ok(())
}

/// The probe an outcome belongs to. `None`: it fits any.
fn kind(outcome: &ProbeOutcome) -> Option<&'static str> {
    Some(match outcome {
        ProbeOutcome::Environment(_) => "environment",
        ProbeOutcome::Sockets(_) => "sockets",
        ProbeOutcome::Tcp(_) => "tcp",
        ProbeOutcome::Udp(_) => "udp",
        ProbeOutcome::Ping(_) => "ping",
        ProbeOutcome::Dns(_) => "dns",
        ProbeOutcome::Resolve(_) => "resolve",
        ProbeOutcome::Http(_) => "http",
        ProbeOutcome::Trace(_) => "trace",
        ProbeOutcome::PathMtu(_) => "path-mtu",
        ProbeOutcome::NotRun { .. } | ProbeOutcome::Unknown => return None,
    })
}

/// The end of the agent in words. 137 is 128 + SIGKILL, which the kernel's out-of-memory killer sends.
fn ended(status: Option<&str>) -> String {
    match status {
        Some(status) if status.contains("exit code 137") => {
            String::from("the agent was killed (exit code 137), most often because the pod ran out of memory")
        }
        Some(status) => format!("the agent ended: {}", one_line(status)),
        None => String::from("the connection to the agent was cut"),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
