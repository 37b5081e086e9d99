//! The rulesets: written ones with every supported condition and target, and random ones.

use std::fmt::Write as _;

use super::packets::{DESTINATIONS, PORTS, Random, SOURCES};

/// Every supported condition, plain and negated.
const CONDITIONS: &[&str] = &[
    "-s 10.1.0.2/32",
    "! -s 10.1.0.0/24",
    "-d 10.244.0.0/16",
    "! -d 10.2.0.2/32",
    "-i in0",
    "! -i in0",
    "-i in+",
    "-o out0",
    "! -o out+",
    "-p tcp",
    "! -p udp",
    "-p tcp -m tcp --dport 80",
    "-p tcp -m tcp ! --dport 80",
    "-p udp -m udp --dport 53:100",
    "-p tcp -m tcp --sport 10000:20000",
    "-p tcp -m multiport --dports 80,443,8000:9000",
    "-p tcp -m multiport ! --dports 80,443",
    "-p udp -m multiport --ports 53,30080",
    "-p tcp -m tcp --tcp-flags SYN,RST,ACK,FIN SYN",
    "-p tcp -m tcp --tcp-flags SYN,ACK ACK",
    "-m conntrack --ctstate NEW",
    "-m conntrack ! --ctstate NEW",
    "-m conntrack --ctstate RELATED,ESTABLISHED",
    "-m conntrack --ctstate INVALID",
    "-m conntrack --ctorigdst 10.244.0.0/16",
    "-m mark --mark 0x0/0x4000",
    "-m mark ! --mark 0x1",
    "-m iprange --dst-range 10.2.0.2-10.2.0.3",
    "-m iprange ! --src-range 10.1.0.3-10.1.0.9",
    "-m length --length 0:100",
    "-m length ! --length 100:1000",
    "-m addrtype --dst-type LOCAL",
    "-m addrtype ! --dst-type LOCAL",
    "-m addrtype --src-type UNICAST",
    "-m comment --comment \"allow -j DROP, \\\"quoted\\\"\"",
    "-m statistic --mode random --probability 0.50000000000",
    "-m set --match-set hosts dst",
    "-m set ! --match-set hosts src",
    "-m set --match-set services dst,dst",
];

/// One condition or target after the other, in a place where it decides.
pub fn written() -> Vec<String> {
    let filter = |rules: &[&str]| {
        let rules = rules.join("\n");
        format!("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:OTHER - [0:0]\n{rules}\nCOMMIT\n")
    };
    let nat = |rules: &[&str]| {
        let rules = rules.join("\n");
        format!(
            "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:OTHER - [0:0]\n:THIRD - [0:0]\n{rules}\nCOMMIT\n"
        )
    };
    let mut all = Vec::new();
    for condition in CONDITIONS {
        for target in [
            "DROP",
            "REJECT --reject-with icmp-port-unreachable",
            "ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-admin-prohibited",
        ] {
            // an outgoing interface is known in FORWARD only, and so is the rest of it the same in both
            let input = if condition.contains("-o ") { String::new() } else { format!("-A INPUT {condition} -j DROP\n") };
            all.push(filter(&[&format!("{input}-A FORWARD {condition} -j {target}")]));
        }
    }
    for reject in
        ["icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable", "icmp-host-prohibited", "icmp-net-prohibited"]
    {
        all.push(filter(&[&format!("-A FORWARD -j REJECT --reject-with {reject}")]));
    }
    all.push(filter(&[
        "-A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "-A INPUT -p tcp -j REJECT --reject-with tcp-reset",
    ]));
    all.push(filter(&[
        "-A FORWARD -j OTHER",
        "-A FORWARD -p udp -j DROP",
        "-A OTHER -p udp -m udp --dport 53 -j RETURN",
        "-A OTHER -s 10.1.0.2/32 -j ACCEPT",
        "-A OTHER -p tcp -j DROP",
    ]));
    all.push(filter(&["-A FORWARD -g OTHER", "-A FORWARD -j DROP", "-A OTHER -p udp -j RETURN", "-A OTHER -p tcp -j DROP"]));
    all.push("*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A FORWARD -p tcp -j ACCEPT\n-A INPUT -p udp -j ACCEPT\nCOMMIT\n".into());
    all.push("*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate UNTRACKED -j DROP\nCOMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 10.96.0.1/32 -p udp -j DNAT --to-destination 10.244.1.5\nCOMMIT\n".into());
    all.push("*mangle\n:PREROUTING ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n-A PREROUTING -s 10.1.0.2/32 -j MARK --set-xmark 0x4000/0x4000\n-A PREROUTING -p tcp -j MARK --or-mark 0x2\n-A PREROUTING -p udp -j MARK --set-xmark 0x6/0xffffffff\n-A PREROUTING -p udp -m udp --dport 53 -j MARK --and-mark 0xfffffffd\n-A PREROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff\n-A FORWARD -m mark --mark 0x4002 -j DROP\n-A FORWARD -m connmark --mark 0x4/0x6 -j DROP\nCOMMIT\n".into());
    for dnat in ["10.244.1.5", "10.244.1.5:8080", ":8080", "10.2.0.2-10.2.0.2:443-443"] {
        let ports = if dnat.contains(':') { "-p tcp -m tcp " } else { "" };
        all.push(nat(&[&format!("-A PREROUTING -d 10.96.0.1/32 {ports}-j DNAT --to-destination {dnat}")]));
    }
    all.push(nat(&["-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080", "-A PREROUTING -p udp -j REDIRECT"]));
    all.push(nat(&["-A POSTROUTING -o out0 -j MASQUERADE"]));
    all.push(nat(&["-A POSTROUTING -o out0 -j MASQUERADE --random-fully"]));
    all.push(nat(&[
        "-A POSTROUTING -s 10.9.0.0/16 -d 10.2.0.0/24 -j SNAT --to-source 10.2.0.77",
        "-A POSTROUTING -p tcp -j SNAT --to-source 10.2.0.9:5000-5000",
    ]));
    all.push(kube_proxy());
    all
}

