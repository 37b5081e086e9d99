//! Which labels make a pod's identity: a selector that asks for another one finds nothing.
//!
//! Source: cilium/cilium `pkg/labelsfilter/filter.go`, v1.15 and v1.20. Patterns are regular expressions that must match at
//! the start of the key; of those that match, the longest that includes counts against the shortest that excludes.

/// The patterns that are always there, as the option writes them.
const DEFAULT: &[&str] = &[
    r"io\.kubernetes\.pod\.namespace",
    r"io\.cilium\.k8s\.namespace\.labels",
    r"app\.kubernetes\.io",
    r"!io\.kubernetes",
    r"!kubernetes\.io",
    r"!statefulset\.kubernetes\.io/pod-name",
    r"!apps\.kubernetes\.io/pod-index",
    r"!batch\.kubernetes\.io/job-completion-index",
    r"!batch\.kubernetes\.io/controller-uid",
    r"!.*beta\.kubernetes\.io",
    r"!k8s\.io",
    "!pod-template-generation",
    "!pod-template-hash",
    "!controller-revision-hash",
    "!controller-uid",
    "!annotation.*",
    "!etcd_node",
];

/// Excluded by v1.20 and not by v1.15; what lies between is not known.
const TOPOLOGY: &str = r"topology\.kubernetes\.io";

/// The patterns of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    patterns: Vec<Pattern>,
    /// Some pattern of the option includes: then a label must be included by one.
    listed: bool,
    topology: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    source: Option<String>,
    excludes: bool,
    /// `None`: an expression with more than literals, `.`, `.*` and `.+`.
    pieces: Option<Vec<Piece>>,
}

/// What a pattern says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matched {
    No,
    /// So many characters.
    Start(usize),
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Exactly(char),
    One,
    /// `.*`
    Many,
}

impl Filter {
    /// `option` is the value of `labels` in cilium-config; `topology` whether the topology labels of nodes are excluded, where
    /// it is known.
    pub(super) fn new(option: &str, topology: Option<bool>) -> Self {
        let more: Vec<Pattern> = option.split_whitespace().map(Pattern::parse).collect();
        let listed = more.iter().any(|p| !p.excludes);
        let patterns = DEFAULT.iter().map(|p| Pattern::parse(p)).chain(more).collect();
        Self { patterns, listed, topology }
    }

    /// Whether a label that Kubernetes gave counts; `None`: not known.
    pub(super) fn keeps(&self, key: &str) -> Option<bool> {
        let (mut included, mut excluded) = (0, 0);
        if let Matched::Start(length) = Pattern::parse(TOPOLOGY).matched(key) {
            match self.topology {
                Some(true) => excluded = length,
                Some(false) => {}
                None => return None,
            }
        }
        for pattern in self.patterns.iter().filter(|p| p.source.as_deref().is_none_or(|s| s == "k8s")) {
            let length = match pattern.matched(key) {
                Matched::No => continue,
                Matched::Start(length) => length,
                Matched::Unknown => return None,
            };
            if !pattern.excludes {
                included = included.max(length);
            } else if excluded == 0 || length < excluded {
                excluded = length;
            }
        }
        Some((!self.listed && excluded == 0) || included > excluded)
    }
}

impl Pattern {
    /// `source:!expression`, source and `!` as wanted.
    fn parse(text: &str) -> Self {
        let (source, rest) = match text.split_once(':') {
            Some((source, rest)) => (Some(source.to_owned()).filter(|s| !s.is_empty()), rest),
            None => (None, text),
        };
        let (excludes, expression) = rest.strip_prefix('!').map_or((false, rest), |expression| (true, expression));
        Self { source, excludes, pieces: pieces(expression) }
    }

    /// How much of the key's start it matches.
    fn matched(&self, key: &str) -> Matched {
        let Some(pieces) = &self.pieces else { return Matched::Unknown };
        let key: Vec<char> = key.chars().collect();
        longest(pieces, &key).map_or(Matched::No, Matched::Start)
    }
}

fn pieces(expression: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => pieces.push(Piece::Exactly(chars.next().filter(char::is_ascii_punctuation)?)),
            '.' if chars.next_if_eq(&'*').is_some() => pieces.push(Piece::Many),
            '.' if chars.next_if_eq(&'+').is_some() => pieces.extend([Piece::One, Piece::Many]),
            '.' => pieces.push(Piece::One),
            '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => return None,
            other => pieces.push(Piece::Exactly(other)),
        }
        // the same quantifier on a literal
        if matches!(chars.peek(), Some('*' | '+' | '?' | '{')) {
            return None;
        }
    }
    Some(pieces)
}

/// The most that the pieces match from the start, in as many steps as pieces times characters.
fn longest(pieces: &[Piece], key: &[char]) -> Option<usize> {
    // reachable ends after the pieces so far
    let mut ends = vec![false; key.len() + 1];
    if let Some(first) = ends.first_mut() {
        *first = true;
    }
    for piece in pieces {
        let step = |at: usize| match piece {
            Piece::Exactly(c) => key.get(at) == Some(c),
            Piece::One => at < key.len(),
            Piece::Many => false,
        };
        let mut next = vec![false; ends.len()];
        let mut any = false;
        for (at, reachable) in ends.iter().enumerate() {
            any |= reachable;
            let to = if *piece == Piece::Many { any.then_some(at) } else { (*reachable && step(at)).then_some(at + 1) };
            if let Some(slot) = to.and_then(|to| next.get_mut(to)) {
                *slot = true;
            }
        }
        ends = next;
    }
    ends.iter().rposition(|reachable| *reachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(option: &str, cases: &[(&str, Option<bool>)]) {
        let filter = Filter::new(option, Some(true));
        for (key, expected) in cases {
            assert_eq!(filter.keeps(key), *expected, "{key} with {option:?}");
        }
    }

    #[test]
    fn labels_of_controllers_are_no_identity() {
        let yes = ["app", "app.kubernetes.io/name", "role", "io.kubernetes.pod.namespace"];
        let no = [
            "pod-template-hash",
            "controller-revision-hash",
            "statefulset.kubernetes.io/pod-name",
            "kubernetes.io/os",
            "k8s.io/a",
            "failure-domain.beta.kubernetes.io/zone",
            "topology.kubernetes.io/zone",
            "annotation",
        ];
        check("", &yes.map(|key| (key, Some(true))));
        check("", &no.map(|key| (key, Some(false))));
        check("", &[("io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name", Some(true))]);
        assert_eq!(Filter::new("", None).keeps("topology.kubernetes.io/zone"), None);
    }

    #[test]
    fn the_option_adds_patterns() {
        check("k8s:!team", &[("team", Some(false)), ("teams", Some(false)), ("app", Some(true))]);
        // one that includes makes a list of what is included
        check("k8s:app k8s:role", &[("app", Some(true)), ("app-name", Some(true)), ("team", Some(false))]);
        check("container:!team", &[("team", Some(true))]);
        check("k8s:!(a|b)", &[("a", None), ("app", None)]);
        check(r"k8s:!my\.org/.*", &[("my.org/x", Some(false)), ("my-org/x", Some(true))]);
        check("k8s:!my.org/.+x", &[("my-org/yx", Some(false)), ("my-org/x", Some(true))]);
    }
}
