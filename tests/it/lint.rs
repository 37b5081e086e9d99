//! `policy lint` on directories of manifests: each below `tests/lint` has its manifests and what is printed of them. `UPDATE=1` writes that anew.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

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
        for (format, name) in [("wide", "report.txt"), ("json", "report.json"), ("sarif", "report.sarif")] {
            let output = lint(&directory, format);
            let text = String::from_utf8(output.stdout).expect("text");
            // the version is another one in each release
            let text = text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"VERSION\"");
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
        // YAML leaves out what JSON escapes
        let plain = String::from_utf8(output.stdout).expect("text").replace("\\u001b", "");
        assert_eq!(from_yaml, serde_json::from_str::<serde_json::Value>(&plain).expect("JSON"));
    }
}

/// What SARIF 2.1.0 asks of the parts that are written (sarif-v2.1.0-os, sections 3.13 to 3.27, and its JSON schema).
#[test]
fn sarif_is_as_its_standard_asks() {
    for directory in directories() {
        let output = lint(&directory, "sarif");
        let log: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().expect("a schema").contains("sarif-2.1.0"));
        only_keys(&log, &["$schema", "version", "runs"]);
        let run = &log["runs"][0];
        only_keys(run, &["tool", "columnKind", "invocations", "results"]);
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().expect("a kind")));
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
        let driver = &run["tool"]["driver"];
        only_keys(driver, &["name", "semanticVersion", "rules"]);
        let rules = driver["rules"].as_array().expect("rules");
        let mut ids: Vec<&str> = rules.iter().map(|r| r["id"].as_str().expect("an id")).collect();
        for rule in rules {
            only_keys(rule, &["id", "name", "shortDescription", "fullDescription", "help", "properties"]);
            for text in [&rule["shortDescription"], &rule["fullDescription"], &rule["help"]] {
                assert!(!text["text"].as_str().expect("text").is_empty());
            }
        }
        let report: serde_json::Value = serde_json::from_slice(&lint(&directory, "json").stdout).expect("JSON");
        let results = run["results"].as_array().expect("results");
        assert_eq!(results.len(), report["findings"].as_array().expect("findings").len());
        for result in results {
            only_keys(result, &["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"]);
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(["warning", "note"].contains(&result["level"].as_str().expect("a level")));
            assert!(!result["message"]["text"].as_str().expect("text").is_empty());
            let location = &result["locations"][0];
            only_keys(location, &["physicalLocation", "logicalLocations"]);
            let physical = &location["physicalLocation"];
            let uri = physical["artifactLocation"]["uri"].as_str().expect("a file");
            assert!(root().join(uri).is_file() && !uri.contains(' '), "{uri}");
            assert!(physical["region"]["startLine"].as_u64().expect("a line") >= 1);
        }
        ids.dedup();
        assert_eq!(ids.len(), rules.len(), "no rule twice");
    }
}

fn only_keys(value: &serde_json::Value, keys: &[&str]) {
    let known = value.as_object().expect("an object").keys();
    let other: Vec<&String> = known.filter(|key| !keys.contains(&key.as_str())).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn formats_of_one_command_are_refused_by_others() {
    let refused = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck")).args(arguments).env_clear().output().expect("runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).expect("text")
    };
    let directory = root().join("tests/lint/shop/manifests").display().to_string();
    assert!(refused(&["policy", "lint", "-f", &directory, "-o", "csv"]).contains("only policy matrix has this format"));
    assert!(refused(&["policy", "matrix", "-f", &directory, "-o", "sarif"]).contains("only policy lint has this format"));
    assert!(refused(&["explain", "NC2201", "-o", "sarif"]).contains("only policy lint has this format"));
}

/// Parts that multiply when they are read, and parts inside parts inside parts.
#[test]
fn bombs_are_one_line_with_their_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut laughs = String::from("# nothing\n---\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        laughs.extend([format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))]);
    }
    let deep = format!("kind: X\nspec: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\n";
    for (name, text, line) in [("laughs.yaml", laughs, 7..20), ("deep.yaml", deep, 6..7)] {
        let file = directory.path().join(name);
        fs::write(&file, format!("{namespace}{text}")).expect("writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck"));
        let started = std::time::Instant::now();
        let output = command.env_clear().args(["policy", "lint", "-o", "json", "-f"]).arg(&file).output().expect("runs");
        assert!(started.elapsed().as_secs() < 20, "{name}: {:?}", started.elapsed());
        assert_eq!(output.status.code(), Some(1), "{name}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let findings = report["findings"].as_array().expect("findings");
        assert_eq!(findings.len(), 1, "{name}: {findings:?}");
        assert_eq!(findings[0]["code"], "NC2211");
        assert!(findings[0]["place"]["file"].as_str().expect("a file").ends_with(name));
        assert!(line.contains(&findings[0]["place"]["line"].as_u64().expect("a line")), "{findings:?}");
    }
}

#[test]
fn standard_input_is_read_and_has_no_address() {
    let text = fs::read(root().join("tests/lint/broken/manifests/policies.yaml")).expect("readable");
    let run = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-netcheck"));
        command.env_clear().args(["policy", "lint", "-f", "-", "-q", "-o", format]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        child.stdin.take().expect("piped").write_all(&text).expect("takes it");
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(1));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON")
    };
    let report = run("json");
    assert_eq!(report["findings"][0]["place"]["file"], "standard input");
    let log = run("sarif");
    assert!(log["runs"][0]["results"][0]["locations"][0].get("physicalLocation").is_none());
}

#[test]
fn text_of_manifests_does_nothing_to_a_terminal() {
    for format in ["table", "wide", "json", "yaml", "name", "sarif"] {
        let output = lint(&root().join("tests/lint/broken"), format);
        for bytes in [output.stdout, output.stderr] {
            assert!(!bytes.contains(&0x1b), "{format}");
        }
    }
}
