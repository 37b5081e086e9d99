//! The JSON Schemas of reports: `docs/*.schema.json`.

use super::diagnosis::Diagnosis;
use super::info::Info;
use super::policy_lint::PolicyLint;
use super::policy_matrix::{PolicyMatrix, PolicyMatrixDiff};
use super::policy_pair::PolicyAnswer;

/// The schema of [`Diagnosis`] (draft 2020-12), as indented JSON.
pub fn diagnosis() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Diagnosis))?;
    text.push('\n');
    Ok(text)
}

/// The schema of [`Info`] (draft 2020-12), as indented JSON.
pub fn info() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Info))?;
    text.push('\n');
    Ok(text)
}

/// The schema of [`PolicyAnswer`] (draft 2020-12), as indented JSON.
pub fn policy_pair() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(PolicyAnswer))?;
    text.push('\n');
    Ok(text)
}

/// The schema of [`PolicyLint`] (draft 2020-12), as indented JSON.
pub fn policy_lint() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(PolicyLint))?;
    text.push('\n');
    Ok(text)
}

/// The schema of [`PolicyMatrix`] (draft 2020-12), as indented JSON.
pub fn policy_matrix() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(PolicyMatrix))?;
    text.push('\n');
    Ok(text)
}

/// The schema of [`PolicyMatrixDiff`] (draft 2020-12), as indented JSON.
pub fn policy_matrix_diff() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(PolicyMatrixDiff))?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_report_fits_the_schema() {
        let schema = serde_json::from_str(&diagnosis().expect("writes")).expect("reads");
        let validator = jsonschema::validator_for(&schema).expect("is a schema");
        let report = serde_json::to_value(sample::broken()).expect("writes");
        assert!(validator.is_valid(&report), "{:?}", validator.iter_errors(&report).map(|e| e.to_string()).collect::<Vec<_>>());
        let mut wrong = report;
        wrong["verdict"]["measured"] = "maybe".into();
        assert!(!validator.is_valid(&wrong));
    }
}
