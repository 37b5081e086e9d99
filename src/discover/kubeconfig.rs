//! The kubeconfig with kubectl's flags laid over it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use k8s_openapi::ByteString;
use kube::Config;
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError, NamedAuthInfo, NamedCluster,
    NamedContext,
};
use secrecy::SecretString;
use x509_parser::pem::Pem;

use super::options::{ConnectError, ConnectOptions};

/// Where a pod finds its own credentials.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Reads kubeconfig files, falls back to the service account of the pod we run in, and applies the flags.
pub(super) async fn load(options: &ConnectOptions) -> Result<Config, ConnectError> {
    let Some(kubeconfig) = read(options)? else {
        return in_cluster(options);
    };
    let chosen = choose(kubeconfig, options)?;
    if let Some(user) = chosen.auth_infos.first() {
        check_client_certificate(user)?;
    }
    let proxy = chosen.clusters.first().and_then(|c| c.cluster.as_ref()).and_then(|c| c.proxy_url.clone());
    let mut config = Config::from_custom_kubeconfig(chosen, &KubeConfigOptions::default()).await.map_err(|e| broken(&e))?;
    config.proxy_url = match proxy.filter(|p| !p.is_empty()) {
        Some(proxy) => Some(parse_proxy(&proxy)?),
        None => proxy_of_environment(&config.cluster_url)?,
    };
    finish(config, options)
}

fn finish(mut config: Config, options: &ConnectOptions) -> Result<Config, ConnectError> {
    // The default retries for minutes without a word, and repeats requests that create something.
    config.default_retry = false;
    config.disable_compression |= options.disable_compression;
    if let Some(namespace) = &options.namespace {
        config.default_namespace.clone_from(namespace);
    }
    if config.cluster_url.host().is_none() {
        let next = "write it as https://HOST:PORT";
        return Err(ConnectError::new(format!("the server's address has no host: {}", config.cluster_url), next));
    }
    Ok(config)
}

/// `None`: there is no kubeconfig, and this is a pod with a service account.
fn read(options: &ConnectOptions) -> Result<Option<Kubeconfig>, ConnectError> {
    if let Some(path) = &options.kubeconfig {
        return Kubeconfig::read_from(path).map(Some).map_err(|e| broken(&e));
    }
    let candidates = candidates(std::env::var_os("KUBECONFIG").as_deref(), std::env::home_dir().as_deref());
    match merge(&candidates)? {
        Some(merged) => Ok(Some(merged)),
        None if options.server.is_some() => Ok(Some(Kubeconfig::default())),
        None if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(SERVICE_ACCOUNT).exists() => Ok(None),
        None => Err(nowhere(&candidates)),
    }
}

/// The files of `KUBECONFIG`, else the one in the home directory.
fn candidates(listed: Option<&OsStr>, home: Option<&Path>) -> Vec<PathBuf> {
    let listed = listed.into_iter().flat_map(std::env::split_paths);
    let listed: Vec<PathBuf> = listed.filter(|path| !path.as_os_str().is_empty()).collect();
    let home = home.map(|home| home.join(".kube").join("config"));
    if listed.is_empty() { home.into_iter().collect() } else { listed }
}

fn merge(candidates: &[PathBuf]) -> Result<Option<Kubeconfig>, ConnectError> {
    let mut merged: Option<Kubeconfig> = None;
    // kubectl passes over files of the list that do not exist
    for path in candidates.iter().filter(|path| path.exists()) {
        let next = Kubeconfig::read_from(path).map_err(|e| broken(&e))?;
        merged = Some(merged.unwrap_or_default().merge(next).map_err(|e| broken(&e))?);
    }
    Ok(merged)
}

fn nowhere(candidates: &[PathBuf]) -> ConnectError {
    let tried = candidates.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let cause = if tried.is_empty() { String::from("no kubeconfig") } else { format!("no kubeconfig: {tried} does not exist") };
    ConnectError::new(cause, "set KUBECONFIG, or pass --kubeconfig FILE")
}

fn in_cluster(options: &ConnectOptions) -> Result<Config, ConnectError> {
    let mut config = Config::incluster().map_err(|e| {
        ConnectError::new(format!("cannot use the pod's service account: {e}"), "set KUBECONFIG, or pass --kubeconfig FILE")
    })?;
    overlay_user(&mut config.auth_info, options)?;
    finish(config, options)
}

