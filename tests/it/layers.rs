//! The order of the layers, the size of files, and the rules of the finding list.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::root;
use crate::source::{Token, modules_named, tokens};

/// Modules by layer, the lowest first. A module names only its own layer and lower ones.
const LAYERS: [(&str, &[&str]); 4] = [
    ("words", &["finding", "model", "packet", "probe", "protocol"]),
    ("decisions", &["checks", "cni", "correlate", "dns_config", "info", "netfilter", "plan", "policy", "report"]),
    ("effects", &["agent", "capture", "deploy", "discover"]),
    ("cli", &["cli"]),
];

/// The only modules that talk to the API server.
const KUBE: [&str; 2] = ["deploy", "discover"];

const MAX_LINES: usize = 600;

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

/// The rules that one source file breaks. `path` is relative to `src`.
fn broken_rules(path: &str, source: &str) -> Vec<String> {
    let module = module_of(path);
    let tokens = tokens(source);
    let mut broken = Vec::new();
    if source.lines().count() > MAX_LINES {
        broken.push(format!("{path}: more than {MAX_LINES} lines"));
    }
    let super_super = [word("super"), Token::Path, word("super")];
    if tokens.windows(3).any(|w| w == super_super) {
        broken.push(format!("{path}: super::super"));
    }
    let Some(top) = module.first() else {
        return broken;
    };
    let Some(layer) = layer_of(top) else {
        broken.push(format!("{path}: module {top} belongs to no layer"));
        return broken;
    };
    for named in modules_named(&module, &tokens) {
        match layer_of(&named) {
            Some(other) if other > layer => broken.push(format!("{path}: {top} looks up to {named}")),
            // a macro of the crate, such as crate::declare_finding!
            None if named == "declare_finding" => {}
            None => broken.push(format!("{path}: crate::{named} belongs to no layer")),
            Some(_) => {}
        }
    }
    for library in ["kube", "k8s_openapi"] {
        if !KUBE.contains(top) && names_crate(&tokens, library) {
            broken.push(format!("{path}: {library} outside {}", KUBE.join(" and ")));
        }
    }
    broken
}

fn word(text: &str) -> Token {
    Token::Word(text.to_owned())
}

/// `library::…` where a path starts, or `use library`.
fn names_crate(tokens: &[Token], library: &str) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let before = at.checked_sub(1).and_then(|i| tokens.get(i));
        *token == word(library)
            && (before == Some(&word("use")) || tokens.get(at + 1) == Some(&Token::Path))
            && (before != Some(&Token::Path)
                || at.checked_sub(2).and_then(|i| tokens.get(i)).is_some_and(|t| matches!(t, Token::Punct(_))))
    })
}

/// The module path of a file: `["report", "text"]` of `report/text.rs`, empty for `lib.rs`, `main.rs` and `bin/`.
fn module_of(path: &str) -> Vec<&str> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let mut parts: Vec<&str> = stem.split('/').collect();
    if parts.last() == Some(&"mod") {
        parts.pop();
    }
    if matches!(parts.first(), Some(&("lib" | "main" | "bin"))) { Vec::new() } else { parts }
}

/// Every file below a directory, sorted.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_layers_hold() {
    let src = root().join("src");
    let mut broken = Vec::new();
    let mut count = 0;
    for file in files(&src) {
        let path = file.strip_prefix(&src).expect("below src").to_string_lossy().replace('\\', "/");
        if file.extension().is_some_and(|e| e == "rs") {
            count += 1;
            broken.extend(broken_rules(&path, &fs::read_to_string(&file).expect("readable")));
        }
    }
    assert!(count > 40, "only {count} files found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_module_directory_has_a_layer() {
    for entry in fs::read_dir(root().join("src")).expect("src").flatten() {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
        assert!(matches!(name.as_str(), "lib" | "main" | "bin") || layer_of(&name).is_some(), "src/{name} belongs to no layer");
    }
}

#[test]
fn no_source_is_too_long() {
    let mut long = Vec::new();
    for directory in ["tests", "benches", "release", "completions"] {
        let is_generated =
            |p: &Path| directory == "completions" && p.file_stem().is_some_and(|s| s != "kubectl_complete-netcheck");
        for file in files(&root().join(directory)).into_iter().filter(|f| is_source(f) && !is_generated(f)) {
            // a file that is not text is no source
            let Ok(text) = fs::read_to_string(&file) else { continue };
            if text.lines().count() > MAX_LINES {
                long.push(file.display().to_string());
            }
        }
    }
    assert!(long.is_empty(), "more than {MAX_LINES} lines: {}", long.join(", "));
}

/// Code by its ending; a file without one is a script.
fn is_source(path: &Path) -> bool {
    path.extension().is_none_or(|e| ["rs", "sh", "py", "go"].iter().any(|code| e == *code))
}

