//! Generated files are what the program would write now. `UPDATE=1 cargo test --test it generated` rewrites them.

use std::collections::BTreeSet;
use std::fs;

use crate::layers::files;
use crate::root;

#[test]
fn generated_files_are_current() {
    let documents = netcheck::cli::docs::all().expect("writes");
    let updates = std::env::var_os("UPDATE").is_some();
    let mut stale = Vec::new();
    for (path, text) in &documents {
        let file = root().join(path);
        if updates {
            fs::create_dir_all(file.parent().expect("has a parent")).expect("writable");
            fs::write(&file, text).expect("writable");
        } else if fs::read_to_string(&file).unwrap_or_default() != *text {
            stale.push(path.clone());
        }
    }
    // a page whose finding is gone
    let known: BTreeSet<_> = documents.iter().map(|(path, _)| root().join(path)).collect();
    for file in files(&root().join("docs/findings")).into_iter().filter(|f| !known.contains(f)) {
        if updates {
            fs::remove_file(&file).expect("removable");
        } else {
            stale.push(file.display().to_string());
        }
    }
    assert!(stale.is_empty(), "out of date, run UPDATE=1 cargo test --test it generated: {}", stale.join(", "));
}
