//! Pods.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, EphemeralContainer, HostAlias, Pod, PodCondition, PodSpec, PodStatus, Probe, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, keep};
use crate::discover::wire::{
    Message, bool, inline, int, int_or_string, int_pointer, many, one, quantity_map, text, text_pointer,
};
use crate::model;

impl Object for Pod {
    type Model = model::Pod;
    const WIRE: Option<&'static Message> = Some(&POD);

    /// The service account `default` (`plugin/pkg/admission/serviceaccount`, v1.36).
    fn admit(&mut self) {
        if let Some(spec) = &mut self.spec {
            spec.service_account_name.get_or_insert_with(|| String::from("default"));
        }
    }

    fn keep(self) -> Self {
        Self { metadata: keep::metadata(self.metadata), spec: self.spec.map(keep_spec), status: self.status.map(keep_status) }
    }

    fn model(self) -> Result<model::Pod, String> {
        let (namespace, name) = keep::names(&self.metadata);
        let annotations = self.metadata.annotations.clone().unwrap_or_default();
        let spec = self.spec.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        let conditions: Vec<_> = status.conditions.unwrap_or_default().into_iter().map(condition).collect();
        let mut ips = Vec::new();
        for ip in status.pod_ips.unwrap_or_default() {
            ips.push(keep::ip("podIPs", &ip.ip)?);
        }
        if ips.is_empty()
            && let Some(ip) = status.pod_ip.as_deref().filter(|ip| !ip.is_empty())
        {
            ips.push(keep::ip("podIP", ip)?);
        }
        let owner = self.metadata.owner_references.as_ref().and_then(|all| all.iter().find(|o| o.controller == Some(true)));
        let running = status.container_statuses.unwrap_or_default();
        let started = status.init_container_statuses.unwrap_or_default();
        let debuggers = status.ephemeral_container_statuses.unwrap_or_default();
        Ok(model::Pod {
            labels: keep::labels(&self.metadata),
            owner: owner.map(|o| (o.kind.to_lowercase(), o.name.clone())),
            mirror: annotations.contains_key("kubernetes.io/config.mirror"),
            annotations,
            namespace,
            name,
            uid: self.metadata.uid.unwrap_or_default(),
            node: spec.node_name.filter(|n| !n.is_empty()),
            ips,
            host_network: spec.host_network == Some(true),
            service_account: spec.service_account_name.clone(),
            phase: status.phase.unwrap_or_else(|| String::from("Unknown")),
            reason: status.reason,
            message: status.message,
            ready: conditions.iter().any(|c| c.kind == "Ready" && c.status == "True"),
            terminating: self.metadata.deletion_timestamp.is_some(),
            dns_policy: spec.dns_policy,
            host_aliases: spec.host_aliases.is_some_and(|all| !all.is_empty()),
            os: spec.os.map(|os| os.name),
            runtime_class: spec.runtime_class_name,
            conditions,
            containers: containers(spec.containers, &running)?,
            init_containers: containers(spec.init_containers.unwrap_or_default(), &started)?,
            ephemeral_containers: containers(spec.ephemeral_containers.unwrap_or_default().into_iter().map(plain), &debuggers)?,
        })
    }
}

pub(super) fn keep_spec(spec: PodSpec) -> PodSpec {
    PodSpec {
        containers: spec.containers.into_iter().map(keep_container).collect(),
        init_containers: spec.init_containers.map(|all| all.into_iter().map(keep_container).collect()),
        ephemeral_containers: spec.ephemeral_containers.map(|all| all.into_iter().map(keep_ephemeral).collect()),
        dns_policy: spec.dns_policy,
        // that there are some is all the model says
        host_aliases: spec.host_aliases.map(|all| all.into_iter().map(|a| HostAlias { ip: a.ip, hostnames: None }).collect()),
        host_network: spec.host_network,
        service_account_name: spec.service_account_name,
        node_name: spec.node_name,
        os: spec.os,
        runtime_class_name: spec.runtime_class_name,
        ..PodSpec::default()
    }
}

fn keep_container(c: Container) -> Container {
    Container {
        name: c.name,
        image: c.image,
        ports: c.ports,
        readiness_probe: c.readiness_probe.map(keep_probe),
        liveness_probe: c.liveness_probe.map(keep_probe),
        startup_probe: c.startup_probe.map(keep_probe),
        resources: c.resources.map(keep_resources),
        ..Container::default()
    }
}

