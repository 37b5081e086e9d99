use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::to_json;

fn plain(text: &str) -> Option<Value> {
    let mut out = Vec::new();
    to_json(text, &mut out)?;
    Some(serde_json::from_slice(&out).unwrap_or_else(|e| panic!("{e}: {} from {text}", String::from_utf8_lossy(&out))))
}

fn full(text: &str) -> Result<Value, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

/// Both readers read it, and alike.
fn same(text: &str) {
    let expected = full(text);
    assert_eq!(plain(text).ok_or("not plain").map_err(str::to_owned), expected, "{text}");
}

/// The plain reader leaves it to the full one.
fn left(text: &str) {
    assert_eq!(plain(text), None, "{text}");
}

/// Whatever the plain reader reads, the full one reads alike.
fn agrees(text: &str) {
    if let Some(read) = plain(text) {
        assert_eq!(Ok(read), full(text), "{text:?}");
    }
}

const POLICY: &str = r#"---
# a policy
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy   # kind
metadata:
    name: "web"
    annotations:
        note: |
            two lines: and
              a # colon

        last: |-
            {"a": "b\n"}
    labels: {app: web, "tier": 'front', m: [1, two, {}]}
    creationTimestamp: null
spec:
    podSelector: {}
    policyTypes: [Ingress, Egress]
    ingress:
    - from:
      - ipBlock:
          cidr: 10.0.0.0/8
          except:
          - 10.1.0.0/16
      - podSelector:
          matchLabels:
            app.kubernetes.io/name: a b  c
      ports:
      - port: 80
        protocol: TCP
      -   port: http
          endPort: -1
    -
      from: []
    egress:
      - {}
      -
      - - nested
        - 1.5
status:
"#;

#[test]
fn manifests_read_the_same_as_in_full() {
    same(POLICY);
    for text in [
        "a: 10.0.0.1\nb: 64Mi\nc: 100m\nd: 'its'",
        "a: true\nb: ~\nc: nullable\nd: -5\ne: 0\nf: 0.25\ng: 2026-07-31T12:00:00Z",
        "a: \"q\\\"\\\\\\n\"\nb: x#y\nc: http://x:80/y?z=1",
        "- a\n- b: 1\n  c: 2\n-  - 1\n   - 2\n",
        "a:\n- b\n- c\nd:\n  - e\nf:\n",
        "a: |\n  x\n\n  y\nb: |-\n   z\n    more\n\n\nc: 1\n",
        "a: (x)\nb: $y\nc: /z\nd: _q\n",
    ] {
        same(text);
    }
}

#[test]
fn what_is_not_plain_is_left_to_the_full_reader() {
    for text in [
        "",
        "# nothing\n",
        "a: &x 1\nb: *x\n",
        "a: !!str 1\n",
        "a: >\n  folded\n",
        "a: b\n  c\n",
        "a: 'x\n  y'\n",
        "a: 1\na: 2\n",
        "\ta: 1\n",
        "a:\t1\n",
        "a: 1\r\n",
        "a: \u{e9}\n",
        "? a\n: b\n",
        "<<: {a: 1}\n",
        "a: 0777\n",
        "a: 1_000\n",
        "a: yes\n",
        "a: 0x1f\n",
        "a: 1e3\n",
        "a: .inf\n",
        "a: +1\n",
        "a: 12:30:45\n",
        "a: b: c\n",
        "a: [b, c\n",
        "a: [b, c]]\n",
        "a: {b: 1,}\n",
        "a: [b c]\n",
        "a: @x\n",
        "a: `x\n",
        "a: %x\n",
        "a:1\n",
        "a\n",
        "a: 'it''s'\n",
        "a: |2\n   x\n",
        "a: |+\n  x\n\n",
        "a: |\n  x",
        "a: \"\\x41\"\n",
        "a: 1\n b: 2\n",
        "- a\nb: 1\n",
        "a: 1\n- b\n",
        "a:\n   b: 1\n  c: 2\n",
        "yes: 1\n",
        "null: 1\n",
        "12: 1\n",
        "--- {a: 1}\n",
        "a: 12345678901234567890\n",
    ] {
        left(text);
        agrees(text);
    }
    let deep: String = (0..60).flat_map(|n| [" ".repeat(n), String::from("a:\n")]).collect();
    left(&deep);
    let wide: String = (0..65).flat_map(|n| [String::from("k"), n.to_string(), String::from(": 1\n")]).collect();
    left(&wide);
}

/// Scalars around every rule.
fn word() -> impl Strategy<Value = String> {
    let parts = select(vec![
        "a", "b", "e", "E", "x", "o", "0", "1", "7", "10", ".", "-", "+", "_", ":", ": ", " ", " #", "#", "/", "~", "true", "no",
        "y", "null", "'", "\"", "\\", "\\n", "[", "]", "{", "}", ",", ", ", "|", ">", "*", "&", "!", "?", "%", "@", "in", "f",
        "inf", "nan", "T", "Z", "=", "<<", "(", "$", "Off", "- ",
    ]);
    vec(parts, 0..5).prop_map(|parts| parts.concat())
}

fn line() -> impl Strategy<Value = String> {
    let start =
        select(vec!["a: ", "b: ", "c:", "- ", "- a: ", "- - ", "", "\"q\": ", "# ", "k: |", "k: |-", "d.e/f: ", "-", "..."]);
    (0_usize..5, start, word()).prop_map(|(indent, start, word)| format!("{}{start}{word}\n", " ".repeat(indent)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn scalars_agree(word in word()) {
        agrees(&format!("a: {word}\n"));
        agrees(&format!("- {word}\n"));
        agrees(&format!("a: [{word}]\n"));
        agrees(&format!("a: {{b: {word}, c: 1}}\n"));
        agrees(&format!("{word}: 1\n"));
    }

    #[test]
    fn lines_agree(lines in vec(line(), 1..7)) {
        agrees(&lines.concat());
    }

    #[test]
    fn damaged_manifests_agree(at in 0..POLICY.len(), word in word(), cut in 0_usize..4) {
        let (before, after) = POLICY.split_at(at);
        agrees(&format!("{before}{word}{}", after.get(cut..).unwrap_or_default()));
    }
}
