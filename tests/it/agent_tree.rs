//! The agent is small because of what it does not contain.

use std::process::Command;

#[test]
fn the_agent_has_no_kubernetes_client_and_no_command_line_parser() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--no-default-features", "--features", "agent", "--target", "x86_64-unknown-linux-gnu"])
        .current_dir(crate::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"reqwest") && names.contains(&"hickory-proto"), "this is not the agent's tree: {tree}");
    // with the last two there would be a second crypto library
    for unwanted in ["kube", "kube-client", "k8s-openapi", "clap", "clap_builder", "aws-lc-rs", "openssl-sys"] {
        assert!(!names.contains(&unwanted), "the agent contains {unwanted}");
    }
}
