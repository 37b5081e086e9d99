use crate::declare_finding;
use crate::finding::Finding;
use crate::model::ObjectRef;

declare_finding! {
    /// ## What it finds
    ///
    /// A part of a file that is no Kubernetes object, or one that cannot be read: broken YAML or JSON, a key that stands twice, a value of
    /// the wrong type, a field that the API does not have, an `apiVersion` that no server has any more, a template that nobody rendered.
    /// What is in it took no part in anything else that is told of the manifests.
    ///
    /// ## How it is proven
    ///
    /// By reading the file as kubectl does. Objects of kinds that do not matter to policies are skipped, and not told.
    ///
    /// ## What to do
    ///
    /// Correct the line that is named. Render templates first: `helm template .`, `kubectl kustomize .`.
    ManifestNotRead, "NC2211", "manifest-not-read", "Part of the manifests cannot be read"
}

/// A part of a file that could not be read.
pub fn not_read(file: &str, text: &str) -> Finding {
    Finding::warning(
        ManifestNotRead::META,
        ObjectRef { kind: "file".into(), namespace: String::new(), name: file.into() },
        format!("{text}."),
    )
    .proven()
    .next("correct the file, and try it with: kubectl apply --dry-run=client -f FILE")
}
