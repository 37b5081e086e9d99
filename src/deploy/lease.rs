//! Whether a node's kubelet still lives: it renews a Lease every ten seconds, while the node's Ready condition turns Unknown only after
//! most of a minute.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::sleep;

use super::trouble;
use crate::discover::{Live, escape};
use crate::model::ObjectRef;
use crate::protocol::{LaunchFailure, LaunchProblem};

/// Where kubelets keep their leases, by the node's name.
const NAMESPACE: &str = "kube-node-lease";

/// Before the first look, and between looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Ends once the kubelet has missed renewals, unless `heard` says that it reports all the same. Waits for ever where the lease cannot be
/// read.
pub(super) async fn of_silent_kubelet(live: &Live, pod: &ObjectRef, node: &str, heard: impl Fn() -> bool) -> LaunchFailure {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{}", escape(node));
    loop {
        sleep(PAUSE).await;
        if heard() {
            continue;
        }
        let lease = live.get(&path).await.ok().and_then(|body| serde_json::from_slice::<Lease>(&body).ok());
        let Some(lease) = lease else { return std::future::pending().await };
        if let Some(age) = age(&lease, live) {
            let cause = format!("the kubelet of node {node} does not report: it renewed its lease {} s ago", age.as_secs());
            let next = format!("`kubectl describe node {node}`, and look at the kubelet on it");
            return trouble::failure(pod, LaunchProblem::Node, &cause, &next);
        }
    }
}

/// The age of a lease of which two renewals are missing: half of its duration, as the kubelet renews it at every quarter
/// (pkg/kubelet/kubelet.go, `nodeLeaseRenewIntervalFraction`, Kubernetes 1.36).
fn age(lease: &Lease, live: &Live) -> Option<Duration> {
    let spec = lease.spec.as_ref()?;
    let lasts = Duration::from_secs(u64::try_from(spec.lease_duration_seconds?).ok()?);
    let age = live.server_time()?.duration_since(spec.renew_time.as_ref()?.0);
    // a node's clock may be ahead of the API server's
    let age = Duration::try_from(age).ok()?;
    (age > lasts / 2).then_some(age)
}