/// Only the memory limit: what a container that was out of memory may use.
fn keep_resources(resources: ResourceRequirements) -> ResourceRequirements {
    let limits = resources.limits.map(|all| all.into_iter().filter(|(name, _)| name == "memory").collect());
    ResourceRequirements { limits, ..ResourceRequirements::default() }
}

fn keep_ephemeral(c: EphemeralContainer) -> EphemeralContainer {
    EphemeralContainer { name: c.name, image: c.image, ..EphemeralContainer::default() }
}

/// Headers of an HTTP probe and the command of an exec probe may hold credentials.
fn keep_probe(mut probe: Probe) -> Probe {
    if let Some(get) = &mut probe.http_get {
        get.http_headers = None;
        get.path = get.path.take().and_then(|p| p.split('?').next().map(str::to_owned));
    }
    if let Some(exec) = &mut probe.exec {
        exec.command = None;
    }
    probe
}

fn keep_status(status: PodStatus) -> PodStatus {
    let statuses = |all: Option<Vec<ContainerStatus>>| all.map(|all| all.into_iter().map(keep_container_status).collect());
    PodStatus {
        conditions: status.conditions.map(|all| {
            let keep = |c: PodCondition| PodCondition {
                type_: c.type_,
                status: c.status,
                reason: c.reason,
                message: keep::message(c.message),
                ..PodCondition::default()
            };
            all.into_iter().map(keep).collect()
        }),
        container_statuses: statuses(status.container_statuses),
        init_container_statuses: statuses(status.init_container_statuses),
        ephemeral_container_statuses: statuses(status.ephemeral_container_statuses),
        phase: status.phase,
        pod_ip: status.pod_ip,
        pod_ips: status.pod_ips,
        reason: status.reason,
        message: keep::message(status.message),
        ..PodStatus::default()
    }
}

fn keep_container_status(s: ContainerStatus) -> ContainerStatus {
    ContainerStatus {
        name: s.name,
        ready: s.ready,
        restart_count: s.restart_count,
        state: s.state.map(keep_state),
        last_state: s.last_state.map(keep_state),
        ..ContainerStatus::default()
    }
}

fn keep_state(state: ContainerState) -> ContainerState {
    ContainerState {
        running: state.running.map(|_| ContainerStateRunning::default()),
        waiting: state.waiting.map(|w| ContainerStateWaiting { reason: w.reason, message: keep::message(w.message) }),
        terminated: state.terminated.map(|t| ContainerStateTerminated {
            exit_code: t.exit_code,
            message: keep::end_message(t.reason.as_deref(), t.message),
            reason: t.reason,
            ..ContainerStateTerminated::default()
        }),
    }
}

fn condition(c: PodCondition) -> model::Condition {
    model::Condition {
        kind: c.type_,
        status: c.status,
        reason: c.reason.unwrap_or_default(),
        message: c.message.unwrap_or_default(),
    }
}

fn plain(c: EphemeralContainer) -> Container {
    Container { name: c.name, image: c.image, ..Container::default() }
}

fn containers(specs: impl IntoIterator<Item = Container>, statuses: &[ContainerStatus]) -> Result<Vec<model::Container>, String> {
    specs.into_iter().map(|c| container(c, statuses)).collect()
}

fn container(c: Container, statuses: &[ContainerStatus]) -> Result<model::Container, String> {
    let status = statuses.iter().find(|s| s.name == c.name);
    Ok(model::Container {
        probes: probes(&c),
        image: c.image.unwrap_or_default(),
        ports: c.ports.unwrap_or_default().into_iter().map(container_port).collect::<Result<_, _>>()?,
        readiness_probe: c.readiness_probe.as_ref().map(probe_in_words),
        ready: status.is_some_and(|s| s.ready),
        memory_limit: c.resources.and_then(|r| r.limits).and_then(|all| all.get("memory").map(|q| q.0.clone())),
        restarts: status.and_then(|s| u32::try_from(s.restart_count).ok()).unwrap_or_default(),
        state: state(status.and_then(|s| s.state.as_ref())),
        last: state(status.and_then(|s| s.last_state.as_ref())),
        name: c.name,
    })
}

fn container_port(p: ContainerPort) -> Result<model::ContainerPort, String> {
    Ok(model::ContainerPort {
        port: keep::port("containerPort", p.container_port)?,
        protocol: keep::protocol("protocol of a container port", p.protocol.as_deref())?,
        host_port: p.host_port.filter(|port| *port != 0).map(|port| keep::port("hostPort", port)).transpose()?,
        name: p.name,
    })
}

