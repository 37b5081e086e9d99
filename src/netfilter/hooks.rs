//! A packet's way through a host: hook after hook, table after table, with the route looked up where the kernel does it.
//!
//! Source of the order: `include/uapi/linux/netfilter_ipv4.h` (priorities) and `net/ipv4/ip_forward.c`, `ip_input.c`,
//! `ip_output.c` of Linux 6.18.

use super::walk::{self, Context, Verdict, Way};
use super::{CtState, Packet, Saved};

/// The tables of each hook, in the order of their priority. Translation is asked of a connection's first packet only.
const PREROUTING: &[&str] = &["raw", "mangle", "nat"];
const INPUT: &[&str] = &["mangle", "filter", "security", "nat"];
const FORWARD: &[&str] = &["mangle", "filter", "security"];
const OUTPUT: &[&str] = &["raw", "mangle", "nat", "filter", "security"];
const POSTROUTING: &[&str] = &["mangle", "nat"];

/// Where a way through the host ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It leaves by this interface, as the way's packet says.
    Sent(String),
    /// A process of the host may take it.
    Delivered,
    /// A rule dropped it.
    Dropped,
    /// A rule refused it, and the sender is told how.
    Rejected(String),
    /// No route leads on, or one that refuses.
    NoRoute(String),
    /// It cannot be said; the text names what is missing.
    Undetermined(String),
}

/// One way through the host and its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    pub way: Way,
    pub end: End,
}

/// The iptables rules of a host: those of the legacy tables are asked before those of `nf_tables`, as both hook in with the
/// same priorities and the legacy ones are usually registered first.
#[derive(Debug, Clone, Copy)]
pub struct Firewall<'a, 't> {
    pub saved: &'a [Saved<'t>],
    pub cx: Context<'a>,
}

impl Firewall<'_, '_> {
    /// A packet that comes in by an interface.
    pub fn receive(&self, packet: Packet) -> Vec<Passage> {
        let (mut ended, ways) = self.hook("PREROUTING", PREROUTING, vec![Way::new(packet)]);
        for way in ways {
            match self.cx.host.is_local(way.packet.destination) {
                None => ended.push(undetermined(way, "the host's own addresses were not read")),
                Some(true) => {
                    let (stopped, inside) = self.hook("INPUT", INPUT, vec![way]);
                    ended.extend(stopped);
                    ended.extend(inside.into_iter().map(|way| Passage { way, end: End::Delivered }));
                }
                Some(false) => match self.route(way) {
                    Err(passage) => ended.push(*passage),
                    Ok(way) => {
                        let (stopped, passed) = self.hook("FORWARD", FORWARD, vec![way]);
                        ended.extend(stopped);
                        ended.extend(self.leave(passed));
                    }
                },
            }
        }
        ended
    }

    /// A packet that the host itself sends.
    pub fn send(&self, packet: Packet) -> Vec<Passage> {
        let way = match self.route(Way::new(packet)) {
            Ok(way) => way,
            Err(passage) => return vec![*passage],
        };
        let (mut ended, ways) = self.hook("OUTPUT", OUTPUT, vec![way]);
        for mut way in ways {
            // a translation in OUTPUT makes the kernel look the route up again (ip_route_me_harder)
            if way.packet.dnat {
                way = match self.route(way) {
                    Ok(way) => way,
                    Err(passage) => {
                        ended.push(*passage);
                        continue;
                    }
                };
            }
            ended.extend(self.leave(vec![way]));
        }
        ended
    }

    fn leave(&self, ways: Vec<Way>) -> Vec<Passage> {
        let (mut ended, passed) = self.hook("POSTROUTING", POSTROUTING, ways);
        ended.extend(passed.into_iter().map(|way| {
            let end = End::Sent(way.packet.output.clone().unwrap_or_default());
            Passage { way, end }
        }));
        ended
    }

    /// Every table that hooks in here. Ways that a rule ends come first, those that go on second.
    fn hook(&self, hook: &str, tables: &[&str], start: Vec<Way>) -> (Vec<Passage>, Vec<Way>) {
        let (mut ended, mut ways) = (Vec::new(), start);
        for name in tables {
            for saved in self.saved {
                let Some(table) = saved.table(name) else { continue };
                let mut next = Vec::new();
                for way in ways {
                    let translated = match hook {
                        "PREROUTING" | "OUTPUT" => way.packet.dnat,
                        _ => way.packet.snat,
                    };
                    // nat sees the first packet of a connection only, and leaves a translation that stands alone
                    if *name == "nat" && (way.packet.state != CtState::New || translated) {
                        next.push(way);
                        continue;
                    }
                    for way in walk::table(self.cx, table, hook, way) {
                        match &way.verdict {
                            Verdict::Accept => next.push(way),
                            Verdict::Drop => ended.push(Passage { way, end: End::Dropped }),
                            Verdict::Reject(with) => {
                                let end = End::Rejected(with.clone());
                                ended.push(Passage { way, end });
                            }
                            Verdict::Undetermined(why) => {
                                let end = End::Undetermined(why.clone());
                                ended.push(Passage { way, end });
                            }
                        }
                    }
                }
                ways = next;
            }
        }
        (ended, ways)
    }

    fn route(&self, mut way: Way) -> Result<Way, Box<Passage>> {
        let destination = way.packet.destination;
        if self.cx.host.is_local(destination) == Some(true) {
            way.packet.output = Some("lo".to_owned());
            return Ok(way);
        }
        let Some(routes) = &self.cx.host.routes else {
            return Err(Box::new(undetermined(way, "the host's routes were not read")));
        };
        if let Some(unread) = routes.unread.first() {
            way.assumed.push(format!("{unread} does not apply"));
        }
        match routes.lookup(destination) {
            None => Err(Box::new(Passage { way, end: End::NoRoute("unreachable".to_owned()) })),
            Some(route) if route.kind != "unicast" => {
                let end = End::NoRoute(route.kind.clone());
                Err(Box::new(Passage { way, end }))
            }
            Some(route) => {
                way.packet.output.clone_from(&route.device);
                Ok(way)
            }
        }
    }
}

fn undetermined(way: Way, why: &str) -> Passage {
    Passage { way, end: End::Undetermined(why.to_owned()) }
}
