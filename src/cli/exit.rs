//! Exit codes. Scripts rely on them: a code keeps its meaning in every version.

use std::process::ExitCode;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: no fault of the question was found; a comparison found no change.
    Healthy,
    /// 1: a fault was found; a policy denies what was asked; a comparison found a change.
    Fault,
    /// 2: netcheck could not do its work: bad arguments, no cluster, no such object.
    CouldNotRun,
    /// 3: no fault is proven, and not everything could be looked at.
    Inconclusive,
    /// 4: something netcheck made is still there and can be removed; the command that removes it was printed.
    Leftovers,
    /// 130: ended by SIGINT.
    Interrupted,
    /// 143: ended by SIGTERM or SIGHUP.
    Terminated,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Fault => 1,
            Self::CouldNotRun => 2,
            Self::Inconclusive => 3,
            Self::Leftovers => 4,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// From a report's `exitCode`.
    pub fn of_report(code: u8) -> Self {
        match code {
            0 => Self::Healthy,
            1 => Self::Fault,
            _ => Self::Inconclusive,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
