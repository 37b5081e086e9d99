//! The one thing that is asked: whether an agent may start where others live too.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::model::{Cluster, ObjectRef};
use crate::plan::Step;

use super::progress::Progress;

/// The pods of these steps that share their node's network, each once.
pub(super) fn shared<'a>(steps: &'a [Step], cluster: &Cluster) -> Vec<&'a ObjectRef> {
    let mut pods: Vec<&ObjectRef> = steps.iter().map(|step| &step.from).collect();
    pods.retain(|pod| cluster.pod(pod).is_some_and(|pod| pod.host_network));
    pods.sort();
    pods.dedup();
    pods
}

/// Asks on the terminal. Where there is nobody to ask, as in a script, `--deep` has said it.
pub(super) async fn asked(pods: &[&ObjectRef], progress: &mut Progress) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return true;
    }
    let names: Vec<String> = pods.iter().map(ToString::to_string).collect();
    let (share, goes) =
        if names.len() == 1 { ("shares the node's", "that pod goes") } else { ("share their node's", "those pods go") };
    progress.ask(&format!(
        "Start an agent in {}, which {share} network? Its entry stays until {goes}. [y/N] ",
        names.join(" and in ")
    ));
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let yes = answer.await.is_ok_and(|line| line.is_ok_and(|line| is_yes(&line)));
    progress.start();
    yes
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::World;
    use crate::plan::testing::{read, to_web};
    use crate::probe::{EnvironmentSpec, ProbeSpec};

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("y\n") && is_yes("Yes\r\n"));
        assert!(!is_yes("") && !is_yes("\n") && !is_yes("n\n") && !is_yes("yess"));
    }

    #[test]
    fn only_pods_of_the_nodes_network_are_asked_about() {
        let mut world = World::shop();
        let step = |name: &str| Step {
            why: String::new(),
            from: ObjectRef::pod("shop", name),
            spec: ProbeSpec::Environment(EnvironmentSpec {}),
        };
        let steps = [step("client"), step("web-1"), step("web-1")];
        assert!(shared(&steps, &read(&world, &to_web())).is_empty());
        world.pod("web-1").host_network = true;
        assert_eq!(shared(&steps, &read(&world, &to_web())), [&ObjectRef::pod("shop", "web-1")]);
    }
}