fn state(state: Option<&ContainerState>) -> model::ContainerState {
    let Some(state) = state else { return model::ContainerState::None };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match (&state.terminated, &state.running, &state.waiting) {
        (Some(t), _, _) => {
            model::ContainerState::Terminated { exit_code: t.exit_code, reason: text(&t.reason), message: text(&t.message) }
        }
        (None, Some(_), _) => model::ContainerState::Running,
        (None, None, Some(w)) => model::ContainerState::Waiting { reason: text(&w.reason), message: text(&w.message) },
        (None, None, None) => model::ContainerState::None,
    }
}

/// The probes that the kubelet sends to the pod's own address.
fn probes(c: &Container) -> Vec<model::NetworkProbe> {
    let all = [
        (model::ProbeKind::Readiness, &c.readiness_probe),
        (model::ProbeKind::Liveness, &c.liveness_probe),
        (model::ProbeKind::Startup, &c.startup_probe),
    ];
    let port = |port: &IntOrString| match port {
        IntOrString::Int(number) => u16::try_from(*number).ok().map(model::TargetPort::Number),
        IntOrString::String(name) => Some(model::TargetPort::Name(name.clone())),
    };
    // one that names a host goes there
    let is_own = |host: &Option<String>| host.as_ref().is_none_or(String::is_empty);
    let of = |probe: &Probe| match (&probe.http_get, &probe.tcp_socket, &probe.grpc) {
        (Some(get), _, _) => is_own(&get.host).then(|| port(&get.port)).flatten(),
        (None, Some(tcp), _) => is_own(&tcp.host).then(|| port(&tcp.port)).flatten(),
        (None, None, Some(grpc)) => u16::try_from(grpc.port).ok().map(model::TargetPort::Number),
        (None, None, None) => None,
    };
    all.into_iter().filter_map(|(kind, probe)| Some(model::NetworkProbe { kind, port: of(probe.as_ref()?)? })).collect()
}

fn probe_in_words(probe: &Probe) -> String {
    let port = |port: &IntOrString| match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    };
    if let Some(get) = &probe.http_get {
        return format!("GET :{}{}", port(&get.port), get.path.as_deref().unwrap_or("/"));
    }
    if let Some(tcp) = &probe.tcp_socket {
        return format!("connect to :{}", port(&tcp.port));
    }
    if let Some(grpc) = &probe.grpc {
        return format!("gRPC :{}", grpc.port);
    }
    String::from("a command in the container")
}

/// `core/v1.Pod`, as far as [`Object::keep`] keeps it.
const POD: Message = Message(&[one(1, "metadata", &keep::META), one(2, "spec", &SPEC), one(3, "status", &STATUS)]);

const SPEC: Message = Message(&[
    many(2, "containers", &CONTAINER),
    text(6, "dnsPolicy"),
    text(8, "serviceAccountName"),
    text(10, "nodeName"),
    bool(11, "hostNetwork"),
    many(20, "initContainers", &CONTAINER),
    many(23, "hostAliases", &Message(&[text(1, "ip")])),
    text_pointer(29, "runtimeClassName"),
    many(34, "ephemeralContainers", &Message(&[inline(1, &Message(&[text(1, "name"), text(2, "image")]))])),
    one(36, "os", &Message(&[text(1, "name")])),
]);

const CONTAINER: Message = Message(&[
    text(1, "name"),
    text(2, "image"),
    many(6, "ports", &CONTAINER_PORT),
    one(8, "resources", &Message(&[quantity_map(1, "limits")])),
    one(10, "livenessProbe", &PROBE),
    one(11, "readinessProbe", &PROBE),
    one(22, "startupProbe", &PROBE),
]);

const CONTAINER_PORT: Message =
    Message(&[text(1, "name"), int(2, "hostPort"), int(3, "containerPort"), text(4, "protocol"), text(5, "hostIP")]);

const PROBE: Message = Message(&[
    inline(1, &HANDLER),
    int(2, "initialDelaySeconds"),
    int(3, "timeoutSeconds"),
    int(4, "periodSeconds"),
    int(5, "successThreshold"),
    int(6, "failureThreshold"),
    int_pointer(7, "terminationGracePeriodSeconds"),
]);

