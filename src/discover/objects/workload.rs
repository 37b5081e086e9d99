//! Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and CronJobs.

use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetStatus, Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet, ReplicaSetSpec,
    ReplicaSetStatus, StatefulSet, StatefulSetSpec, StatefulSetStatus,
};
use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec, JobStatus, JobTemplateSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{Object, keep};
use crate::model::{Selector, Workload};

/// The parts that every workload has.
struct Parts {
    kind: &'static str,
    metadata: ObjectMeta,
    selector: Option<LabelSelector>,
    template: PodTemplateSpec,
    desired: Option<i32>,
    ready: Option<i32>,
}

impl Parts {
    fn workload(self) -> Workload {
        let (namespace, name) = keep::names(&self.metadata);
        let pod = self.template.spec.unwrap_or_default();
        Workload {
            kind: self.kind.to_owned(),
            namespace,
            name,
            labels: keep::labels(&self.metadata),
            selector: self.selector.map_or_else(Selector::default, keep::selector),
            pod_labels: self.template.metadata.as_ref().map(keep::labels).unwrap_or_default(),
            images: pod.containers.iter().filter_map(|c| c.image.clone()).collect(),
            container_names: pod.containers.iter().map(|c| c.name.clone()).collect(),
            arguments: pod.containers.iter().flat_map(|c| c.args.clone().unwrap_or_default()).collect(),
            host_network: pod.host_network == Some(true),
            desired: keep::count(self.desired),
            ready: keep::count(self.ready),
        }
    }
}

/// Labels, images, names of containers, network flags and whether it uses the node's network.
fn keep_template(template: PodTemplateSpec) -> PodTemplateSpec {
    let container = |c: Container| {
        let words = c.command.into_iter().flatten().chain(c.args.into_iter().flatten());
        let args = keep::flags(words);
        Container { name: c.name, image: c.image, args: (!args.is_empty()).then_some(args), ..Container::default() }
    };
    let spec = |s: PodSpec| PodSpec {
        containers: s.containers.into_iter().map(container).collect(),
        host_network: s.host_network,
        ..PodSpec::default()
    };
    let metadata = |m: ObjectMeta| ObjectMeta {
        labels: m.labels,
        annotations: m.annotations.map(keep::annotations).filter(|a| !a.is_empty()),
        ..ObjectMeta::default()
    };
    PodTemplateSpec { metadata: template.metadata.map(metadata), spec: template.spec.map(spec) }
}

impl Object for Deployment {
    type Model = Workload;

    fn keep(self) -> Self {
        let spec = |s: DeploymentSpec| DeploymentSpec {
            replicas: s.replicas,
            selector: s.selector,
            template: keep_template(s.template),
            ..DeploymentSpec::default()
        };
        let status = |s: DeploymentStatus| DeploymentStatus {
            replicas: s.replicas,
            ready_replicas: s.ready_replicas,
            ..DeploymentStatus::default()
        };
        Self { metadata: keep::metadata(self.metadata), spec: spec(self.spec), status: self.status.map(status) }
    }

    fn model(self) -> Result<Workload, String> {
        let spec = self.spec;
        let ready = self.status.map(|s| s.ready_replicas.unwrap_or(0));
        let (selector, desired) = (Some(spec.selector), Some(spec.replicas.unwrap_or(1)));
        Ok(Parts { kind: "deployment", metadata: self.metadata, selector, template: spec.template, desired, ready }.workload())
    }
}

impl Object for StatefulSet {
    type Model = Workload;

    fn keep(self) -> Self {
        let spec = |s: StatefulSetSpec| StatefulSetSpec {
            replicas: s.replicas,
            selector: s.selector,
            service_name: s.service_name,
            template: keep_template(s.template),
            ..StatefulSetSpec::default()
        };
        let status = |s: StatefulSetStatus| StatefulSetStatus {
            replicas: s.replicas,
            ready_replicas: s.ready_replicas,
            ..StatefulSetStatus::default()
        };
        Self { metadata: keep::metadata(self.metadata), spec: spec(self.spec), status: self.status.map(status) }
    }

    fn model(self) -> Result<Workload, String> {
        let spec = self.spec;
        let ready = self.status.map(|s| s.ready_replicas.unwrap_or(0));
        let (selector, desired) = (Some(spec.selector), Some(spec.replicas.unwrap_or(1)));
        Ok(Parts { kind: "statefulset", metadata: self.metadata, selector, template: spec.template, desired, ready }.workload())
    }
}

impl Object for DaemonSet {
    type Model = Workload;

