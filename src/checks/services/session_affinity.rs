use crate::checks::{Check, Context};
use crate::declare_finding;
use crate::finding::{Finding, Meta, Verdict};

use super::service;

declare_finding! {
    /// ## What it finds
    ///
    /// A Service with `sessionAffinity: ClientIP`: one client's connections all go to the same endpoint until the timeout. One
    /// client therefore sees all or nothing of a fault that touches one endpoint.
    ///
    /// ## How it is proven
    ///
    /// From `spec.sessionAffinity`. netcheck tries every endpoint on its own, past the Service's address, so that affinity does
    /// not hide a bad one.
    ///
    /// ## What to do
    ///
    /// Nothing, unless it is not meant.
    SessionAffinity, "NC3015", "session-affinity", "Service sends a client to one endpoint"
}

impl Check for SessionAffinity {
    fn meta(&self) -> &'static Meta {
        Self::META
    }

    fn run(&self, cx: &Context<'_>) -> Verdict {
        let Some(service) = service(cx) else { return Verdict::NotApplicable };
        let Some(seconds) = service.client_ip_affinity else { return Verdict::Clear };
        let object = service.object();
        let sentence = format!(
            "{object} keeps a client on one endpoint for {seconds} s after its last connection (sessionAffinity ClientIP)."
        );
        Verdict::Found(vec![
            Finding::note(Self::META, object.clone(), sentence)
                .proven()
                .seen(format!("{object} spec.sessionAffinity"), format!("ClientIP, {seconds} s")),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::testing::{check, only};
    use crate::model::testing::World;
    use crate::plan::testing::{Case, to_web};

    #[test]
    fn affinity_is_a_note() {
        let mut world = World::shop();
        world.service("web").client_ip_affinity = Some(10_800);
        assert_eq!(only(check(&SessionAffinity, &Case::unmeasured(&world, &to_web()))).weight, crate::finding::Weight::Note);
    }

    #[test]
    fn healthy_is_silent() {
        let case = Case::unmeasured(&World::shop(), &to_web());
        assert!(matches!(check(&SessionAffinity, &case), Verdict::Clear | Verdict::NotApplicable));
    }
}
