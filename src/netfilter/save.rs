//! The text of iptables-save and ip6tables-save: an index of chains first, each rule only when somebody walks there.
//!
//! With 20,000 Services the text has 160,000 rules; a packet meets a few dozen. So a line is cut into conditions when it is
//! asked for, and a long chain is indexed by the destination address that its rules begin with.

use std::borrow::Cow;
use std::collections::HashMap;

use super::rule::Rule;
use super::rule_line;

/// From this many rules on, a chain is indexed by destination.
const INDEXED: usize = 32;

/// The rules of one run of iptables-save.
#[derive(Debug, Default)]
pub struct Saved<'t> {
    pub tables: Vec<Table<'t>>,
    /// Lines that are neither rules nor anything else that iptables-save writes, with their number from 1.
    pub problems: Vec<(usize, &'t str)>,
}

/// A table: `nat`, `filter`, `mangle`, `raw`, `security`.
#[derive(Debug, Default)]
pub struct Table<'t> {
    pub name: &'t str,
    pub chains: Vec<Chain<'t>>,
    by_name: HashMap<&'t str, usize>,
    /// The `COMMIT` line was there: the text is not cut off inside this table.
    pub complete: bool,
}

/// A chain and its rules.
#[derive(Debug, Default)]
pub struct Chain<'t> {
    pub name: &'t str,
    /// `ACCEPT` or `DROP` of a built-in chain.
    pub policy: Option<&'t str>,
    pub rules: Vec<&'t str>,
    /// For long chains: rules by the destination they ask for.
    index: Option<Index<'t>>,
}

#[derive(Debug, Default)]
struct Index<'t> {
    /// By the address of `-d ADDRESS/32` or `/128`: the places of the rules, in order.
    by_destination: HashMap<&'t str, Vec<u32>>,
    /// Rules that may match any destination.
    others: Vec<u32>,
}

impl<'t> Saved<'t> {
    /// Reads what iptables-save wrote. Never fails: what is not understood is listed in `problems`.
    pub fn parse(text: &'t str) -> Self {
        let mut saved = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            match line.as_bytes().first() {
                None | Some(b'#') => {}
                Some(b'*') => saved.tables.push(Table { name: line.get(1..).unwrap_or_default(), ..Table::default() }),
                Some(b':') => {
                    let ok = saved.tables.last_mut().is_some_and(|t| t.declare(line));
                    if !ok {
                        saved.problems.push((number + 1, line));
                    }
                }
                // `[packets:bytes] -A CHAIN …` with -c
                Some(b'-' | b'[') => {
                    let ok = saved.tables.last_mut().is_some_and(|t| t.append(line));
                    if !ok {
                        saved.problems.push((number + 1, line));
                    }
                }
                Some(_) if line == "COMMIT" => {
                    if let Some(table) = saved.tables.last_mut() {
                        table.complete = true;
                    }
                }
                Some(_) => saved.problems.push((number + 1, line)),
            }
        }
        for chain in saved.tables.iter_mut().flat_map(|t| &mut t.chains) {
            chain.build_index();
        }
        saved
    }

    pub fn table(&self, name: &str) -> Option<&Table<'t>> {
        self.tables.iter().find(|t| t.name == name)
    }
}

impl<'t> Table<'t> {
    pub fn chain(&self, name: &str) -> Option<&Chain<'t>> {
        self.by_name.get(name).and_then(|i| self.chains.get(*i))
    }

    /// `:KUBE-SERVICES - [0:0]`
    fn declare(&mut self, line: &'t str) -> bool {
        let mut words = line.get(1..).unwrap_or_default().split(' ');
        let (Some(name), Some(policy)) = (words.next().filter(|n| !n.is_empty()), words.next()) else { return false };
        let at = self.place(name);
        let chain = self.chains.get_mut(at);
        chain.map(|chain| chain.policy = Some(policy).filter(|p| *p != "-")).is_some()
    }

    fn append(&mut self, line: &'t str) -> bool {
        let rule = without_counters(line);
        let Some(rest) = rule.strip_prefix("-A ") else { return false };
        let name = rest.split(' ').next().unwrap_or_default();
        if name.is_empty() {
            return false;
        }
        let at = self.place(name);
        self.chains.get_mut(at).map(|chain| chain.rules.push(line)).is_some()
    }

    /// The place of a chain, made when it is new.
    fn place(&mut self, name: &'t str) -> usize {
        let next = self.chains.len();
        let at = *self.by_name.entry(name).or_insert(next);
        if at == next {
            self.chains.push(Chain { name, ..Chain::default() });
        }
        at
    }
}

