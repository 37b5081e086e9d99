//! Sets of addresses and ports, as `ipset save` prints them.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::Protocol;

use super::Packet;

/// Every set of a host.
#[derive(Debug, Clone, Default)]
pub struct Sets {
    sets: HashMap<String, Set>,
}

#[derive(Debug, Clone, Default)]
struct Set {
    /// `hash:ip,port` without the storage: `ip,port`.
    kind: Vec<String>,
    members: Vec<Vec<Field>>,
    /// Members that were not understood.
    unknown: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Net(IpNet),
    Range(IpAddr, IpAddr),
    Port(Option<Protocol>, u16, u16),
    Interface(String),
}

impl Sets {
    /// Reads `ipset save`: `create NAME TYPE …` and `add NAME ENTRY …` lines. Other lines are ignored.
    pub fn parse(text: &str) -> Self {
        let mut sets = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("create"), Some(name), Some(kind)) => {
                    let kind = kind.split_once(':').map_or(kind, |(_, fields)| fields);
                    let kind = kind.split(',').map(str::to_owned).collect();
                    sets.sets.insert(name.to_owned(), Set { kind, ..Set::default() });
                }
                (Some("add"), Some(name), Some(entry)) => {
                    let Some(set) = sets.sets.get_mut(name) else { continue };
                    // `nomatch` takes members out again
                    let member = if words.any(|w| w == "nomatch") { None } else { member(entry) };
                    match member {
                        Some(member) => set.members.push(member),
                        None => set.unknown = Some(line.to_owned()),
                    }
                }
                _ => {}
            }
        }
        sets
    }

    /// Whether a packet is in a set, looked up by `fields` such as `dst,dst`. An error says what is missing.
    pub fn contains(&self, name: &str, fields: &str, packet: &Packet) -> Result<bool, String> {
        let set = self.sets.get(name).ok_or_else(|| format!("set {name} was not read"))?;
        if set.kind.iter().any(|k| k == "set" || k == "mac" || k == "mark") {
            return Err(format!("set {name} of kind {}", set.kind.join(",")));
        }
        let sides: Vec<bool> = fields.split(',').map(|f| f == "src").collect();
        let matches = |member: &Vec<Field>| {
            member.len() <= sides.len()
                && member.iter().zip(&sides).all(|(field, source)| match field {
                    Field::Net(net) => net.contains(if *source { &packet.source } else { &packet.destination }),
                    Field::Range(first, last) => {
                        (first..=last).contains(&if *source { &packet.source } else { &packet.destination })
                    }
                    Field::Port(protocol, first, last) => {
                        let port = if *source { packet.source_port } else { packet.destination_port };
                        protocol.is_none_or(|p| p == packet.protocol) && (*first..=*last).contains(&port)
                    }
                    Field::Interface(name) => {
                        let interface = if *source { &packet.input } else { &packet.output };
                        interface.as_deref() == Some(name)
                    }
                })
        };
        match (set.members.iter().any(matches), &set.unknown) {
            (false, Some(line)) => Err(format!("a member of set {name}: {line}")),
            (found, _) => Ok(found),
        }
    }
}

/// `10.0.0.1`, `10.0.0.1,tcp:80`, `10.0.0.0/8,udp:1-9,10.1.1.1`, `10.0.0.1-10.0.0.9`.
fn member(entry: &str) -> Option<Vec<Field>> {
    entry.split(',').map(field).collect()
}

fn field(text: &str) -> Option<Field> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(Field::Net(net));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(Field::Net(ip.into()));
    }
    if let Some((first, last)) = text.split_once('-')
        && let (Ok(first), Ok(last)) = (first.parse(), last.parse())
    {
        return Some(Field::Range(first, last));
    }
    let (protocol, ports) = text.split_once(':').map_or((None, text), |(p, rest)| (Some(p), rest));
    let protocol = match protocol {
        None => None,
        Some("tcp") => Some(Protocol::Tcp),
        Some("udp") => Some(Protocol::Udp),
        Some("sctp") => Some(Protocol::Sctp),
        Some(_) => return None,
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => Some(Field::Port(protocol, first, last)),
        _ if protocol.is_none() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_@".contains(c)) => {
            Some(Field::Interface(text.to_owned()))
        }
        _ => None,
    }
}