/// One context with its cluster and user, flags applied.
fn choose(kubeconfig: Kubeconfig, options: &ConnectOptions) -> Result<Kubeconfig, ConnectError> {
    let wanted = options.context.clone().or(kubeconfig.current_context.filter(|name| !name.is_empty()));
    let context = match &wanted {
        Some(name) => {
            let names: Vec<_> = kubeconfig.contexts.iter().map(|c| c.name.as_str()).collect();
            let found = kubeconfig.contexts.iter().find(|c| c.name == *name).and_then(|c| c.context.clone());
            found.ok_or_else(|| unknown("context", name, &names))?
        }
        None if options.server.is_some() || options.cluster.is_some() => Context::default(),
        None => {
            let next = "choose one with `kubectl config use-context NAME`, or pass --context NAME";
            return Err(ConnectError::new("the kubeconfig has no current context", next));
        }
    };
    let cluster_name = options.cluster.clone().unwrap_or(context.cluster.clone());
    let found = kubeconfig.clusters.iter().find(|c| c.name == cluster_name).and_then(|c| c.cluster.clone());
    let names: Vec<_> = kubeconfig.clusters.iter().map(|c| c.name.as_str()).collect();
    let mut cluster = match found {
        Some(cluster) => cluster,
        None if options.server.is_some() && options.cluster.is_none() => Cluster::default(),
        None => return Err(unknown("cluster", &cluster_name, &names)),
    };
    overlay_cluster(&mut cluster, options);
    let user_name = options.user.clone().or(context.user.clone()).unwrap_or_default();
    let found = kubeconfig.auth_infos.iter().find(|u| u.name == user_name).and_then(|u| u.auth_info.clone());
    let names: Vec<_> = kubeconfig.auth_infos.iter().map(|u| u.name.as_str()).collect();
    let mut user = match found {
        Some(user) => user,
        None if options.user.is_none() => AuthInfo::default(),
        None => return Err(unknown("user", &user_name, &names)),
    };
    overlay_user(&mut user, options)?;
    let context =
        Context { cluster: String::from("c"), user: Some(String::from("u")), namespace: context.namespace, ..Context::default() };
    Ok(Kubeconfig {
        clusters: vec![NamedCluster { name: String::from("c"), cluster: Some(cluster), ..NamedCluster::default() }],
        auth_infos: vec![NamedAuthInfo { name: String::from("u"), auth_info: Some(user), ..NamedAuthInfo::default() }],
        contexts: vec![NamedContext { name: String::from("x"), context: Some(context), ..NamedContext::default() }],
        current_context: Some(String::from("x")),
        ..Kubeconfig::default()
    })
}

fn overlay_cluster(cluster: &mut Cluster, options: &ConnectOptions) {
    if let Some(server) = &options.server {
        cluster.server = Some(server.clone());
    }
    if let Some(file) = &options.certificate_authority {
        cluster.certificate_authority = Some(file.display().to_string());
        cluster.certificate_authority_data = None;
    }
    if options.insecure_skip_tls_verify {
        cluster.insecure_skip_tls_verify = Some(true);
        cluster.certificate_authority = None;
        cluster.certificate_authority_data = None;
    }
    if let Some(name) = &options.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
}

fn overlay_user(user: &mut AuthInfo, options: &ConnectOptions) -> Result<(), ConnectError> {
    if let Some(file) = &options.client_certificate {
        user.client_certificate = Some(file.display().to_string());
        user.client_certificate_data = None;
    }
    if let Some(file) = &options.client_key {
        user.client_key = Some(file.display().to_string());
        user.client_key_data = None;
    }
    if let Some(token) = &options.token {
        user.token = Some(SecretString::from(token.clone()));
        user.token_file = None;
        user.exec = None;
        user.auth_provider = None;
    }
    if let (Some(name), Some(password)) = (&options.username, &options.password) {
        user.username = Some(name.clone());
        user.password = Some(SecretString::from(password.clone()));
        (user.token, user.token_file, user.exec) = (None, None, None);
    }
    if let Some(name) = &options.as_user {
        user.impersonate = Some(name.clone());
    }
    if !options.as_groups.is_empty() {
        user.impersonate_groups = Some(options.as_groups.clone());
    }
    if let Some(uid) = &options.as_uid {
        user.impersonate_uid = Some(uid.clone());
    }
    let mut extra: HashMap<String, Vec<String>> = HashMap::new();
    for pair in &options.as_user_extra {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| ConnectError::new(format!("--as-user-extra has no value: {pair}"), "write it as KEY=VALUE"))?;
        extra.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    if !extra.is_empty() {
        user.impersonate_user_extra = Some(extra);
    }
    if user.impersonate.is_none() && (user.impersonate_groups.is_some() || user.impersonate_uid.is_some()) {
        return Err(ConnectError::new("--as-group and --as-uid need a user", "pass --as USER as well"));
    }
    Ok(())
}

