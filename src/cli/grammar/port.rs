//! Ports as typed: a number or a name.

use crate::model::PortRef;

use super::end::{EndError, quote};

/// Reads `80` or `http`.
pub(super) fn read(text: &str) -> Result<PortRef, EndError> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number {
        return match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(PortRef::Number(port)),
            Ok(_) | Err(_) => Err(EndError::new(format!("{} is no port", quote(text)), "a port is a number from 1 to 65535")),
        };
    }
    if is_port_name(text) {
        return Ok(PortRef::Name(text.to_owned()));
    }
    Err(EndError::new(
        format!("{} is no port", quote(text)),
        "a port is a number from 1 to 65535, or the name of a port such as http",
    ))
}

/// `IANA_SVC_NAME` as the API server checks it (`IsValidPortName`, apimachinery util/validation).
fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.bytes().any(|b| b.is_ascii_lowercase())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}
