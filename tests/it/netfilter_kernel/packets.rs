//! The packets that are sent: first packets of connections, each with a tuple of its own.

use std::net::IpAddr;

use netcheck::model::Protocol;
use serde::Serialize;

/// One packet as it is put on the wire. `id` finds it again, whatever happened to its addresses.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    pub id: u32,
    pub protocol: Protocol,
    pub source: IpAddr,
    pub source_port: u16,
    pub destination: IpAddr,
    pub destination_port: u16,
    /// Of the whole IP packet, in bytes.
    pub length: u16,
}

/// A small generator of numbers that look random: xorshift64* (Marsaglia 2003).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    pub fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

pub const SOURCES: [&str; 3] = ["10.1.0.2", "10.1.0.3", "10.9.0.7"];
pub const DESTINATIONS: [&str; 9] =
    ["10.2.0.2", "10.2.0.3", "10.244.1.5", "10.244.2.6", "10.96.0.1", "10.96.0.2", "10.1.0.1", "10.2.0.1", "10.9.0.8"];
pub const PORTS: [u16; 5] = [53, 80, 443, 8080, 30080];

/// Packets from few addresses to few ports, so that rules meet them. Source ports differ over a whole run.
pub fn make(seed: u64, count: u64) -> Vec<Sent> {
    let mut random = Random::new(seed.wrapping_add(77));
    (0..count)
        .map(|_| {
            static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
            let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let protocol = if random.chance(2) { Protocol::Tcp } else { Protocol::Udp };
            let header = if protocol == Protocol::Tcp { 40 } else { 32 };
            Sent {
                id,
                protocol,
                source: random.of(&SOURCES).parse().unwrap(),
                source_port: 10_000 + (id % 50_000) as u16,
                destination: random.of(&DESTINATIONS).parse().unwrap(),
                destination_port: PORTS[random.below(PORTS.len())],
                length: header + if random.chance(3) { 500 } else { 0 },
            }
        })
        .collect()
}
