//! From the answer to one read to the model: the only way objects enter a [`Cluster`], live and from a bundle.

use k8s_openapi::api::{
    apps::v1 as apps, batch::v1 as batch, core::v1 as core, discovery::v1 as discovery, networking::v1 as net,
};
use serde_json::Value;

use super::objects::{self, Object};
use crate::model::{Cluster, Known, Query, Resource, Store};

/// Adds the answer to one read. Objects must have been pruned. One that does not fit makes the whole list `Failed`.
pub(super) fn add(cluster: &mut Cluster, query: &Query, answer: &Known<Vec<Value>>) {
    match &query.resource {
        Resource::Pods => push::<core::Pod>(&mut cluster.pods, query, answer),
        Resource::Services => push::<core::Service>(&mut cluster.services, query, answer),
        Resource::EndpointSlices => push::<discovery::EndpointSlice>(&mut cluster.endpoint_slices, query, answer),
        Resource::Nodes => push::<core::Node>(&mut cluster.nodes, query, answer),
        Resource::Namespaces => push::<core::Namespace>(&mut cluster.namespaces, query, answer),
        Resource::Events => push::<core::Event>(&mut cluster.events, query, answer),
        Resource::ConfigMaps => push::<core::ConfigMap>(&mut cluster.config_maps, query, answer),
        Resource::Deployments => push::<apps::Deployment>(&mut cluster.workloads, query, answer),
        Resource::DaemonSets => push::<apps::DaemonSet>(&mut cluster.workloads, query, answer),
        Resource::StatefulSets => push::<apps::StatefulSet>(&mut cluster.workloads, query, answer),
        Resource::ReplicaSets => push::<apps::ReplicaSet>(&mut cluster.workloads, query, answer),
        Resource::Jobs => push::<batch::Job>(&mut cluster.workloads, query, answer),
        Resource::CronJobs => push::<batch::CronJob>(&mut cluster.workloads, query, answer),
        Resource::Ingresses => push::<net::Ingress>(&mut cluster.ingresses, query, answer),
        Resource::IngressClasses => push::<net::IngressClass>(&mut cluster.ingress_classes, query, answer),
        Resource::NetworkPolicies => push::<net::NetworkPolicy>(&mut cluster.network_policies, query, answer),
        Resource::ServiceCidrs => {
            let ranges = models::<net::ServiceCIDR>(query, answer).map(|all| all.into_iter().flatten().collect());
            cluster.service_cidrs.push(query.clone(), ranges);
        }
        Resource::ApiGroups => cluster.api_groups = texts(answer, "/name"),
        Resource::Version => cluster.version = first(texts(answer, "/gitVersion"), "the server did not say its version"),
        Resource::Log => {
            let text = first(texts(answer, "/text"), "the log is not in the answer");
            cluster.logs.insert(query.clone(), text);
        }
        Resource::Custom(_) => cluster.push_custom(query.clone(), answer.clone()),
    }
}

fn push<T: Object>(store: &mut Store<T::Model>, query: &Query, answer: &Known<Vec<Value>>) {
    store.push(query.clone(), models::<T>(query, answer));
}

fn models<T: Object>(query: &Query, answer: &Known<Vec<Value>>) -> Known<Vec<T::Model>> {
    match answer.as_ref() {
        Known::Got(objects) => match objects::model_all::<T>(objects) {
            Ok(models) => Known::Got(models),
            Err(why) => Known::Failed(format!("{query}: {why}")),
        },
        Known::Denied(why) => Known::Denied(why),
        Known::Absent(why) => Known::Absent(why),
        Known::Failed(why) => Known::Failed(why),
        Known::Unasked => Known::Unasked,
    }
}

fn texts(answer: &Known<Vec<Value>>, pointer: &str) -> Known<Vec<String>> {
    let text = |value: &Value| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    answer.as_ref().map(|all| all.iter().filter_map(text).collect())
}

fn first(all: Known<Vec<String>>, otherwise: &str) -> Known<String> {
    match all.map(|texts| texts.into_iter().next()) {
        Known::Got(Some(text)) => Known::Got(text),
        Known::Got(None) => Known::Failed(otherwise.to_owned()),
        Known::Denied(why) => Known::Denied(why),
        Known::Absent(why) => Known::Absent(why),
        Known::Failed(why) => Known::Failed(why),
        Known::Unasked => Known::Unasked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_malformed_object_fails_its_list_by_name() {
        let mut cluster = Cluster::default();
        let query = Query::within(Resource::Services, "shop");
        let objects = vec![
            json!({"metadata": {"name": "ok", "namespace": "shop"}}),
            json!({"metadata": {"name": "odd", "namespace": "shop"}, "spec": 3}),
        ];
        add(&mut cluster, &query, &Known::Got(objects));
        let Known::Failed(why) = cluster.services_in("shop") else { panic!("{:?}", cluster.services_in("shop")) };
        assert!(why.starts_with("list services in namespace shop: shop/odd: "), "{why}");
    }

    #[test]
    fn version_groups_and_logs_are_read() {
        let mut cluster = Cluster::default();
        add(&mut cluster, &Query::all(Resource::Version), &Known::Got(vec![json!({"gitVersion": "v1.36.3"})]));
        add(
            &mut cluster,
            &Query::all(Resource::ApiGroups),
            &Known::Got(vec![json!({"name": "apps"}), json!({"name": "cilium.io"})]),
        );
        let log = Query::log("kube-system", "coredns-1", "coredns", true);
        add(&mut cluster, &log, &Known::Got(vec![json!({"text": "a\nb\n"})]));
        assert_eq!(cluster.version, Known::Got(String::from("v1.36.3")));
        assert_eq!(cluster.api_groups, Known::Got(vec![String::from("apps"), String::from("cilium.io")]));
        assert_eq!(cluster.logs.get(&log), Some(&Known::Got(String::from("a\nb\n"))));
    }
}