fn unknown(kind: &str, name: &str, names: &[&str]) -> ConnectError {
    let mut near: Vec<_> = names.iter().map(|n| (strsim::jaro_winkler(name, n), *n)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let near: Vec<_> = near.into_iter().take(3).map(|(_, n)| n).collect();
    let next = if near.is_empty() {
        format!("the kubeconfig has no {kind}s: check KUBECONFIG or pass --kubeconfig FILE")
    } else {
        format!("use one that exists, such as {}", near.join(", "))
    };
    ConnectError::new(format!("{kind} {name} is not in the kubeconfig"), next)
}

/// A client certificate that ran out gives a bare 401 or TLS alert. Only when it is the one way to log in is it an error.
fn check_client_certificate(user: &NamedAuthInfo) -> Result<(), ConnectError> {
    let Some(auth) = &user.auth_info else { return Ok(()) };
    if auth.token.is_some() || auth.token_file.is_some() || auth.exec.is_some() || auth.auth_provider.is_some() {
        return Ok(());
    }
    let pem = match (&auth.client_certificate_data, &auth.client_certificate) {
        (Some(data), _) => decode_base64(data),
        (None, Some(file)) => {
            let unread = |why| {
                let cause = format!("cannot read the client certificate {file}: {why}");
                ConnectError::new(cause, "check --client-certificate, or client-certificate in the kubeconfig")
            };
            Some(std::fs::read(file).map_err(unread)?)
        }
        (None, None) => None,
    };
    let Some(until) = pem.and_then(|pem| not_after(&pem)) else { return Ok(()) };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    if until.timestamp() >= i64::try_from(now).unwrap_or(i64::MAX) {
        return Ok(());
    }
    let cause = format!("the client certificate in the kubeconfig expired on {until}");
    Err(ConnectError::new(cause, "renew it: log in to the cluster's provider again, or `kubeadm certs renew admin.conf`"))
}

/// The end of the validity of the first certificate in a PEM text.
fn not_after(pem: &[u8]) -> Option<x509_parser::time::ASN1Time> {
    let first = Pem::iter_from_buffer(pem).next()?.ok()?;
    Some(first.parse_x509().ok()?.validity().not_after)
}

/// The `certificate-authority` of the cluster is a server's own certificate: Go accepts that as a root, rustls does not.
pub(super) fn ca_is_a_leaf(config: &Config) -> bool {
    let is_leaf = |der: &Vec<u8>| x509_parser::parse_x509_certificate(der).is_ok_and(|(_, cert)| !cert.is_ca());
    config.root_cert.as_ref().is_some_and(|all| !all.is_empty() && all.iter().all(is_leaf))
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let bytes: ByteString = serde_json::from_value(serde_json::Value::from(text.trim())).ok()?;
    Some(bytes.0)
}

fn broken(error: &KubeconfigError) -> ConnectError {
    let next = "check the file with `kubectl config view`";
    if let KubeconfigError::ReadConfig(why, path) = error {
        let cause = format!("cannot read the kubeconfig {}: {why}", path.display());
        return ConnectError::new(cause, "check KUBECONFIG or --kubeconfig");
    }
    if let KubeconfigError::LoadClientCertificate(LoadDataError::ReadFile(why, path))
    | KubeconfigError::LoadClientKey(LoadDataError::ReadFile(why, path))
    | KubeconfigError::LoadCertificateAuthority(LoadDataError::ReadFile(why, path)) = error
    {
        let cause = format!("cannot read {}, which the kubeconfig or a flag names: {why}", path.display());
        return ConnectError::new(cause, "check the path, --client-certificate, --client-key and --certificate-authority");
    }
    if let KubeconfigError::Parse(error) = error {
        return ConnectError::new(format!("the kubeconfig is broken: {}", place_and_reason(error)), next);
    }
    ConnectError::new(format!("the kubeconfig is broken: {error}"), next)
}

/// Where the parser stopped and why. Its own words quote the file, and the file holds tokens and keys: a quoted line may be one,
/// and so may a value that the reason names.
fn place_and_reason(error: &serde_saphyr::Error) -> String {
    let place = error.location().map(|at| format!("line {} column {}: ", at.line(), at.column())).unwrap_or_default();
    let bare = error.without_snippet().to_string();
    let reason = bare.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let reason = reason.split_once(": ").filter(|(place, _)| place.starts_with("line ")).map_or(reason, |(_, why)| why);
    let reason = reason.rfind(" at line ").and_then(|at| reason.get(..at)).unwrap_or(reason);
    format!("{place}{}", without_values(reason))
}

/// A reason without what it quotes: the words between quotation marks and after a colon may be text of the file.
fn without_values(reason: &str) -> String {
    let mut told = String::new();
    let mut quote = None;
    for letter in reason.chars() {
        match quote {
            Some(open) if letter == open => {
                told.push('…');
                told.push(letter);
                quote = None;
            }
            Some(_) => {}
            None => {
                quote = ['"', '`', '\''].contains(&letter).then_some(letter);
                told.push(letter);
            }
        }
    }
    told
}

fn parse_proxy(text: &str) -> Result<http::Uri, ConnectError> {
    let bad = |e| {
        ConnectError::new(
            format!("the proxy's address is broken: {e}"),
            "check proxy-url in the kubeconfig, HTTPS_PROXY and HTTP_PROXY",
        )
    };
    text.parse().map_err(bad)
}

/// `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` as kubectl reads them (golang.org/x/net/http/httpproxy): never for loopback.
fn proxy_of_environment(server: &http::Uri) -> Result<Option<http::Uri>, ConnectError> {
    let variable = |name: &str| {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        read(name).or_else(|| read(&name.to_lowercase()))
    };
    let name = if server.scheme_str() == Some("http") { "HTTP_PROXY" } else { "HTTPS_PROXY" };
    let Some(proxy) = variable(name) else { return Ok(None) };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    if is_direct(host, server.port_u16(), &variable("NO_PROXY").unwrap_or_default()) {
        return Ok(None);
    }
    let with_scheme = if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
    parse_proxy(&with_scheme).map(Some)
}

fn is_direct(host: &str, port: Option<u16>, no_proxy: &str) -> bool {
    let host = host.to_lowercase();
    let ip: Option<std::net::IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    no_proxy.split(',').map(|e| e.trim().to_lowercase()).filter(|e| !e.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let (Some(ip), Ok(net)) = (ip, entry.parse::<ipnet::IpNet>()) {
            return net.contains(&ip);
        }
        let (name, only) = match entry.rsplit_once(':') {
            Some((name, p)) if !name.contains(':') => (name, p.parse::<u16>().ok()),
            Some(_) | None => (entry.as_str(), None),
        };
        if only.is_some() && only != port {
            return false;
        }
        let bare = name.trim_start_matches("*.").trim_start_matches('.');
        (host == bare && !name.starts_with('.')) || (ip.is_none() && host.ends_with(&format!(".{bare}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Kubeconfig {
        Kubeconfig::from_yaml(text).expect("valid")
    }

    const TWO: &str = "
current-context: prod
contexts:
- {name: prod, context: {cluster: one, user: me, namespace: shop}}
- {name: staging, context: {cluster: two, user: me}}
clusters:
- {name: one, cluster: {server: 'https://10.0.0.1:6443'}}
- {name: two, cluster: {server: 'https://10.0.0.2:6443'}}
users:
- {name: me, user: {token: abc}}
";

    #[test]
    fn flags_win_over_the_file() {
        let options = ConnectOptions {
            context: Some(String::from("staging")),
            cluster: Some(String::from("one")),
            token: Some(String::from("flag")),
            as_user: Some(String::from("jane")),
            as_groups: vec![String::from("devs")],
            as_user_extra: vec![String::from("scope=a"), String::from("scope=b")],
            insecure_skip_tls_verify: true,
            ..ConnectOptions::default()
        };
        let chosen = choose(config(TWO), &options).expect("valid");
        let cluster = chosen.clusters[0].cluster.clone().expect("cluster");
        assert_eq!((cluster.server.as_deref(), cluster.insecure_skip_tls_verify), (Some("https://10.0.0.1:6443"), Some(true)));
        let user = chosen.auth_infos[0].auth_info.clone().expect("user");
        assert_eq!(user.impersonate.as_deref(), Some("jane"));
        assert_eq!(user.impersonate_user_extra.expect("extra")["scope"], ["a", "b"]);
        assert_eq!(secrecy::ExposeSecret::expose_secret(&user.token.expect("token")), "flag");
    }

    #[test]
    fn an_unknown_context_names_its_neighbours() {
        let options = ConnectOptions { context: Some(String::from("stagign")), ..ConnectOptions::default() };
        let error = choose(config(TWO), &options).expect_err("unknown");
        assert_eq!(error.cause, "context stagign is not in the kubeconfig");
        assert_eq!(error.next, "use one that exists, such as staging, prod");
    }

    #[test]
    fn no_kubeconfig_says_where_it_was_looked_for() {
        let home = tempfile::tempdir().unwrap();
        let nowhere_to_look = candidates(None, Some(home.path()));
        assert!(merge(&nowhere_to_look).unwrap().is_none());
        let error = nowhere(&nowhere_to_look);
        assert!(error.cause.starts_with("no kubeconfig: ") && error.cause.ends_with("/.kube/config does not exist"), "{error}");
        assert_eq!(error.next, "set KUBECONFIG, or pass --kubeconfig FILE");
    }

    #[test]
    fn files_of_the_list_are_merged_and_the_first_wins() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        std::fs::write(&one, "current-context: staging").unwrap();
        std::fs::write(&two, TWO).unwrap();
        let list = std::env::join_paths([one, place.path().join("gone"), two]).unwrap();
        let merged = merge(&candidates(Some(&list), None)).unwrap().unwrap();
        assert_eq!(merged.current_context.as_deref(), Some("staging"));
        assert_eq!(merged.contexts.len(), 2);
    }

    #[test]
    fn a_broken_file_is_told_without_its_text() {
        let secret = "eyJhbGciOiJSUzI1NiJ9";
        let broken_texts = [
            format!("users: [{{name: me, user: {{token: \"{secret}\"}}]\ncontexts: []\n"),
            format!("users:\n- name: me\n  user: {secret}\n"),
            format!("users:\n- name: me\n  user:\n    token: [{secret}]\n"),
            format!("users:\n- name: me\n  user:\n    token: \"{secret}\n"),
            format!("users:\n- name: me\n  user:\n\t{secret}: {secret}\n"),
            format!("users: {secret}\n"),
            format!(
                "users:\n- name: me\n  user: {{token: x}}\nclusters: [{{name: c, cluster: {{insecure-skip-tls-verify: {secret}}}}}]\n"
            ),
            format!("users:\n- name: me\n  user: {{token: *{secret}}}\n"),
            format!("users:\n- name: me\n  user: {{token: x, token: {secret}, {secret}: 1, {secret}: 2}}\n"),
            format!("users:\n- name: me\n  user: {{exec: {{interactiveMode: {secret}}}}}\n"),
        ];
        for text in broken_texts {
            let Err(error) = Kubeconfig::from_yaml(&text) else { continue };
            let told = broken(&error);
            assert!(!told.to_string().contains(secret) && !told.cause.contains('\n'), "{told}");
            assert!(told.cause.starts_with("the kubeconfig is broken: line "), "{told}");
        }
    }

    #[test]
    fn a_missing_client_certificate_is_named() {
        let auth = AuthInfo { client_certificate: Some(String::from("/nowhere/me.crt")), ..AuthInfo::default() };
        let user = NamedAuthInfo { name: String::from("me"), auth_info: Some(auth), ..NamedAuthInfo::default() };
        let error = check_client_certificate(&user).expect_err("refused");
        assert!(error.cause.starts_with("cannot read the client certificate /nowhere/me.crt: "), "{error}");
    }

    #[test]
    fn groups_need_a_user() {
        let options = ConnectOptions { as_groups: vec![String::from("devs")], ..ConnectOptions::default() };
        assert_eq!(choose(config(TWO), &options).expect_err("refused").cause, "--as-group and --as-uid need a user");
    }

    #[test]
    fn no_proxy_is_matched_against_the_server() {
        assert!(is_direct("127.0.0.1", Some(6443), ""));
        assert!(is_direct("localhost", None, ""));
        assert!(is_direct("10.1.2.3", None, "example.org,10.0.0.0/8"));
        assert!(is_direct("api.example.org", None, ".example.org") && is_direct("api.example.org", None, "example.org"));
        assert!(!is_direct("example.org", None, ".example.org"));
        assert!(!is_direct("badexample.org", None, "example.org"));
        assert!(is_direct("a.b", Some(443), "a.b:443") && !is_direct("a.b", Some(6443), "a.b:443"));
        assert!(!is_direct("192.168.0.1", None, "10.0.0.0/8"));
    }
}
