//! Generated files are what the program would write now. `UPDATE=1 cargo test --test it generated` rewrites them.

use std::fs;

use crate::root;

#[test]
fn the_schema_is_current() {
    current("docs/report.schema.json", &netcheck::report::schema::diagnosis().expect("writes"));
}

/// Compares a committed file with what the program writes, or writes it when `UPDATE` is set.
pub(crate) fn current(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().expect("has a parent")).expect("writable");
        fs::write(&file, text).expect("writable");
        return;
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "{path} is out of date: run UPDATE=1 cargo test --test it generated");
}