/// The shape of kube-proxy's rules for two Services (Kubernetes v1.36, `pkg/proxy/iptables/proxier.go`): one with two endpoints
/// and a NodePort, one without endpoints.
fn kube_proxy() -> String {
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:KUBE-FORWARD - [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-FIREWALL - [0:0]\n\
     -A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD\n\
     -A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
     -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n\
     -A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark --mark 0x4000/0x4000 -j ACCEPT\n\
     -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
     -A KUBE-SERVICES -d 10.96.0.2/32 -p tcp -m comment --comment \"shop/empty has no endpoints\" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable\n\
     COMMIT\n\
     *nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n\
     :KUBE-POSTROUTING - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-SVC-A - [0:0]\n:KUBE-EXT-A - [0:0]\n:KUBE-SEP-1 - [0:0]\n:KUBE-SEP-2 - [0:0]\n\
     -A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
     -A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING\n\
     -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
     -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
     -A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully\n\
     -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
     -A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment \"shop/web:http cluster IP\" -m tcp --dport 80 -j KUBE-SVC-A\n\
     -A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in this chain\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n\
     -A KUBE-NODEPORTS -p tcp -m comment --comment \"shop/web:http\" -m tcp --dport 30080 -j KUBE-EXT-A\n\
     -A KUBE-EXT-A -m comment --comment \"masquerade traffic for shop/web:http external destinations\" -j KUBE-MARK-MASQ\n\
     -A KUBE-EXT-A -j KUBE-SVC-A\n\
     -A KUBE-SVC-A ! -s 10.1.0.0/24 -d 10.96.0.1/32 -p tcp -m comment --comment \"shop/web:http cluster IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ\n\
     -A KUBE-SVC-A -m comment --comment \"shop/web:http -> 10.244.1.5:8080\" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-1\n\
     -A KUBE-SVC-A -m comment --comment \"shop/web:http -> 10.244.2.6:8080\" -j KUBE-SEP-2\n\
     -A KUBE-SEP-1 -s 10.244.1.5/32 -m comment --comment \"shop/web:http\" -j KUBE-MARK-MASQ\n\
     -A KUBE-SEP-1 -p tcp -m comment --comment \"shop/web:http\" -m tcp -j DNAT --to-destination 10.244.1.5:8080\n\
     -A KUBE-SEP-2 -s 10.244.2.6/32 -m comment --comment \"shop/web:http\" -j KUBE-MARK-MASQ\n\
     -A KUBE-SEP-2 -p tcp -m comment --comment \"shop/web:http\" -m tcp -j DNAT --to-destination 10.244.2.6:8080\n\
     COMMIT\n"
        .to_owned()
}

/// Sets that the written rules use.
pub const SETS: &str = "create hosts hash:net\nadd hosts 10.244.0.0/16\nadd hosts 10.1.0.2/32\ncreate services hash:ip,port\nadd services 10.2.0.2,tcp:80\nadd services 10.244.1.5,udp:53\n";

/// A ruleset of three tables with jumps between chains of its own.
pub fn random(seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut text = String::new();
    for (table, hooks) in [
        ("mangle", &["PREROUTING", "FORWARD", "POSTROUTING"][..]),
        ("nat", &["PREROUTING", "POSTROUTING"]),
        ("filter", &["INPUT", "FORWARD"]),
    ] {
        writeln!(text, "*{table}").unwrap();
        for hook in hooks {
            let policy = if table == "filter" && random.chance(4) { "DROP" } else { "ACCEPT" };
            writeln!(text, ":{hook} {policy} [0:0]").unwrap();
        }
        let own: Vec<String> = (0..3).map(|n| format!("OWN-{n}")).collect();
        for chain in &own {
            writeln!(text, ":{chain} - [0:0]").unwrap();
        }
        for hook in hooks {
            for _ in 0..random.below(5) {
                let condition = conditions(&mut random, *hook == "PREROUTING" || *hook == "INPUT", *hook == "POSTROUTING");
                let target = target(&mut random, table, Some(hook), &own);
                writeln!(text, "-A {hook}{condition} -j {target}").unwrap();
            }
        }
        for (at, chain) in own.iter().enumerate() {
            for _ in 0..random.below(4) {
                // only later chains, so that jumps make no loop; only what is valid in every hook
                let condition = conditions(&mut random, true, true);
                let target = target(&mut random, table, None, &own[at + 1..]);
                writeln!(text, "-A {chain}{condition} -j {target}").unwrap();
            }
        }
        text.push_str("COMMIT\n");
    }
    text
}

fn conditions(random: &mut Random, no_output: bool, no_input: bool) -> String {
    let mut text = String::new();
    let not = |random: &mut Random| if random.chance(4) { " !" } else { "" };
    if random.chance(2) {
        write!(text, "{} -s {}", not(random), random.of(&SOURCES)).unwrap();
    }
    if random.chance(2) {
        let length = random.of(&["32", "24", "16"]);
        write!(text, "{} -d {}/{length}", not(random), random.of(&DESTINATIONS)).unwrap();
    }
    if !no_input && random.chance(4) {
        write!(text, "{} -i in0", not(random)).unwrap();
    }
    if !no_output && random.chance(4) {
        write!(text, "{} -o out0", not(random)).unwrap();
    }
    if random.chance(2) {
        let protocol = random.of(&["tcp", "udp"]);
        let port = PORTS[random.below(PORTS.len())];
        match random.below(3) {
            0 => write!(text, " -p {protocol}").unwrap(),
            1 => write!(text, " -p {protocol} -m {protocol}{} --dport {port}", not(random)).unwrap(),
            _ => write!(text, " -p {protocol} -m multiport{} --dports {port},8080", not(random)).unwrap(),
        }
    }
    match random.below(10) {
        0 => write!(text, " -m conntrack{} --ctstate NEW", not(random)).unwrap(),
        1 => write!(text, " -m mark{} --mark 0x{:x}/0x3", not(random), random.below(4)).unwrap(),
        2 => write!(text, " -m length{} --length 0:100", not(random)).unwrap(),
        3 => write!(text, " -m addrtype{} --src-type LOCAL", not(random)).unwrap(),
        _ => {}
    }
    text
}

fn target(random: &mut Random, table: &str, hook: Option<&&str>, chains: &[String]) -> String {
    if !chains.is_empty() && random.chance(3) {
        return chains[random.below(chains.len())].clone();
    }
    match (table, hook.copied()) {
        ("mangle", _) => match random.below(5) {
            0 => "ACCEPT".into(),
            1 => "RETURN".into(),
            // behind POSTROUTING it would drop the router's own refusals too, and nobody would see them
            2 if matches!(hook, Some(&"PREROUTING" | &"FORWARD")) => "DROP".into(),
            _ => format!("MARK --set-xmark 0x{:x}/0x{:x}", random.below(4), random.below(4)),
        },
        // translation needs a protocol for ports, and a hook of its own
        ("nat", Some("PREROUTING")) => format!("DNAT --to-destination {}", random.of(&["10.244.1.5", "10.2.0.3", "10.244.2.6"])),
        ("nat", Some("POSTROUTING")) => random.of(&["MASQUERADE", "SNAT --to-source 10.2.0.50"]).to_owned(),
        ("nat", _) => random.of(&["ACCEPT", "RETURN"]).to_owned(),
        (_, Some(_) | None) => random
            .of(&[
                "ACCEPT",
                "DROP",
                "RETURN",
                "REJECT --reject-with icmp-port-unreachable",
                "REJECT --reject-with icmp-admin-prohibited",
            ])
            .to_owned(),
    }
}
