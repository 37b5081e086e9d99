use crate::correlate::{Cause, Correlation};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

declare_finding! {
    /// ## What it finds
    ///
    /// A headless Service (`clusterIP: None`): its name stands for the pods' own addresses, and nothing translates ports. When `port`
    /// and `targetPort` differ, clients that use `port` are refused by the pods.
    ///
    /// ## How it is proven
    ///
    /// From `spec.clusterIP`, and by trying both ports at the pods' addresses.
    ///
    /// ## What to do
    ///
    /// Use the pods' own port with a headless Service, or make both the same.
    Headless, "NC3012", "headless", "Headless Service translates no port"
}

impl Cause for Headless {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn explain(&self, cx: &Correlation<'_>) -> Verdict {
        let Some(service) = cx.service().filter(|s| s.headless) else { return Verdict::NotApplicable };
        let object = service.object();
        if let Some(asked) = cx.question.port {
            let refused = cx
                .backends()
                .into_iter()
                .find(|b| b.port != asked && cx.reach(b.ip, asked).dead() && cx.reach(b.ip, b.port).ok());
            if let Some(backend) = refused {
                let sentence = format!(
                    "{object} is headless, so port {asked} is not translated: the pods listen on {}, and refuse {asked}.",
                    backend.port
                );
                let finding = Finding::cause(Self::META, object, sentence)
                    .proven()
                    .expected(
                        format!("connections to {}", std::net::SocketAddr::new(backend.ip, asked)),
                        "accepted",
                        cx.reach(backend.ip, asked).words(),
                    )
                    .seen(
                        format!("connections to {}", std::net::SocketAddr::new(backend.ip, backend.port)),
                        cx.reach(backend.ip, backend.port).words(),
                    )
                    .next(format!("use port {} with this Service", backend.port));
                return Verdict::Found(vec![finding]);
            }
        }
        let sentence =
            format!("{object} is headless: its name stands for the addresses of its pods, and ports are not translated.");
        Verdict::Found(vec![
            Finding::note(Self::META, object.clone(), sentence).proven().seen(format!("{object} spec.clusterIP"), "None"),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{causes, explain, judge, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, faults, to_web};

    fn world() -> World {
        let mut world = World::shop();
        let web = world.service("web");
        web.headless = true;
        web.cluster_ips.clear();
        world
    }

    #[test]
    fn a_port_that_nobody_translates_is_a_cause() {
        let case = Case::measured(&world(), &to_web(), &|_, spec| faults::refuse_port(spec, 80));
        assert!(only(explain(&Headless, &case)).sentence.contains("port 80 is not translated: the pods listen on 8080"));
        assert_eq!(causes(&judge(&case)), ["NC3012"]);
    }

    #[test]
    fn equal_ports_are_a_note() {
        let mut world = world();
        world.service("web").ports[0].port = 8080;
        let case = Case::healthy(&world, &to_web());
        assert_eq!(only(explain(&Headless, &case)).weight, crate::finding::Weight::Note);
        assert!(causes(&judge(&case)).is_empty());
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::healthy(&World::shop(), &to_web());
        assert!(matches!(explain(&Headless, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
