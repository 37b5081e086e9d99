//! The real agent as a process that tests speak with.

#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a helper of a test may panic")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use netcheck::probe::ProbeOutcome;
use netcheck::protocol::FromAgent;
use serde_json::json;

/// An agent that runs.
pub(crate) struct Agent {
    child: Child,
    pub(crate) input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Agent {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { input: child.stdin.take(), output, child }
    }

    /// Starts an agent and reads its first line.
    pub(crate) fn greeted() -> Self {
        Self::greeted_by(agent(&["run"]))
    }

    pub(crate) fn greeted_by(command: Command) -> Self {
        let mut agent = Self::start(command);
        let hello = agent.next();
        assert!(matches!(hello, FromAgent::Hello { .. }), "{hello:?}");
        agent
    }

    pub(crate) fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.write_all(b"\n").unwrap();
    }

    pub(crate) fn ask(&mut self, id: u32, spec: &serde_json::Value) {
        self.say(&json!({"type": "run", "id": id, "spec": spec, "deadline_ms": 10_000}).to_string());
    }

    pub(crate) fn next(&mut self) -> FromAgent {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// The outcome of one probe.
    pub(crate) fn probe(spec: &serde_json::Value) -> ProbeOutcome {
        Self::greeted().outcome(spec)
    }

    pub(crate) fn outcome(&mut self, spec: &serde_json::Value) -> ProbeOutcome {
        self.ask(7, spec);
        match self.next() {
            FromAgent::Done { id: 7, outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// Reads the last line and the exit.
    pub(crate) fn end(mut self) -> u64 {
        let FromAgent::Bye { peak_kib } = self.next() else { panic!("no bye") };
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "bye is the last line");
        assert!(self.child.wait().unwrap().success());
        peak_kib
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The agent's command line.
pub(crate) fn agent(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netcheck-agent"));
    command.args(arguments);
    command
}

/// Says on standard error that a test did not run, and fails it where `CI=true`: a skipped test must not look green.
pub(crate) fn skipped<T>(why: &str) -> Option<T> {
    // not through print!, which the test harness would swallow
    drop(writeln!(std::io::stderr(), "SKIPPED: {why}"));
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "this test must run in CI: {why}");
    None
}