/// Without command and headers, which may hold credentials.
const HANDLER: Message = Message(&[
    one(1, "exec", &Message(&[])),
    one(2, "httpGet", &Message(&[text(1, "path"), int_or_string(2, "port"), text(3, "host"), text(4, "scheme")])),
    one(3, "tcpSocket", &Message(&[int_or_string(1, "port"), text(2, "host")])),
    one(4, "grpc", &Message(&[int(1, "port"), text_pointer(2, "service")])),
]);

const STATUS: Message = Message(&[
    text(1, "phase"),
    many(2, "conditions", &Message(&[text(1, "type"), text(2, "status"), text(5, "reason"), text(6, "message")])),
    text(3, "message"),
    text(4, "reason"),
    text(6, "podIP"),
    many(8, "containerStatuses", &CONTAINER_STATUS),
    many(10, "initContainerStatuses", &CONTAINER_STATUS),
    many(12, "podIPs", &Message(&[text(1, "ip")])),
    many(13, "ephemeralContainerStatuses", &CONTAINER_STATUS),
]);

const CONTAINER_STATUS: Message = Message(&[
    text(1, "name"),
    one(2, "state", &CONTAINER_STATE),
    one(3, "lastState", &CONTAINER_STATE),
    bool(4, "ready"),
    int(5, "restartCount"),
]);

const CONTAINER_STATE: Message = Message(&[
    one(1, "waiting", &Message(&[text(1, "reason"), text(2, "message")])),
    one(2, "running", &Message(&[])),
    one(3, "terminated", &Message(&[int(1, "exitCode"), text(3, "reason"), text(4, "message")])),
]);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_do_not_survive_and_the_model_does() {
        let pod = json!({
            "metadata": {"name": "web-1", "namespace": "shop", "managedFields": [{"manager": "hunter2"}],
                "annotations": {"vault": "hunter2"}, "labels": {"app": "web"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u", "controller": true}]},
            "spec": {"nodeName": "n1", "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["hunter2"]}], "containers": [{
                "name": "web", "image": "web:1", "args": ["--password=hunter2"], "command": ["hunter2"],
                "env": [{"name": "A", "value": "hunter2"}], "ports": [{"containerPort": 8080, "name": "http"}],
                "resources": {"limits": {"memory": "170Mi", "cpu": "1"}, "requests": {"memory": "70Mi"}},
                "readinessProbe": {"httpGet": {"port": 8080, "path": "/ready?key=hunter2", "httpHeaders": [{"name": "a", "value": "hunter2"}]}}}]},
            "status": {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}, {"ip": "fd00::3"}],
                "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
                "containerStatuses": [{"name": "web", "image": "", "imageID": "", "ready": false, "restartCount": 3,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                    "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "hunter2"}}}]}
        });
        let kept = crate::discover::objects::keep_as::<Pod>(pod).expect("valid");
        assert!(!kept.to_string().contains("hunter2"), "{kept}");
        let pods = crate::discover::objects::model_all::<Pod>(&[kept]).expect("valid");
        let pod = &pods[0];
        assert_eq!((pod.ips.len(), pod.ready, pod.host_aliases, pod.node.as_deref()), (2, false, true, Some("n1")));
        assert_eq!(pod.owner, Some((String::from("replicaset"), String::from("web"))));
        let c = &pod.containers[0];
        assert_eq!((c.readiness_probe.as_deref(), c.restarts), (Some("GET :8080/ready"), 3));
        assert_eq!(c.memory_limit.as_deref(), Some("170Mi"));
        assert_eq!(c.ports[0].port, 8080);
        assert!(matches!(&c.state, model::ContainerState::Waiting { reason, .. } if reason == "CrashLoopBackOff"));
        assert!(matches!(&c.last, model::ContainerState::Terminated { exit_code: 1, .. }));
    }

    #[test]
    fn a_malformed_pod_is_named() {
        let bad = json!({"metadata": {"name": "x", "namespace": "shop"}, "spec": {"containers": 5}});
        assert!(crate::discover::objects::keep_as::<Pod>(bad).expect_err("bad").starts_with("shop/x: "));
        let bad = json!({"metadata": {"name": "x", "namespace": "shop"}, "status": {"podIP": "10.0.0"}});
        assert_eq!(
            crate::discover::objects::model_all::<Pod>(&[bad]),
            Err(String::from("shop/x: podIP is not an address: 10.0.0"))
        );
    }
}
