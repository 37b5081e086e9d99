//! Names for completion from the cluster, within a moment or not at all.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;

use crate::discover::{self, Discovery, Notices, Reader};
use crate::model::{Cluster, Query, Resource, gateway};
use crate::plan::routes;

use super::args::Cli;
use super::complete::{Choices, Wanted, choices};
use super::connection::Connection;
use super::exit::Exit;
use super::grammar::kinds::Kind;
use super::kubeconfig::Kubeconfig;
use super::terminal;

/// A shell that waits longer feels stuck.
const BUDGET: Duration = Duration::from_millis(300);

/// The words to complete, when the program was called for that: by kubectl's name for it, or by its own hidden command.
pub(super) fn asked(arguments: &[OsString]) -> Option<Vec<String>> {
    let (program, rest) = arguments.split_first()?;
    let name = Path::new(program).file_stem()?.to_str()?;
    let words = match rest.split_first() {
        _ if name == "kubectl_complete-netcheck" => rest,
        Some((first, rest)) if first == "__complete" => match rest.split_first() {
            Some((dashes, words)) if dashes == "--" => words,
            _ => rest,
        },
        _ => return None,
    };
    Some(words.iter().map(|w| w.to_string_lossy().into_owned()).collect())
}

/// Prints the choices.
pub(super) fn run(words: &[String]) -> Exit {
    let connection = connection(words);
    let kubeconfig = Kubeconfig::read(connection.kubeconfig.as_deref().and_then(Path::to_str));
    let mut names = |wanted: &Wanted| match wanted {
        Wanted::Kubeconfig(list) => kubeconfig.names(list),
        Wanted::Objects(..) | Wanted::Namespaces => {
            let may_ask =
                connection.token.is_none() && kubeconfig.may_ask(connection.context.as_deref(), connection.user.as_deref());
            if may_ask { Vec::new() } else { live(&connection, wanted) }
        }
    };
    let found: Choices = choices(words, &mut names);
    // a shell that cannot read the answer has nowhere to show an error either
    drop(terminal::out(&found.print()));
    Exit::Healthy
}

/// The connection flags among the words, as far as they are complete.
fn connection(words: &[String]) -> Connection {
    let complete = words.split_last().map_or(&[][..], |(_, before)| before);
    let all = std::iter::once("kubectl-netcheck").chain(complete.iter().map(String::as_str));
    Cli::try_parse_from(all).map(|cli| cli.connection).unwrap_or_default()
}

fn live(connection: &Connection, wanted: &Wanted) -> Vec<String> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let names = runtime.block_on(async { tokio::time::timeout(BUDGET, ask(connection, wanted)).await.unwrap_or_default() });
    // a login that still runs must not hold the shell up
    runtime.shutdown_background();
    names
}

async fn ask(connection: &Connection, wanted: &Wanted) -> Vec<String> {
    let mut options = connection.options();
    options.request_timeout = Some(BUDGET);
    let Ok(live) = discover::connect(&options, Notices::default()).await else {
        return Vec::new();
    };
    let mut discovery = Discovery::unrecorded(Reader::Live(live));
    let query = match wanted {
        Wanted::Objects(kind, namespace) => {
            let resource = resource(*kind);
            match kind {
                Kind::Node => Query::all(resource),
                Kind::Pod
                | Kind::Service
                | Kind::Deployment
                | Kind::StatefulSet
                | Kind::DaemonSet
                | Kind::ReplicaSet
                | Kind::Job
                | Kind::CronJob
                | Kind::Ingress
                | Kind::Gateway
                | Kind::HttpRoute
                | Kind::GrpcRoute => {
                    let own = discovery.namespace().to_owned();
                    Query::within(resource, namespace.as_deref().unwrap_or(&own))
                }
            }
        }
        Wanted::Namespaces => Query::all(Resource::Namespaces),
        Wanted::Kubeconfig(_) => return Vec::new(),
    };
    discovery.ask(&[query]).await;
    names_in(discovery.cluster(), wanted)
}

fn resource(kind: Kind) -> Resource {
    match kind {
        Kind::Pod => Resource::Pods,
        Kind::Service => Resource::Services,
        Kind::Node => Resource::Nodes,
        Kind::Deployment => Resource::Deployments,
        Kind::StatefulSet => Resource::StatefulSets,
        Kind::DaemonSet => Resource::DaemonSets,
        Kind::ReplicaSet => Resource::ReplicaSets,
        Kind::Job => Resource::Jobs,
        Kind::CronJob => Resource::CronJobs,
        Kind::Ingress => Resource::Ingresses,
        Kind::Gateway => Resource::Custom(gateway::GATEWAYS.to_owned()),
        Kind::HttpRoute => Resource::Custom(gateway::HTTP_ROUTES.to_owned()),
        Kind::GrpcRoute => Resource::Custom(gateway::GRPC_ROUTES.to_owned()),
    }
}

fn names_in(cluster: &Cluster, wanted: &Wanted) -> Vec<String> {
    let mut names: Vec<String> = match wanted {
        Wanted::Objects(Kind::Pod, _) => cluster.pods.seen().map(|p| p.name.clone()).collect(),
        Wanted::Objects(Kind::Service, _) => cluster.services.seen().map(|s| s.name.clone()).collect(),
        Wanted::Objects(kind @ (Kind::Ingress | Kind::Gateway | Kind::HttpRoute | Kind::GrpcRoute), _) => {
            routes::names(kind.singular(), cluster).into_iter().map(|(_, name)| name).collect()
        }
        Wanted::Objects(Kind::Node, _) => cluster.nodes.seen().map(|n| n.name.clone()).collect(),
        Wanted::Objects(
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::ReplicaSet | Kind::Job | Kind::CronJob,
            _,
        ) => cluster.workloads.seen().map(|w| w.name.clone()).collect(),
        Wanted::Namespaces => cluster.namespaces.seen().map(|n| n.name.clone()).collect(),
        Wanted::Kubeconfig(_) => Vec::new(),
    };
    names.sort();
    names
}
