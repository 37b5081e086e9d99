//! Looks at a server's certificate and accepts any: a diagnosis wants to see what is wrong with it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::probe::Certificate;

/// Keeps the last certificate that a server showed.
#[derive(Debug)]
pub(super) struct Recorder {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Certificate>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { provider: Arc::new(rustls::crypto::ring::default_provider()), seen: Mutex::new(None) }
    }
}

impl Recorder {
    /// A client without trust anchors that records into this.
    pub(super) fn config(self: &Arc<Self>) -> Result<ClientConfig, rustls::Error> {
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Self>::clone(self);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider)).with_safe_default_protocol_versions()?;
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    pub(super) fn seen(&self) -> Option<Certificate> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = read(end_entity, server_name, now);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The name as TLS wants it; `None` when it is neither a DNS name nor an address.
pub(super) fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).ok()
}

fn read(der: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|extension| extension.value.general_names.iter().filter_map(in_words).collect());
    let matches_name = ParsedCertificate::try_from(der).is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok());
    let (not_before, not_after) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    Some(Certificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        names: names.unwrap_or_default(),
        not_before,
        not_after,
        matches_name,
        in_date: (not_before..=not_after).contains(&now),
    })
}

/// The kinds of names that a client compares with; the others say nothing about a server.
fn in_words(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(IpAddr::from([a, b, c, d]).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
        },
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, UnixTime};

    use super::{read, server_name};

    #[test]
    fn names_dates_and_issuer_are_read() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new([String::from("*.shop.test"), String::from("10.0.0.1")]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "web");
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2026, 2, 1);
        let der: CertificateDer<'static> = parameters.self_signed(&key).unwrap().der().clone();
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let seen = |name: &str, seconds| read(&der, &server_name(name).unwrap(), at(seconds)).unwrap();
        let certificate = seen("a.shop.test", 1_768_000_000);
        assert!(certificate.subject.contains("CN=web") && certificate.issuer == certificate.subject, "{certificate:?}");
        assert_eq!(certificate.names, ["*.shop.test", "10.0.0.1"]);
        assert_eq!((certificate.not_before, certificate.not_after), (1_767_225_600, 1_769_904_000));
        assert!(certificate.matches_name && certificate.in_date);
        assert!(seen("10.0.0.1", 1_768_000_000).matches_name);
        let certificate = seen("a.b.shop.test", 1_770_000_000);
        assert!(!certificate.matches_name && !certificate.in_date);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        assert_eq!(read(&CertificateDer::from(&b"nonsense"[..]), &server_name("web").unwrap(), UnixTime::now()), None);
    }
}
