//! A packet's way through the chains of one table, as the kernel takes it.
//!
//! Source: `net/ipv4/netfilter/ip_tables.c` (`ipt_do_table`) of Linux 6.18. A condition that is not known splits the way, and so
//! does one of chance; every way keeps what it depends on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::answer::{Answer, answer};
use super::rule::{Rule, Target, Translation};
use super::save::{Chain, Table};
use super::{Host, Packet, Sets};

/// More ways than these are not followed: a Service with more endpoints is cut, and it is said.
const MAX_WAYS: usize = 4096;

/// Deeper jumps than any real ruleset has; a loop of jumps ends here.
const MAX_DEPTH: usize = 64;

/// What the rules of a hook did with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on to the next table or hook.
    Accept,
    Drop,
    /// Dropped, and the sender is told, as by `icmp-port-unreachable`.
    Reject(String),
    /// The walk cannot say: it ran into something it does not follow. The text names it.
    Undetermined(String),
}

/// One rule that a packet matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub table: String,
    pub chain: String,
    /// The rule as its program prints it; empty for the chain's policy.
    pub rule: String,
}

/// One way a packet can take.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    pub packet: Packet,
    pub verdict: Verdict,
    /// The rules that matched, in order.
    pub steps: Vec<Step>,
    /// How likely this way is where chance decides; 1 where it does not.
    pub chance: f64,
    /// Conditions that are not known and were taken to hold or not to hold on this way.
    pub assumed: Vec<String>,
}

impl Way {
    pub fn new(packet: Packet) -> Self {
        Self { packet, verdict: Verdict::Accept, steps: Vec::new(), chance: 1.0, assumed: Vec::new() }
    }
}

/// What the walk looks up.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub host: &'a Host,
    pub sets: &'a Sets,
}

/// What happens after a rule or a chain.
enum After {
    /// The next rule.
    Next,
    /// Back to the caller.
    Return,
    /// The table is done with this packet.
    Done,
}

/// Takes a packet through a built-in chain of a table. A table without that chain lets everything pass.
pub fn table(cx: Context<'_>, table: &Table<'_>, hook: &str, way: Way) -> Vec<Way> {
    let Some(chain) = table.chain(hook) else { return vec![way] };
    let mut walk = Walk { cx, table, done: Vec::new() };
    for mut way in walk.chain(chain, way, 0) {
        // the end of a built-in chain is its policy
        if chain.policy == Some("DROP") {
            way.verdict = Verdict::Drop;
            way.steps.push(Step { table: table.name.to_owned(), chain: hook.to_owned(), rule: String::new() });
        }
        walk.done.push(way);
    }
    walk.done
}

struct Walk<'a, 't> {
    cx: Context<'a>,
    table: &'a Table<'t>,
    done: Vec<Way>,
}