impl<'t> Chain<'t> {
    fn build_index(&mut self) {
        if self.rules.len() < INDEXED {
            return;
        }
        let mut index = Index::default();
        for (at, rule) in self.rules.iter().enumerate() {
            let Ok(at) = u32::try_from(at) else { return };
            match destination(rule) {
                Some(address) => index.by_destination.entry(address).or_default().push(at),
                None => index.others.push(at),
            }
        }
        self.index = Some(index);
    }

    /// The rules that may match a packet to this destination, in order.
    pub fn candidates(&self, destination: &str) -> Cow<'_, [u32]> {
        let Some(index) = &self.index else {
            return Cow::Owned((0..u32::try_from(self.rules.len()).unwrap_or(u32::MAX)).collect());
        };
        match index.by_destination.get(destination) {
            None => Cow::Borrowed(&index.others),
            Some(own) => {
                let mut both = [own.as_slice(), index.others.as_slice()].concat();
                both.sort_unstable();
                Cow::Owned(both)
            }
        }
    }

    /// One rule, cut into its conditions.
    pub fn rule(&self, at: u32) -> Option<Rule<'t>> {
        self.rules.get(at as usize).map(|line| rule_line::parse(line))
    }
}

/// `[12:3456] -A …` without what is in brackets.
fn without_counters(line: &str) -> &str {
    match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ").map_or(line, |(_, rule)| rule),
        None => line,
    }
}

/// The address of a plain `-d ADDRESS/32` or `/128`, which iptables-save writes before anything but the source.
fn destination(rule: &str) -> Option<&str> {
    let (before, rest) = rule.split_once(" -d ")?;
    // an address in a comment or behind a negation is not one to index by
    if before.contains('"') || before.ends_with(" !") {
        return None;
    }
    let word = rest.split(' ').next()?;
    word.strip_suffix("/32").or_else(|| word.strip_suffix("/128"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
# Generated by iptables-save v1.8.9
*nat
:PREROUTING ACCEPT [10:600]
:KUBE-SERVICES - [0:0]
[10:600] -A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-X
COMMIT
*filter
:FORWARD DROP [0:0]
nonsense
-A FORWARD -j ACCEPT
";

    #[test]
    fn tables_chains_and_what_is_not_understood() {
        let saved = Saved::parse(SMALL);
        let nat = saved.table("nat").expect("nat");
        assert!(nat.complete);
        assert_eq!(nat.chain("PREROUTING").map(|c| (c.policy, c.rules.len())), Some((Some("ACCEPT"), 1)));
        assert_eq!(nat.chain("KUBE-SERVICES").map(|c| c.policy), Some(None));
        let filter = saved.table("filter").expect("filter");
        assert!(!filter.complete, "the text ends inside this table");
        assert_eq!(filter.chain("FORWARD").and_then(|c| c.policy), Some("DROP"));
        assert_eq!(saved.problems, [(10, "nonsense")]);
    }

    #[test]
    fn a_long_chain_offers_only_the_rules_of_a_destination_and_those_for_all() {
        use std::fmt::Write as _;
        let mut text = String::from("*nat\n:KUBE-SERVICES - [0:0]\n");
        for n in 0..100 {
            writeln!(text, "-A KUBE-SERVICES -d 10.96.0.{n}/32 -p tcp -j KUBE-SVC-{n}").expect("a string");
        }
        text.push_str("-A KUBE-SERVICES ! -d 10.96.0.7/32 -j RETURN\n");
        text.push_str("-A KUBE-SERVICES -m comment --comment \"not -d 10.96.0.7/32\" -j KUBE-NODEPORTS\nCOMMIT\n");
        let saved = Saved::parse(&text);
        let chain = saved.table("nat").and_then(|t| t.chain("KUBE-SERVICES")).expect("the chain");
        assert_eq!(chain.candidates("10.96.0.7").as_ref(), [7, 100, 101]);
        assert_eq!(chain.candidates("192.0.2.1").as_ref(), [100, 101]);
    }
}
