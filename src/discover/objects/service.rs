//! Services.

use k8s_openapi::api::core::v1::{LoadBalancerIngress, LoadBalancerStatus, Service, ServicePort, ServiceSpec, ServiceStatus};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, keep};
use crate::discover::wire::{Message, bool, int, int_or_string, int_pointer, many, one, text, text_map, text_pointer, texts};
use crate::model::{self, ServiceKind, TargetPort};

impl Object for Service {
    type Model = model::Service;
    const WIRE: Option<&'static Message> = Some(&SERVICE);

    fn keep(self) -> Self {
        let spec = |s: ServiceSpec| ServiceSpec {
            cluster_ip: s.cluster_ip,
            cluster_ips: s.cluster_ips,
            external_ips: s.external_ips,
            external_name: s.external_name,
            external_traffic_policy: s.external_traffic_policy,
            health_check_node_port: s.health_check_node_port,
            internal_traffic_policy: s.internal_traffic_policy,
            ip_families: s.ip_families,
            load_balancer_class: s.load_balancer_class,
            ports: s.ports,
            publish_not_ready_addresses: s.publish_not_ready_addresses,
            selector: s.selector,
            session_affinity: s.session_affinity,
            session_affinity_config: s.session_affinity_config,
            traffic_distribution: s.traffic_distribution,
            type_: s.type_,
            ..ServiceSpec::default()
        };
        let address =
            |i: LoadBalancerIngress| LoadBalancerIngress { hostname: i.hostname, ip: i.ip, ip_mode: i.ip_mode, ports: None };
        let status = |s: ServiceStatus| ServiceStatus {
            conditions: None,
            load_balancer: s
                .load_balancer
                .map(|lb| LoadBalancerStatus { ingress: lb.ingress.map(|all| all.into_iter().map(address).collect()) }),
        };
        Self { metadata: keep::metadata(self.metadata), spec: self.spec.map(spec), status: self.status.map(status) }
    }

    fn model(self) -> Result<model::Service, String> {
        let (namespace, name) = keep::names(&self.metadata);
        let spec = self.spec.unwrap_or_default();
        let kind = match spec.type_.as_deref() {
            None | Some("ClusterIP" | "") => ServiceKind::ClusterIp,
            Some("NodePort") => ServiceKind::NodePort,
            Some("LoadBalancer") => ServiceKind::LoadBalancer,
            Some("ExternalName") => ServiceKind::ExternalName,
            Some(other) => return Err(format!("type is not known: {}", keep::cut(other.to_owned(), 64))),
        };
        let mut addresses = spec.cluster_ips.unwrap_or_default();
        if addresses.is_empty() {
            addresses.extend(spec.cluster_ip);
        }
        let headless = addresses.iter().any(|ip| ip == "None");
        let cluster_ips = addresses
            .iter()
            .filter(|ip| !ip.is_empty() && *ip != "None")
            .map(|ip| keep::ip("clusterIPs", ip))
            .collect::<Result<_, _>>()?;
        // the name before 1.27 has precedence where both are set (k8s.io/endpointslice, utils.go, `hintsEnabled`)
        let annotations = self.metadata.annotations.clone().unwrap_or_default();
        let annotation = |key: &str| annotations.get(&format!("service.kubernetes.io/{key}")).cloned();
        let topology_mode = annotation("topology-aware-hints").or_else(|| annotation("topology-mode"));
        let affinity = spec.session_affinity_config.and_then(|c| c.client_ip).and_then(|c| c.timeout_seconds);
        let entry_points = self.status.and_then(|s| s.load_balancer).and_then(|lb| lb.ingress).unwrap_or_default();
        Ok(model::Service {
            labels: keep::labels(&self.metadata),
            namespace,
            name,
            kind,
            selector: spec.selector.unwrap_or_default(),
            cluster_ips,
            headless,
            ports: spec.ports.unwrap_or_default().into_iter().map(service_port).collect::<Result<_, _>>()?,
            external_name: spec.external_name.filter(|n| !n.is_empty()),
            external_ips: spec.external_ips.unwrap_or_default(),
            load_balancer: entry_points.into_iter().filter_map(|i| i.ip.or(i.hostname)).collect(),
            load_balancer_class: spec.load_balancer_class,
            // the API server's default is three hours (core/v1 ClientIPConfig)
            client_ip_affinity: (spec.session_affinity.as_deref() == Some("ClientIP"))
                .then(|| keep::count(affinity).unwrap_or(10_800)),
            external_local: spec.external_traffic_policy.as_deref() == Some("Local"),
            internal_local: spec.internal_traffic_policy.as_deref() == Some("Local"),
            traffic_distribution: spec.traffic_distribution,
            topology_auto: matches!(topology_mode.as_deref(), Some("Auto" | "auto")),
            publish_not_ready: spec.publish_not_ready_addresses == Some(true),
            ip_families: spec.ip_families.unwrap_or_default(),
            health_check_node_port: spec
                .health_check_node_port
                .filter(|p| *p != 0)
                .map(|p| keep::port("healthCheckNodePort", p))
                .transpose()?,
        })
    }
}

