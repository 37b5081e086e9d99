//! Recorded runs: the same bundle gives the same report, byte for byte.
//!
//! A folder of tests/scenarios holds `bundle.tar.gz`, recorded on a real cluster with `--record` or `collect`, and the reports it
//! gives. `arguments` is the question where the bundle has none.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::root;

/// Compares with the file, or writes it with `UPDATE=1`.
fn current(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, text).expect("writable");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, expected, "{path} differs; UPDATE=1 cargo test --test it scenarios writes it anew");
}

fn replay(folder: &Path, format: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck"));
    let words = std::fs::read_to_string(folder.join("arguments")).unwrap_or_default();
    command.args(words.split_whitespace()).arg("--from").arg(folder.join("bundle.tar.gz")).args(["-o", format]);
    let output = command.env_remove("KUBECONFIG").output().expect("the program runs");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn scenarios() -> Vec<PathBuf> {
    let root = root().join("tests/scenarios");
    let entries = std::fs::read_dir(root).expect("tests/scenarios");
    let mut folders: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn recorded_runs_give_their_reports() {
    let folders = scenarios();
    assert!(!folders.is_empty(), "no scenario was found");
    for folder in folders {
        let name = folder.file_name().expect("name").to_string_lossy().into_owned();
        current(&format!("tests/scenarios/{name}/report.json"), &replay(&folder, "json"));
        current(&format!("tests/scenarios/{name}/report.txt"), &replay(&folder, "table"));
    }
}

#[test]
fn reports_fit_the_published_schema() {
    let text = std::fs::read_to_string(root().join("docs/report.schema.json")).expect("schema");
    let schema = serde_json::from_str(&text).expect("schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("schema is a schema");
    for folder in scenarios() {
        let report = serde_json::from_str(&replay(&folder, "json")).expect("report is JSON");
        let errors: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", folder.display());
    }
}

#[test]
fn the_demo_names_the_cause_in_its_first_line() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck"));
    let output =
        command.args(["pod", "client", "to", "svc", "web", "--from", "demo"]).env_remove("KUBECONFIG").output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("service/shop/web port 80 sends to port 8081 (targetPort), where nothing listens"), "{first}");
}