impl<'t> Walk<'_, 't> {
    /// The ways that come out at the end of a chain, or by RETURN; those that are decided go to `done`.
    fn chain(&mut self, chain: &Chain<'t>, start: Way, depth: usize) -> Vec<Way> {
        if depth > MAX_DEPTH {
            self.undetermined(start, format!("chain {} is entered {MAX_DEPTH} levels deep: a loop of jumps", chain.name));
            return Vec::new();
        }
        let mut returned = Vec::new();
        let mut inside = vec![start];
        // translation ends a way, so the destination is the same for all rules of a chain
        let destination = inside.first().map(|w| w.packet.destination.to_string()).unwrap_or_default();
        for at in chain.candidates(&destination).iter() {
            let Some(rule) = chain.rule(*at) else { continue };
            let mut next = Vec::new();
            for way in std::mem::take(&mut inside) {
                let (matching, passing) = self.split(&rule, way);
                next.extend(passing);
                let Some(mut way) = matching else { continue };
                way.steps.push(Step {
                    table: self.table.name.to_owned(),
                    chain: chain.name.to_owned(),
                    rule: rule.text.to_owned(),
                });
                for (after, way) in self.act(&rule, way, depth) {
                    match after {
                        After::Next => next.push(way),
                        After::Return => returned.push(way),
                        After::Done => self.done.push(way),
                    }
                }
            }
            if next.len() + returned.len() + self.done.len() > MAX_WAYS {
                for way in next.drain(..) {
                    self.undetermined(way, format!("more than {MAX_WAYS} ways through chain {}", chain.name));
                }
            }
            inside = next;
            if inside.is_empty() {
                break;
            }
        }
        returned.extend(inside);
        returned
    }

    /// The way on which the rule matches, and the one on which it does not.
    fn split(&self, rule: &Rule<'_>, way: Way) -> (Option<Way>, Option<Way>) {
        let mut chance = 1.0;
        let mut unknown = Vec::new();
        for condition in &rule.matches {
            match answer(condition, &way.packet, self.cx.host, self.cx.sets) {
                Answer::Yes => {}
                Answer::No => return (None, Some(way)),
                Answer::Chance(p) => chance *= p,
                Answer::Unknown(what) => unknown.push(what),
            }
        }
        if unknown.is_empty() && chance >= 1.0 {
            return (Some(way), None);
        }
        let mut other = way.clone();
        let mut way = way;
        other.chance *= if unknown.is_empty() { 1.0 - chance } else { 1.0 };
        way.chance *= chance;
        for what in unknown {
            way.assumed.push(format!("{what} holds"));
            other.assumed.push(format!("{what} does not hold"));
        }
        (Some(way), (other.chance > 0.0).then_some(other))
    }

    fn act(&mut self, rule: &Rule<'t>, mut way: Way, depth: usize) -> Vec<(After, Way)> {
        let after = match &rule.target {
            Target::None | Target::Pass(_) => After::Next,
            Target::Accept => After::Done,
            Target::Drop => {
                way.verdict = Verdict::Drop;
                After::Done
            }
            Target::Reject(with) => {
                way.verdict = Verdict::Reject((*with).to_owned());
                After::Done
            }
            Target::Return => After::Return,
            Target::Jump(name) => return self.jump(name, way, depth).into_iter().map(|w| (After::Next, w)).collect(),
            // what returns from a goto returns to the caller of this chain
            Target::Goto(name) => return self.jump(name, way, depth).into_iter().map(|w| (After::Return, w)).collect(),
            Target::Mark { value, mask } => {
                way.packet.mark = way.packet.mark & !mask ^ value;
                After::Next
            }
            Target::CtMark { value, mask } => {
                way.packet.ct_mark = way.packet.ct_mark & !mask ^ value;
                After::Next
            }
            Target::SaveMark { mask } => {
                way.packet.ct_mark = way.packet.ct_mark & !mask ^ way.packet.mark & mask;
                After::Next
            }
            Target::RestoreMark { mask } => {
                way.packet.mark = way.packet.mark & !mask ^ way.packet.ct_mark & mask;
                After::Next
            }
            Target::NoTrack => {
                way.packet.state = super::CtState::Untracked;
                After::Next
            }
            Target::Dnat(_) | Target::Snat(_) | Target::Masquerade | Target::Redirect(_) => {
                self.translate(&rule.target, &mut way);
                After::Done
            }
            Target::Unknown(what) => {
                way.verdict = Verdict::Undetermined(format!("target {what}"));
                After::Done
            }
        };
        vec![(after, way)]
    }

    fn jump(&mut self, name: &str, way: Way, depth: usize) -> Vec<Way> {
        let Some(chain) = self.table.chain(name) else {
            self.undetermined(way, format!("chain {name} is not in the text"));
            return Vec::new();
        };
        self.chain(chain, way, depth + 1)
    }

    fn undetermined(&mut self, mut way: Way, why: String) {
        way.verdict = Verdict::Undetermined(why);
        self.done.push(way);
    }

    fn translate(&self, target: &Target<'_>, way: &mut Way) {
        let packet = &mut way.packet;
        match target {
            Target::Dnat(to) => {
                packet.dnat = true;
                rewrite(to, &mut packet.destination, &mut packet.destination_port, &mut way.assumed);
            }
            Target::Snat(to) => {
                packet.snat = true;
                rewrite(to, &mut packet.source, &mut packet.source_port, &mut way.assumed);
            }
            Target::Redirect(ports) => {
                packet.dnat = true;
                let v6 = packet.destination.is_ipv6();
                // from outside it is the address of the interface it came in by (nf_nat_redirect.c)
                let own = match &packet.input {
                    None if v6 => Some(Ipv6Addr::LOCALHOST.into()),
                    None => Some(Ipv4Addr::LOCALHOST.into()),
                    Some(interface) => self.cx.host.address_of(interface, v6),
                };
                match own {
                    Some(own) => packet.destination = own,
                    None => way.verdict = Verdict::Undetermined("the address of the incoming interface".to_owned()),
                }
                if let Some(ports) = ports {
                    packet.destination_port = *ports.start();
                }
            }
            Target::Masquerade => {
                packet.snat = true;
                let source = self.cx.host.routes.as_ref().and_then(|r| r.lookup(packet.destination)).and_then(|r| r.source);
                match source {
                    Some(source) => packet.source = source,
                    None => way.assumed.push("MASQUERADE takes the address of the outgoing interface".to_owned()),
                }
            }
            Target::None
            | Target::Accept
            | Target::Drop
            | Target::Reject(_)
            | Target::Return
            | Target::Jump(_)
            | Target::Goto(_)
            | Target::Mark { .. }
            | Target::CtMark { .. }
            | Target::SaveMark { .. }
            | Target::RestoreMark { .. }
            | Target::NoTrack
            | Target::Pass(_)
            | Target::Unknown(_) => {}
        }
    }
}

fn rewrite(to: &Translation, address: &mut IpAddr, port: &mut u16, assumed: &mut Vec<String>) {
    if let Some(range) = &to.addresses {
        if range.start() != range.end() {
            assumed.push(format!("one of {} to {}", range.start(), range.end()));
        }
        *address = *range.start();
    }
    if let Some(range) = &to.ports {
        if range.start() != range.end() {
            assumed.push(format!("one port of {} to {}", range.start(), range.end()));
        }
        *port = *range.start();
    }
}