    fn keep(self) -> Self {
        let spec = |s: DaemonSetSpec| DaemonSetSpec {
            selector: s.selector,
            template: keep_template(s.template),
            ..DaemonSetSpec::default()
        };
        let status = |s: DaemonSetStatus| DaemonSetStatus {
            current_number_scheduled: s.current_number_scheduled,
            desired_number_scheduled: s.desired_number_scheduled,
            number_ready: s.number_ready,
            number_misscheduled: s.number_misscheduled,
            ..DaemonSetStatus::default()
        };
        Self { metadata: keep::metadata(self.metadata), spec: spec(self.spec), status: self.status.map(status) }
    }

    fn model(self) -> Result<Workload, String> {
        let spec = self.spec;
        let (desired, ready) = self.status.map(|s| (s.desired_number_scheduled, s.number_ready)).unzip();
        let selector = Some(spec.selector);
        Ok(Parts { kind: "daemonset", metadata: self.metadata, selector, template: spec.template, desired, ready }.workload())
    }
}

impl Object for ReplicaSet {
    type Model = Workload;

    fn keep(self) -> Self {
        let spec = |s: ReplicaSetSpec| ReplicaSetSpec {
            replicas: s.replicas,
            selector: s.selector,
            template: s.template.map(keep_template),
            ..ReplicaSetSpec::default()
        };
        let status = |s: ReplicaSetStatus| ReplicaSetStatus {
            replicas: s.replicas,
            ready_replicas: s.ready_replicas,
            ..ReplicaSetStatus::default()
        };
        Self { metadata: keep::metadata(self.metadata), spec: spec(self.spec), status: self.status.map(status) }
    }

    fn model(self) -> Result<Workload, String> {
        let spec = self.spec;
        let ready = self.status.map(|s| s.ready_replicas.unwrap_or(0));
        let (selector, desired) = (Some(spec.selector), Some(spec.replicas.unwrap_or(1)));
        let template = spec.template.unwrap_or_default();
        Ok(Parts { kind: "replicaset", metadata: self.metadata, selector, template, desired, ready }.workload())
    }
}

fn keep_job_spec(s: JobSpec) -> JobSpec {
    JobSpec { parallelism: s.parallelism, selector: s.selector, template: keep_template(s.template), ..JobSpec::default() }
}

impl Object for Job {
    type Model = Workload;

    fn keep(self) -> Self {
        let status = |s: JobStatus| JobStatus { active: s.active, ready: s.ready, ..JobStatus::default() };
        Self { metadata: keep::metadata(self.metadata), spec: self.spec.map(keep_job_spec), status: self.status.map(status) }
    }

    fn model(self) -> Result<Workload, String> {
        let spec = self.spec.unwrap_or_default();
        let ready = self.status.and_then(|s| s.ready);
        let (selector, desired) = (spec.selector, spec.parallelism);
        Ok(Parts { kind: "job", metadata: self.metadata, selector, template: spec.template, desired, ready }.workload())
    }
}

impl Object for CronJob {
    type Model = Workload;

    fn keep(self) -> Self {
        let template = |t: JobTemplateSpec| JobTemplateSpec { metadata: None, spec: t.spec.map(keep_job_spec) };
        let spec = |s: CronJobSpec| CronJobSpec {
            schedule: s.schedule,
            job_template: template(s.job_template),
            ..CronJobSpec::default()
        };
        Self { metadata: keep::metadata(self.metadata), spec: spec(self.spec), status: None }
    }

    fn model(self) -> Result<Workload, String> {
        let job = self.spec.job_template.spec.unwrap_or_default();
        let (selector, desired, ready) = (job.selector, None, None);
        Ok(Parts { kind: "cronjob", metadata: self.metadata, selector, template: job.template, desired, ready }.workload())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn flags_of_a_daemon_set_come_from_command_and_arguments() {
        let object = json!({"metadata": {"name": "kube-flannel-ds", "namespace": "kube-flannel"}, "spec": {"selector": {"matchLabels": {"app": "flannel"}},
            "template": {"metadata": {"labels": {"app": "flannel"}}, "spec": {"hostNetwork": true, "containers": [{
                "name": "kube-flannel", "image": "flannel:1", "command": ["/opt/bin/flanneld", "--iface=eth0"],
                "args": ["--ip-masq", "--etcd-password=hunter2"], "env": [{"name": "A", "value": "hunter2"}]}]}}},
            "status": {"currentNumberScheduled": 3, "desiredNumberScheduled": 3, "numberReady": 2, "numberMisscheduled": 0}});
        let kept = crate::discover::objects::keep_as::<DaemonSet>(object).expect("valid");
        assert!(!kept.to_string().contains("hunter2"), "{kept}");
        let w = crate::discover::objects::model_all::<DaemonSet>(&[kept]).expect("valid").remove(0);
        assert_eq!(w.arguments, ["--iface=eth0", "--ip-masq"]);
        assert_eq!((w.desired, w.ready, w.host_network, w.kind.as_str()), (Some(3), Some(2), true, "daemonset"));
        assert_eq!(w.selector.to_string(), "app=flannel");
    }
}
