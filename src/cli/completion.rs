//! `kubectl netcheck completion`: scripts for shells.

use clap::{Args, ValueEnum};

use super::args;

/// Print a completion script.
///
/// The script completes kubectl-netcheck when it is called by that name. For `kubectl netcheck` kubectl asks a program named
/// kubectl_complete-netcheck: link it to kubectl-netcheck in a directory of PATH, and names of pods, Services and
/// namespaces complete too.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  source <(kubectl netcheck completion bash)
  ln -s \"$(command -v kubectl-netcheck)\" ~/.local/bin/kubectl_complete-netcheck")]
pub struct CompletionArgs {
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

impl Shell {
    /// The file of the script in `completions/`, by each shell's habit.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Bash => "kubectl-netcheck.bash",
            Self::Zsh => "_kubectl-netcheck",
            Self::Fish => "kubectl-netcheck.fish",
            Self::PowerShell => "_kubectl-netcheck.ps1",
        }
    }
}

/// The script for one shell.
pub fn script(shell: Shell) -> String {
    let mut command = args::command("kubectl-netcheck").bin_name("kubectl-netcheck");
    let mut out = Vec::new();
    let name = "kubectl-netcheck";
    match shell {
        Shell::Bash => clap_complete::generate(clap_complete::Shell::Bash, &mut command, name, &mut out),
        Shell::Zsh => clap_complete::generate(clap_complete::Shell::Zsh, &mut command, name, &mut out),
        Shell::Fish => clap_complete::generate(clap_complete::Shell::Fish, &mut command, name, &mut out),
        Shell::PowerShell => clap_complete::generate(clap_complete::Shell::PowerShell, &mut command, name, &mut out),
    }
    let text = String::from_utf8_lossy(&out);
    // editors and git refuse the white space that some generators leave at line ends
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}
