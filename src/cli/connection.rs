//! kubectl's connection flags (cli-runtime `ConfigFlags`), which kubectl passes on only behind the plugin's name.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueHint};

use crate::discover::ConnectOptions;

use super::duration;

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection, as in kubectl")]
pub struct Connection {
    /// The namespace of names without one.
    #[arg(short, long, value_name = "NAMESPACE", global = true)]
    pub namespace: Option<String>,
    /// The context of the kubeconfig.
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Option<String>,
    /// The kubeconfig file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// The cluster of the kubeconfig.
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub cluster: Option<String>,
    /// The user of the kubeconfig.
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub user: Option<String>,
    /// Address and port of the API server.
    #[arg(short, long, value_name = "URL", value_hint = ValueHint::Url, global = true, hide_short_help = true)]
    pub server: Option<String>,
    /// How long one request may take, as 1s or 2m; 0 is netcheck's own limit.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, global = true, hide_short_help = true)]
    pub request_timeout: Option<Duration>,
    /// User name to impersonate.
    #[arg(long = "as", value_name = "USER", global = true, hide_short_help = true)]
    pub as_user: Option<String>,
    /// Group to impersonate; may be repeated.
    #[arg(long, value_name = "GROUP", action = ArgAction::Append, global = true, hide_short_help = true)]
    pub as_group: Vec<String>,
    /// UID to impersonate.
    #[arg(long, value_name = "UID", global = true, hide_short_help = true)]
    pub as_uid: Option<String>,
    /// Extra field to impersonate, as KEY=VALUE; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", action = ArgAction::Append, global = true, hide_short_help = true)]
    pub as_user_extra: Vec<String>,
    /// Bearer token.
    #[arg(long, value_name = "TOKEN", global = true, hide_short_help = true)]
    pub token: Option<String>,
    /// User name of basic authentication.
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub username: Option<String>,
    /// Password of basic authentication.
    #[arg(long, value_name = "PASSWORD", global = true, hide_short_help = true)]
    pub password: Option<String>,
    /// Certificate of the API server's authority.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, global = true, hide_short_help = true)]
    pub certificate_authority: Option<PathBuf>,
    /// Client certificate.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, global = true, hide_short_help = true)]
    pub client_certificate: Option<PathBuf>,
    /// Key of the client certificate.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, global = true, hide_short_help = true)]
    pub client_key: Option<PathBuf>,
    /// The name the server's certificate must have.
    #[arg(long, value_name = "NAME", global = true, hide_short_help = true)]
    pub tls_server_name: Option<String>,
    /// Take any certificate of the server. Insecure.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set, global = true, hide_short_help = true)]
    pub insecure_skip_tls_verify: bool,
    /// Ask for answers that are not compressed.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set, global = true, hide_short_help = true)]
    pub disable_compression: bool,
    /// Taken for kubectl's sake: netcheck caches nothing.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, global = true, hide_short_help = true)]
    pub cache_dir: Option<PathBuf>,
}

impl Connection {
    /// What discovery needs to connect.
    pub fn options(&self) -> ConnectOptions {
        ConnectOptions {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            namespace: self.namespace().map(str::to_owned),
            server: self.server.clone(),
            token: self.token.clone(),
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            tls_server_name: self.tls_server_name.clone(),
            as_user: self.as_user.clone(),
            as_groups: self.as_group.clone(),
            as_uid: self.as_uid.clone(),
            as_user_extra: self.as_user_extra.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            request_timeout: self.request_timeout,
            cache_dir: self.cache_dir.clone(),
            disable_compression: self.disable_compression,
            deadline: None,
        }
    }

    /// `-n`, unless it is empty: kubectl takes an empty namespace for none.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|n| !n.is_empty())
    }
}
