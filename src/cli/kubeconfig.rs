//! Names out of kubeconfig files, for completion. Connecting is the work of `discover`.

use std::path::PathBuf;

use serde_json::Value;

/// The kubeconfig files as documents, the first the most important.
#[derive(Debug, Clone, Default)]
pub(super) struct Kubeconfig {
    documents: Vec<Value>,
}

impl Kubeconfig {
    /// Reads what kubectl would read; a file that cannot be read has no names.
    pub(super) fn read(flag: Option<&str>) -> Self {
        let listed = std::env::var_os("KUBECONFIG").map(|list| std::env::split_paths(&list).collect::<Vec<_>>());
        let home = || std::env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect();
        let files: Vec<PathBuf> = match flag {
            Some(file) => vec![PathBuf::from(file)],
            None => listed.filter(|l| l.iter().any(|p| !p.as_os_str().is_empty())).unwrap_or_else(home),
        };
        Self::parse(files.iter().filter_map(|file| std::fs::read_to_string(file).ok()))
    }

    fn parse(texts: impl Iterator<Item = String>) -> Self {
        Self { documents: texts.filter_map(|text| serde_saphyr::from_str(&text).ok()).collect() }
    }

    /// Names in a list such as `contexts`.
    pub(super) fn names(&self, list: &str) -> Vec<String> {
        let entries = self.documents.iter().filter_map(|d| d.get(list)?.as_array()).flatten();
        entries.filter_map(|e| Some(e.get("name")?.as_str()?.to_owned())).collect()
    }

    fn entry(&self, list: &str, name: &str) -> Option<&Value> {
        let entries = self.documents.iter().filter_map(|d| d.get(list)?.as_array()).flatten();
        entries.filter(|e| e.get("name").and_then(Value::as_str) == Some(name)).find_map(|e| e.get(list.trim_end_matches('s')))
    }

    /// Whether logging in may ask the user something or open a browser: any plugin that does not rule it out.
    pub(super) fn may_ask(&self, context: Option<&str>, user: Option<&str>) -> bool {
        let current = || self.documents.iter().find_map(|d| d.get("current-context")?.as_str().filter(|c| !c.is_empty()));
        let of_context = || {
            let context = self.entry("contexts", context.or_else(current)?)?;
            context.get("user")?.as_str()
        };
        let Some(user) = user.or_else(of_context).and_then(|name| self.entry("users", name)) else {
            return false;
        };
        let plugin = user.get("exec").filter(|e| !e.is_null());
        let is_silent = |exec: &Value| exec.get("interactiveMode").and_then(Value::as_str) == Some("Never");
        plugin.is_some_and(|exec| !is_silent(exec)) || user.get("auth-provider").is_some_and(|p| !p.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
current-context: plain
contexts:
- {name: plain, context: {cluster: a, user: cert}}
- {name: cloud, context: {cluster: b, user: plugin}}
- {name: robot, context: {cluster: b, user: silent}}
users:
- {name: cert, user: {client-certificate-data: eA==}}
- {name: plugin, user: {exec: {command: login, interactiveMode: IfAvailable}}}
- {name: silent, user: {exec: {command: login, interactiveMode: Never}}}
";

    #[test]
    fn names_and_plugins() {
        let config = Kubeconfig::parse([FILE.to_owned(), "{".to_owned()].into_iter());
        assert_eq!(config.names("contexts"), ["plain", "cloud", "robot"]);
        assert!(!config.may_ask(None, None));
        assert!(config.may_ask(Some("cloud"), None));
        assert!(!config.may_ask(Some("robot"), None));
        assert!(config.may_ask(None, Some("plugin")));
        assert!(!config.may_ask(Some("nowhere"), None));
    }
}
