//! `policy lint` on directories of manifests: each below `tests/lint` has its manifests and what is printed of them. `UPDATE=1` writes that anew.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::root;

fn lint(directory: &Path, format: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck"));
    // files are named as they were given
    command.current_dir(root()).env_clear().env("HOME", "/nonexistent");
    let relative = directory.strip_prefix(root()).expect("below the root");
    command.args(["policy", "lint", "-o", format, "-f"]).arg(relative.join("manifests")).output().expect("runs")
}

fn directories() -> Vec<std::path::PathBuf> {
    let mut all: Vec<_> = fs::read_dir(root().join("tests/lint")).expect("there").flatten().map(|e| e.path()).collect();
    all.sort();
    all
}

fn valid(schema: &str, document: &serde_json::Value) {
    let schema = serde_json::from_str(&fs::read_to_string(root().join(schema)).expect("readable")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn reports_are_as_they_were() {
    for directory in directories() {
        for (format, name) in [("wide", "report.txt"), ("json", "report.json")] {
            let output = lint(&directory, format);
            let text = String::from_utf8(output.stdout).expect("text");
            let file = directory.join(name);
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&file, &text).expect("writable");
            }
            assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "{}", file.display());
        }
    }
}

#[test]
fn reports_fit_the_schema_and_the_exit_code() {
    for directory in directories() {
        let output = lint(&directory, "json");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        valid("docs/policy-lint.schema.json", &report);
        assert_eq!(report["exitCode"].as_i64(), output.status.code().map(i64::from));
        let yaml = lint(&directory, "yaml");
        let from_yaml: serde_json::Value = serde_saphyr::from_slice(&yaml.stdout).expect("YAML");
        assert_eq!(from_yaml, report);
    }
}
