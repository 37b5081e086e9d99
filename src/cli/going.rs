//! A run from its start to its end, or to the first signal.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::args::Cli;
use super::error::CliError;
use super::exit::Exit;
use super::progress::{Progress, Talk};
use super::signals::Interrupt;
use super::terminal::{self, Surroundings};

/// How long a run may take to end in good order once the user wants it to.
const GRACE: Duration = Duration::from_secs(2);

/// A run that may be ended at any time, and then still says what it left behind.
pub(super) trait Going {
    type Outcome;

    async fn go(&mut self) -> Result<Self::Outcome, CliError>;

    fn progress(&self) -> &Progress;

    /// Ephemeral containers that stay in their pods.
    fn left_behind(&self) -> Vec<String>;
}

pub(super) enum Ended<T> {
    Done(T),
    Interrupted(Exit),
}

/// Runs it in a runtime of its own.
pub(super) fn to_its_end<R: Going>(
    cli: &Cli,
    surroundings: &Surroundings,
    make: impl FnOnce(Progress, CancellationToken) -> R,
) -> Result<Ended<R::Outcome>, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| CliError::io("cannot start", &e))?;
    let progress = Progress::new(surroundings, Talk { quiet: cli.common.quiet, verbose: cli.common.verbose > 0 });
    let outcome = runtime.block_on(async {
        let interrupt = Interrupt::listen();
        let mut run = make(progress, interrupt.token().clone());
        let ended = {
            let mut going = std::pin::pin!(run.go());
            tokio::select! {
                biased;
                exit = interrupt.wait() => {
                    // what was started is told of, so a start on its way is waited for
                    drop(tokio::time::timeout(GRACE, going.as_mut()).await);
                    Err(exit)
                }
                ended = going.as_mut() => Ok(ended),
            }
        };
        run.progress().finish();
        // the run hears of the signal as well, and may be the first to end
        match interrupt.seen().map_or(ended, Err) {
            Err(exit) => {
                terminal::err("interrupted");
                for left in run.left_behind() {
                    terminal::err(&format!(
                        "stays in its pod until the pod goes, and ends by itself: ephemeral container {left}"
                    ));
                }
                Ok(Ended::Interrupted(exit))
            }
            Ok(ended) => ended.map(Ended::Done),
        }
    });
    // a login plugin that still runs must not hold up the end
    runtime.shutdown_background();
    outcome
}
