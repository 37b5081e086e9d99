//! The pod that a workload would make, out of its template.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// A workload with the parts that its pods come from.
#[derive(Deserialize)]
struct Workload<'a> {
    #[serde(borrow)]
    spec: Option<Spec<'a>>,
}

#[derive(Deserialize)]
struct Spec<'a> {
    #[serde(borrow)]
    template: Option<Template<'a>>,
    #[serde(borrow, rename = "jobTemplate")]
    job_template: Option<JobTemplate<'a>>,
}

#[derive(Deserialize)]
struct JobTemplate<'a> {
    #[serde(borrow)]
    spec: Option<JobSpec<'a>>,
}

#[derive(Deserialize)]
struct JobSpec<'a> {
    #[serde(borrow)]
    template: Option<Template<'a>>,
}

#[derive(Deserialize)]
struct Template<'a> {
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    spec: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    labels: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
}

/// A pod of a workload, as JSON: it has the workload's name, the template's labels and containers, and neither node nor address.
/// `None`: the workload has no template.
pub(super) fn pod(workload: &str, kind: &str, namespace: &str, name: &str) -> Option<String> {
    let spec = serde_json::from_str::<Workload<'_>>(workload).ok()?.spec?;
    let template = spec.template.or_else(|| spec.job_template?.spec?.template)?;
    let raw = |part: Option<&RawValue>| part.map_or_else(|| String::from("null"), |p| p.get().to_owned());
    let (labels, annotations) = template.metadata.map_or((None, None), |m| (m.labels, m.annotations));
    let owner: Value = json!([{"apiVersion": "", "kind": kind, "name": name, "uid": "", "controller": true}]);
    let (namespace, name) = (Value::from(namespace), Value::from(name));
    let metadata = format!(
        r#"{{"namespace":{namespace},"name":{name},"labels":{},"annotations":{},"ownerReferences":{owner}}}"#,
        raw(labels),
        raw(annotations)
    );
    Some(format!(r#"{{"metadata":{metadata},"spec":{}}}"#, template.spec?.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_becomes_a_pod() {
        let deployment = r#"{"kind": "Deployment", "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}}}"#;
        let made: Value = serde_json::from_str(&pod(deployment, "Deployment", "shop", "we\"b").expect("a pod")).expect("JSON");
        assert_eq!(made["metadata"]["labels"], json!({"app": "web"}));
        assert_eq!(made["metadata"]["ownerReferences"][0]["name"], "we\"b");
        assert_eq!(made["spec"], json!({"containers": []}));
        let cron = r#"{"spec": {"jobTemplate": {"spec": {"template": {"spec": {"hostNetwork": true}}}}}}"#;
        let cron: Value = serde_json::from_str(&pod(cron, "CronJob", "a", "b").expect("a pod")).expect("JSON");
        assert_eq!(cron["spec"], json!({"hostNetwork": true}));
        for none in [r#"{"spec": {"selector": {}}}"#, "{}", r#"{"spec": {"template": {}}}"#, "5"] {
            assert_eq!(pod(none, "ReplicaSet", "a", "b"), None, "{none}");
        }
    }
}
