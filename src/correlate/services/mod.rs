//! Causes at a Service's endpoints that a measurement shows (`NC3xxx`, `NC5xxx`).

mod application_listens_elsewhere;
mod endpoint_failing;
mod endpoint_without_pod;
mod error_status;
mod headless;
pub(super) mod http;
pub mod inside;
mod listens_on_loopback;
mod node_port;
mod protocol_mismatch;
mod protocol_of_port;
mod request_unanswered;
mod service_address_fails;
mod url_certificate;
mod wrong_target_port;

pub use application_listens_elsewhere::ApplicationListensElsewhere;
pub use endpoint_failing::EndpointFailing;
pub use endpoint_without_pod::EndpointWithoutPod;
pub use error_status::ErrorStatus;
pub use headless::Headless;
pub use listens_on_loopback::ListensOnLoopback;
pub use node_port::NodePort;
pub use protocol_mismatch::ProtocolMismatch;
pub use protocol_of_port::ProtocolOfPort;
pub use request_unanswered::RequestUnanswered;
pub use service_address_fails::ServiceAddressFails;
pub use url_certificate::UrlCertificate;
pub use wrong_target_port::WrongTargetPort;
