//! Ctrl-C and its relatives: the first ends the run in good order, the second at once.

use tokio_util::sync::CancellationToken;

use super::exit::Exit;

/// Cancelled by the first signal, and which one it was.
#[derive(Debug, Clone)]
pub(super) struct Interrupt {
    token: CancellationToken,
    seen: std::sync::Arc<std::sync::OnceLock<Exit>>,
}

impl Interrupt {
    /// Listens from now on. Must be called inside a runtime.
    pub(super) fn listen() -> Self {
        let interrupt = Self { token: CancellationToken::new(), seen: std::sync::Arc::default() };
        for signal in signals() {
            let mine = interrupt.clone();
            tokio::spawn(async move { mine.follow(signal).await });
        }
        interrupt
    }

    /// Cancelled when the user wants the run to end.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// The first signal, once there was one.
    pub(super) fn seen(&self) -> Option<Exit> {
        self.seen.get().copied()
    }

    /// Waits for the first signal.
    pub(super) async fn wait(&self) -> Exit {
        self.token.cancelled().await;
        self.seen.get().copied().unwrap_or(Exit::Interrupted)
    }

    async fn follow(&self, mut signal: Signal) {
        loop {
            if !signal.next().await {
                return;
            }
            let exit = signal.exit;
            if self.seen.set(exit).is_err() {
                leave(exit);
            }
            self.token.cancel();
        }
    }
}

#[expect(clippy::exit, reason = "the second signal asks for an end without waiting for anything")]
fn leave(exit: Exit) -> ! {
    std::process::exit(i32::from(exit.code()))
}

struct Signal {
    #[cfg(unix)]
    stream: tokio::signal::unix::Signal,
    exit: Exit,
}

#[cfg(unix)]
fn signals() -> Vec<Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        (SignalKind::interrupt(), Exit::Interrupted),
        (SignalKind::terminate(), Exit::Terminated),
        (SignalKind::hangup(), Exit::Terminated),
    ];
    // a signal that cannot be listened for keeps its default action, which ends the program as well
    kinds.into_iter().filter_map(|(kind, exit)| signal(kind).ok().map(|stream| Signal { stream, exit })).collect()
}

#[cfg(not(unix))]
fn signals() -> Vec<Signal> {
    vec![Signal { exit: Exit::Interrupted }]
}

impl Signal {
    /// `false`: there will be no more.
    async fn next(&mut self) -> bool {
        #[cfg(unix)]
        return self.stream.recv().await.is_some();
        #[cfg(not(unix))]
        return tokio::signal::ctrl_c().await.is_ok();
    }
}
