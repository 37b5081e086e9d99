//! Names of images as typed.

/// Longest name that a registry takes (`NameTotalLengthMax` of github.com/distribution/reference).
const LONGEST: usize = 255;

/// Reads the name of an image: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]` (the grammar of github.com/distribution/reference, by which
/// nodes read it too). An empty text stands for none.
///
/// # Errors
/// A fragment that fits behind clap's "invalid value".
pub(super) fn parse(text: &str) -> Result<String, String> {
    let bad = |why: &str| Err(format!("{why}: write it as registry.example/path/agent:TAG"));
    if text.is_empty() {
        return Ok(String::new());
    }
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    if digest.is_some_and(|d| !is_digest(d)) {
        return bad("the digest is none");
    }
    let (name, tag) = match rest.rsplit_once(':') {
        // a colon before a slash belongs to the registry's port
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        Some(_) | None => (rest, None),
    };
    if tag.is_some_and(|t| !is_tag(t)) {
        return bad("the tag is none");
    }
    let (host, path) = match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), path),
        Some(_) | None => (None, name),
    };
    if host.is_some_and(|h| !h.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c))) {
        return bad("the registry is none");
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return bad("an image's name has lower-case letters only");
    }
    if name.len() > LONGEST || !path.split('/').all(is_component) {
        return bad("it cannot be the name of an image");
    }
    Ok(text.to_owned())
}

/// Lower-case letters and digits, with `.`, `_` or `-` between them.
fn is_component(part: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    part.bytes().all(|b| is_plain(b) || b"._-".contains(&b))
        && part.bytes().next().is_some_and(is_plain)
        && part.bytes().last().is_some_and(is_plain)
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !tag.starts_with(['.', '-'])
}

fn is_digest(digest: &str) -> bool {
    digest
        .split_once(':')
        .is_some_and(|(algorithm, hex)| !algorithm.is_empty() && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nodes_take_are_taken() {
        let digest = format!("agent@sha256:{}", "0".repeat(64));
        for good in ["", "agent", "netcheck/agent:0.1.0", "docker.io/netcheck/agent:test", "localhost:5000/a_b/c-d:V1", &digest] {
            assert_eq!(parse(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn others_are_refused_with_a_reason() {
        for bad in ["UPPER/bad image", "a b", "agent:", "agent:a b", "agent@sha256:1", "/agent", "a//b", "-a", "re gistry.io/a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("Netcheck/agent").is_err_and(|why| why.contains("lower-case")));
    }
}
