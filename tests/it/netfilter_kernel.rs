//! The walk against the kernel: rulesets are loaded in a network namespace, packets are sent through it, and what the kernel
//! did with each is compared with what the walk says of the text that iptables-save prints. Needs root.
#![expect(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod packets;
mod router;
mod rulesets;

use std::collections::BTreeMap;

use netcheck::netfilter::{Context, CtState, End, Firewall, Host, Packet, Passage, Route, Routes, Saved, Sets};

use packets::Sent;
use router::{Fate, Router};

/// How many rulesets are made up, beside the written ones.
const RANDOM: u64 = 600;

/// Packets a ruleset.
const PACKETS: u64 = 24;

/// What the walk looks up: the same that the router's namespace is set up with.
fn host() -> Host {
    let route = |net: &str, device: &str, gateway: Option<&str>, source: &str| Route {
        destination: net.parse().unwrap(),
        gateway: gateway.map(|g| g.parse().unwrap()),
        device: Some(device.to_owned()),
        source: Some(source.parse().unwrap()),
        kind: "unicast".to_owned(),
        metric: 0,
    };
    let routes = vec![
        route("10.1.0.0/24", "in0", None, "10.1.0.1"),
        route("10.9.0.0/16", "in0", Some("10.1.0.2"), "10.1.0.1"),
        route("10.2.0.0/24", "out0", None, "10.2.0.1"),
        route("10.244.0.0/16", "out0", Some("10.2.0.2"), "10.2.0.1"),
    ];
    let address = |device: &str, address: &str| (device.to_owned(), vec![address.parse().unwrap()]);
    let interfaces = BTreeMap::from([address("in0", "10.1.0.1"), address("out0", "10.2.0.1")]);
    Host { interfaces: Some(interfaces), routes: Some(Routes { routes, unread: Vec::new() }) }
}

/// What a passage looks like from outside.
fn expected(passage: &Passage) -> Fate {
    let packet = &passage.way.packet;
    // with --random-fully the kernel picks the port
    let random = passage.way.steps.iter().any(|s| s.rule.contains("--random"));
    match &passage.end {
        End::Sent(device) => Fate::Forwarded {
            device: device.clone(),
            source: packet.source,
            source_port: (!random).then_some(packet.source_port),
            destination: packet.destination,
            destination_port: packet.destination_port,
        },
        End::Delivered => Fate::Delivered { destination_port: packet.destination_port },
        End::Dropped => Fate::Silence,
        End::Rejected(with) => Fate::Refused { with: with.clone() },
        End::NoRoute(_) => Fate::NoRoute,
        End::Undetermined(why) => Fate::Open { why: why.clone() },
    }
}

/// Walks a packet and says whether the kernel's answer is among the walk's.
fn compare(saved: &[Saved<'_>], sets: &Sets, sent: &Sent, fate: &Fate) -> Result<bool, String> {
    let host = host();
    let firewall = Firewall { saved, cx: Context { host: &host, sets } };
    let mut packet =
        Packet::first(sent.protocol, (sent.source, sent.source_port), (sent.destination, sent.destination_port), Some("in0"));
    packet.state = CtState::New;
    packet.length = sent.length;
    let passages = firewall.receive(packet);
    let ends: Vec<Fate> = passages.iter().map(expected).collect();
    let open = passages.iter().any(|p| !p.way.assumed.is_empty()) || ends.iter().any(|e| matches!(e, Fate::Open { .. }));
    if ends.iter().any(|e| e.agrees(fate)) || open {
        return Ok(open);
    }
    let steps: Vec<_> =
        passages.iter().map(|p| (&p.end, p.way.steps.iter().map(|s| s.rule.as_str()).collect::<Vec<_>>())).collect();
    Err(format!("{sent:?}\n  kernel: {fate:?}\n  walk:   {ends:?}\n  {steps:#?}"))
}

fn run(router: &mut Router, backend: &'static str, rules: &str, seed: u64) -> (usize, usize, Vec<String>) {
    let text = router.load(backend, rules);
    let saved = Saved::parse(&text);
    assert_eq!(saved.problems, [], "{text}");
    let sets = Sets::parse(&router.sets());
    let sent = packets::make(seed, PACKETS);
    let fates = router.send(&sent);
    let (mut open, mut wrong) = (0, Vec::new());
    for (sent, fate) in sent.iter().zip(&fates) {
        match compare(std::slice::from_ref(&saved), &sets, sent, fate) {
            Ok(undetermined) => open += usize::from(undetermined),
            Err(why) => wrong.push(format!("{why}\n{text}")),
        }
    }
    (sent.len(), open, wrong)
}

#[test]
fn the_walk_says_what_the_kernel_does() {
    let Some(mut router) = Router::new() else { return };
    router.make_sets(rulesets::SETS);
    let (mut packets, mut open, mut rulesets) = (0, 0, 0);
    let written = rulesets::written().into_iter().map(|r| (r, u64::MAX));
    let random = (0..RANDOM).map(|seed| (rulesets::random(seed), seed));
    let mut all: Vec<_> = written.chain(random).enumerate().collect();
    // every other ruleset by each backend, one backend after the other
    all.sort_by_key(|(at, _)| at % 2);
    for (at, (rules, seed)) in all {
        let backend = if at % 2 == 0 { "nft" } else { "legacy" };
        let (sent, unknown, wrong) = run(&mut router, backend, &rules, seed.wrapping_add(at as u64));
        assert!(wrong.is_empty(), "{backend}, seed {seed}: {} of {sent} differ, the first:\n{}", wrong.len(), wrong[0]);
        packets += sent;
        open += unknown;
        rulesets += 1;
    }
    println!("{rulesets} rulesets, {packets} packets: 0 differ, {open} undetermined");
    assert!(rulesets >= 500 && packets >= 10_000);
    // only rulesets written to hold an unknown condition leave anything open
    assert!(open * 100 < packets, "{open} of {packets} undetermined");
}
