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