fn service_port(p: ServicePort) -> Result<model::ServicePort, String> {
    let port = keep::port("port", p.port)?;
    Ok(model::ServicePort {
        port,
        protocol: keep::protocol("protocol of a port", p.protocol.as_deref())?,
        target: match p.target_port {
            Some(IntOrString::Int(0)) | None => TargetPort::Number(port),
            Some(IntOrString::Int(number)) => TargetPort::Number(keep::port("targetPort", number)?),
            Some(IntOrString::String(name)) => TargetPort::Name(name),
        },
        node_port: p.node_port.filter(|p| *p != 0).map(|p| keep::port("nodePort", p)).transpose()?,
        app_protocol: p.app_protocol,
        name: p.name.filter(|n| !n.is_empty()),
    })
}

/// `core/v1.Service`.
const SERVICE: Message = Message(&[
    one(1, "metadata", &keep::META),
    one(2, "spec", &SPEC),
    one(3, "status", &Message(&[one(1, "loadBalancer", &Message(&[many(1, "ingress", &INGRESS)]))])),
]);

const SPEC: Message = Message(&[
    many(1, "ports", &PORT),
    text_map(2, "selector"),
    text(3, "clusterIP"),
    text(4, "type"),
    texts(5, "externalIPs"),
    text(7, "sessionAffinity"),
    text(10, "externalName"),
    text(11, "externalTrafficPolicy"),
    int(12, "healthCheckNodePort"),
    bool(13, "publishNotReadyAddresses"),
    one(14, "sessionAffinityConfig", &Message(&[one(1, "clientIP", &Message(&[int_pointer(1, "timeoutSeconds")]))])),
    texts(18, "clusterIPs"),
    texts(19, "ipFamilies"),
    text_pointer(21, "loadBalancerClass"),
    text_pointer(22, "internalTrafficPolicy"),
    text_pointer(23, "trafficDistribution"),
]);

const PORT: Message = Message(&[
    text(1, "name"),
    text(2, "protocol"),
    int(3, "port"),
    int_or_string(4, "targetPort"),
    int(5, "nodePort"),
    text_pointer(6, "appProtocol"),
]);

const INGRESS: Message = Message(&[text(1, "ip"), text(2, "hostname"), text_pointer(3, "ipMode")]);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model(spec: &serde_json::Value) -> model::Service {
        let object = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec});
        let kept = crate::discover::objects::keep_as::<Service>(object).expect("valid");
        crate::discover::objects::model_all::<Service>(&[kept]).expect("valid").remove(0)
    }

    #[test]
    fn an_absent_target_port_is_the_port() {
        let s = model(
            &json!({"clusterIP": "10.96.0.1", "ports": [{"port": 80}, {"port": 81, "targetPort": "http", "protocol": "UDP"}]}),
        );
        assert_eq!(s.ports[0].target, TargetPort::Number(80));
        assert_eq!((&s.ports[1].target, s.ports[1].protocol), (&TargetPort::Name(String::from("http")), model::Protocol::Udp));
        assert_eq!((s.cluster_ips.len(), s.headless), (1, false));
    }

    #[test]
    fn none_is_headless() {
        let s = model(&json!({"clusterIP": "None", "clusterIPs": ["None"], "sessionAffinity": "ClientIP"}));
        assert!(s.headless && s.cluster_ips.is_empty());
        assert_eq!(s.client_ip_affinity, Some(10_800));
    }
}
