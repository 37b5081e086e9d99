//! A report as data: JSON and YAML of the same shape, and the bare codes.

use serde::Serialize;
use serde_json::Value;

use super::diagnosis::Diagnosis;
use super::sanitise;

/// Indented JSON. Hostile characters are escaped, so the data is exact and a terminal safe.
pub fn json<T: Serialize>(report: &T) -> Result<String, serde_json::Error> {
    let mut text = sanitise::json(&serde_json::to_string_pretty(report)?);
    text.push('\n');
    Ok(text)
}

/// YAML of the same shape. Hostile characters are left out: YAML can escape them only in some of its styles.
pub fn yaml<T: Serialize>(report: &T) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(report)?;
    clean(&mut value);
    let mut text = serde_saphyr::to_string(&value).map_err(serde::ser::Error::custom)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn clean(value: &mut Value) {
    match value {
        Value::String(text) => {
            if text.chars().any(|c| c != '\n' && sanitise::is_hostile(c)) {
                text.retain(|c| c == '\n' || !sanitise::is_hostile(c));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(map) => {
            let old = std::mem::take(map);
            for (key, mut value) in old {
                clean(&mut value);
                map.insert(sanitise::line(&key), value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The codes of the causes, one a line, each once.
pub fn names(report: &Diagnosis) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for cause in &report.causes {
        if !codes.contains(&cause.code.as_str()) {
            codes.push(&cause.code);
        }
    }
    codes.iter().flat_map(|code| [sanitise::line(code), String::from("\n")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn json_and_yaml_are_the_same_data() {
        let report = sample::broken();
        let from_json: Value = serde_json::from_str(&json(&report).expect("writes")).expect("reads");
        let from_yaml: Value = serde_saphyr::from_str(&yaml(&report).expect("writes")).expect("reads");
        assert_eq!(from_json, from_yaml);
        assert_eq!(names(&report), "NC3001\n");
    }

    #[test]
    fn no_format_obeys_escapes() {
        let mut report = sample::broken();
        report.verdict.sentence = String::from("a\u{1b}[2Jb\u{9b}c\u{202e}d\ne");
        for text in [json(&report).expect("writes"), yaml(&report).expect("writes"), names(&report)] {
            assert!(!text.chars().any(|c| c != '\n' && sanitise::is_hostile(c)), "{text}");
        }
    }
}