#[test]
fn each_rule_fires() {
    let fires = |path: &str, source: &str, with: &str| {
        let broken = broken_rules(path, source);
        assert!(broken.iter().any(|b| b.contains(with)), "{path} {source:?} gave {broken:?}, not {with}");
    };
    fires("model/pod.rs", "use crate::report::text;", "model looks up to report");
    fires("model/pod.rs", "use crate::{finding::Meta, cli::{self, exit}};", "model looks up to cli");
    fires("model/pod.rs", "fn f() { crate::deploy::run() }", "model looks up to deploy");
    fires("model/mod.rs", "use super::checks::ALL;", "model looks up to checks");
    fires("model/pod.rs", "mod tests { use super::super::x; }", "super::super");
    fires("checks/a.rs", "mod tests { use crate::discover; }", "checks looks up to discover");
    fires("plan/a.rs", "use netcheck::cli::exit;", "plan looks up to cli");
    fires("discover/a.rs", "use crate::{\n    model::{Pod, Node},\n    cli,\n};", "discover looks up to cli");
    fires("model/pod.rs", "use crate::nowhere::X;", "crate::nowhere belongs to no layer");
    fires("model/pod.rs", "use crate::*;", "crate::* belongs to no layer");
    fires("helpers/a.rs", "", "module helpers belongs to no layer");
    fires("helpers.rs", "", "module helpers belongs to no layer");
    fires("cli/a.rs", "use kube::Client;", "kube outside");
    fires("cli/a.rs", "fn f(c: kube::Client) {}", "kube outside");
    fires("cli/a.rs", "fn f(c: ::kube::Client) {}", "kube outside");
    fires("report/a.rs", "use k8s_openapi as k;", "k8s_openapi outside");
    fires("lib.rs", &"\n".repeat(601), "more than 600 lines");
}

#[test]
fn what_is_allowed_does_not_fire() {
    let silent = |path: &str, source: &str| assert_eq!(broken_rules(path, source), Vec::<String>::new(), "{path} {source}");
    silent("cli/pair.rs", "use crate::{discover::Discovery, model::{Request, cli as c}};");
    silent("discover/live.rs", "use kube::Client; use k8s_openapi::api;");
    silent(
        "model/pod.rs",
        "// crate::cli\n/* use crate::cli; /* crate::cli */ */ const A: &str = \"crate::cli\"; /// kube::Client\n",
    );
    silent("model/pod.rs", "const A: &str = r#\"crate::cli \"quoted\"\"#; const B: char = '\"'; use crate::finding::Meta;");
    silent("model/pod.rs", "fn f<'a>(x: &'a str) -> char { '\\'' } use super::query::Query;");
    silent("model/a/b.rs", "use super::cli::x;");
    silent("checks/a.rs", "crate::declare_finding! {}");
    silent("checks/a.rs", "let kube = model::kube; self.kube();");
    silent("main.rs", "use netcheck::cli;");
    silent("lib.rs", &"\n".repeat(600));
}

/// Every finding's fixed words, from checks and causes.
fn metas() -> Vec<&'static netcheck::finding::Meta> {
    let checks = netcheck::checks::ALL.iter().map(|c| c.meta());
    let lints = netcheck::policy::lint::metas();
    checks.chain(netcheck::correlate::ALL.iter().map(|c| c.meta())).chain(lints).collect()
}

#[test]
fn codes_are_unique_and_named_like_their_file() {
    let mut sources = BTreeMap::new();
    for directory in ["checks", "correlate", "policy/lint"] {
        for file in files(&root().join("src").join(directory)) {
            let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            sources.insert(stem, fs::read_to_string(&file).expect("readable"));
        }
    }
    let mut seen = BTreeMap::new();
    for meta in metas() {
        let is_code = meta.code.len() == 6 && meta.code.starts_with("NC") && meta.code[2..].bytes().all(|b| b.is_ascii_digit());
        assert!(is_code, "{} is no code", meta.code);
        // a finding may be both a check and a cause: what looks like a public name needs a resolver's word
        if let Some(other) = seen.insert(meta.code, meta.slug).filter(|other| *other != meta.slug) {
            panic!("{} is both {other} and {}", meta.code, meta.slug);
        }
        let stem = meta.slug.replace('-', "_");
        let source = sources.get(&stem).unwrap_or_else(|| panic!("{}: no file {stem}.rs", meta.code));
        assert!(source.contains(&format!("\"{}\"", meta.code)), "{stem}.rs does not declare {}", meta.code);
        for heading in ["## What it finds", "## What to do"] {
            assert!(meta.page.contains(heading), "{}: its page has no \"{heading}\"", meta.code);
        }
    }
}
