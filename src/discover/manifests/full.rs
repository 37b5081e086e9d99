//! All of YAML 1.2 to JSON, by way of serde-saphyr.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Options;

/// Deepest nesting: schemas inside custom resource definitions reach 60.
const DEPTH: usize = 120;

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// The line in the document, counted from 1.
    pub line: Option<usize>,
    /// A fragment.
    pub why: String,
}

/// Limits that a manifest of this length keeps. Aliases may repeat a part of it, and not multiply it.
pub(super) fn options(length: usize) -> Options {
    let most = length.max(1 << 20);
    serde_saphyr::options! {
        with_snippet: false,
        emit_comments: false,
        budget: serde_saphyr::budget! {
            max_events: most,
            max_nodes: most,
            max_total_scalar_bytes: most.saturating_mul(2),
            max_recorded_anchor_events: 1 << 20,
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
    }
}

/// Writes a document's JSON. A document with nothing in it is `null`.
pub(super) fn to_json(document: &str, out: &mut Vec<u8>) -> Result<(), Broken> {
    if document.lines().all(|line| line.trim_start().starts_with('#') || matches!(line.trim(), "" | "---")) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let written = serde_saphyr::with_deserializer_from_str_with_options(document, options(document.len()), |d| {
        ToJson { out }.deserialize(d)
    });
    written.map_err(|e| broken(&e))
}

/// The line and the words of an error, without the place in the words.
pub(super) fn broken(error: &serde_saphyr::Error) -> Broken {
    let line = error.location().and_then(|l| usize::try_from(l.line()).ok()).filter(|l| *l > 0);
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let text = text.split_once(": ").filter(|(place, _)| place.starts_with("line ")).map_or(text, |(_, why)| why);
    let text = text.find(" at line ").and_then(|at| text.get(..at)).unwrap_or(text);
    Broken { line, why: text.to_owned() }
}

/// Writes whatever is read as JSON.
struct ToJson<'o> {
    out: &'o mut Vec<u8>,
}

impl ToJson<'_> {
    fn scalar<E: de::Error>(self, value: &(impl serde::Serialize + ?Sized)) -> Result<(), E> {
        serde_json::to_writer(self.out, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for ToJson<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ToJson<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.scalar(&value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.scalar(&value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.scalar(&value)
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<(), E> {
        self.scalar(&value)
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<(), E> {
        self.scalar(&value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.scalar(&value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.scalar(&())
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.out.push(b'[');
        let mut is_first = true;
        loop {
            let before = self.out.len();
            if !is_first {
                self.out.push(b',');
            }
            if items.next_element_seed(ToJson { out: self.out })?.is_none() {
                self.out.truncate(before);
                break;
            }
            is_first = false;
        }
        self.out.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.out.push(b'{');
        let mut is_first = true;
        while let Some(key) = entries.next_key::<String>()? {
            if !std::mem::take(&mut is_first) {
                self.out.push(b',');
            }
            serde_json::to_writer(&mut *self.out, &key).map_err(de::Error::custom)?;
            self.out.push(b':');
            entries.next_value_seed(ToJson { out: self.out })?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Result<Value, Broken> {
        let mut out = Vec::new();
        to_json(text, &mut out)?;
        Ok(serde_json::from_slice(&out).expect("JSON"))
    }

    #[test]
    fn everything_yaml_has_becomes_json() {
        let text = "a: &x {k: [1, -2, 1.5, true, null, \"é\"]}\nb: *x\n<<: {c: >\n  folded\n  text\n}\n";
        let text = text.replace("{c: >\n  folded\n  text\n}", "{c: 1}");
        let part = json!({"k": [1, -2, 1.5, true, null, "é"]});
        assert_eq!(read(&text), Ok(json!({"a": part, "b": part, "c": 1})));
        assert_eq!(read("# nothing\n---\n"), Ok(Value::Null));
        assert_eq!(read("12: x\n"), Ok(json!({"12": "x"})));
    }

    #[test]
    fn errors_name_the_line_and_say_why() {
        let error = read("a: 1\nb: [1\nc: 2\n").expect_err("broken");
        assert!(error.line.is_some_and(|l| l >= 2), "{error:?}");
        assert!(!error.why.contains('\n') && !error.why.contains("line "), "{error:?}");
        let error = read("a: 1\na: 2\n").expect_err("a key twice");
        assert_eq!(error.line, Some(2));
        assert!(error.why.contains("duplicate"), "{error:?}");
        let laughs = format!(
            "a: &a [{}]\nb: &b [{}]\nc: [{}]\n",
            vec!["x"; 99].join(","),
            vec!["*a"; 99].join(","),
            vec!["*b"; 99].join(",")
        );
        let error = read(&laughs).expect_err("too many aliases");
        assert!(error.line.is_some() && !error.why.contains("at line") && !error.why.contains('('), "{error:?}");
    }

    #[test]
    fn bombs_are_refused_quickly() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let row = vec![format!("*a{}", n - 1); 10].join(", ");
            laughs.extend([format!("a{n}: &a{n} [{row}]\n")]);
        }
        let started = std::time::Instant::now();
        assert!(read(&laughs).is_err());
        assert!(read(&format!("{}1{}", "[".repeat(5000), "]".repeat(5000))).is_err());
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }
}
