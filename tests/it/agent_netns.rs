//! The agent in network namespaces that these tests make: a client, a router and a server behind it. Needs root.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic")]

use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use netcheck::probe::{PathMtuOutcome, ProbeOutcome, Refuser, TcpAttempt, TraceOutcome};
use serde_json::{Value, json};

use crate::agent_process::{Agent, agent, skipped};

const CLIENT: &str = "10.99.1.2";
const ROUTER: &str = "10.99.1.1";
const SERVER: &str = "10.99.2.2";
const ROUTER6: &str = "fd99:1::1";
const SERVER6: &str = "fd99:2::2";

/// Three namespaces, gone when the test ends.
struct Net {
    name: String,
}

impl Net {
    /// `None` where namespaces cannot be made, which is said on standard error and is a failure where `CI=true`.
    fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let net = Self { name: format!("nct{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)) };
        if let Err(why) = net.try_ip(&format!("netns add {}", net.namespace('c'))) {
            return skipped(&format!("network namespaces cannot be made: {why}"));
        }
        for end in ['r', 's'] {
            net.ip(&format!("netns add {}", net.namespace(end)));
        }
        for end in ['c', 'r', 's'] {
            // a link-local address would be of no use for its first second
            net.set(end, "net/ipv6/conf/default/accept_dad", "0");
        }
        net.link('c', "eth0", 'r', "eth0");
        net.link('s', "eth0", 'r', "eth1");
        for (end, command) in [
            ('c', "addr add 10.99.1.2/24 dev eth0"),
            ('c', "addr add fd99:1::2/64 dev eth0 nodad"),
            ('c', "route add default via 10.99.1.1"),
            ('c', "-6 route add default via fd99:1::1"),
            ('r', "addr add 10.99.1.1/24 dev eth0"),
            ('r', "addr add fd99:1::1/64 dev eth0 nodad"),
            ('r', "addr add 10.99.2.1/24 dev eth1"),
            ('r', "addr add fd99:2::1/64 dev eth1 nodad"),
            ('s', "addr add 10.99.2.2/24 dev eth0"),
            ('s', "addr add fd99:2::2/64 dev eth0 nodad"),
            ('s', "route add default via 10.99.2.1"),
            ('s', "-6 route add default via fd99:2::1"),
        ] {
            net.inside(end, command);
        }
        net.set('r', "net/ipv4/ip_forward", "1");
        net.set('r', "net/ipv6/conf/all/forwarding", "1");
        Some(net)
    }

    fn namespace(&self, end: char) -> String {
        format!("{}{end}", self.name)
    }

    fn link(&self, a: char, a_name: &str, b: char, b_name: &str) {
        let (a_space, b_space) = (self.namespace(a), self.namespace(b));
        self.ip(&format!("-n {a_space} link add {a_name} type veth peer name {b_name} netns {b_space}"));
        for (end, name) in [(a, "lo"), (a, a_name), (b, "lo"), (b, b_name)] {
            self.inside(end, &format!("link set {name} up"));
        }
    }

    /// Runs ip(8) in a namespace.
    fn inside(&self, end: char, command: &str) {
        self.ip(&format!("-n {} {command}", self.namespace(end)));
    }

    fn ip(&self, command: &str) {
        self.try_ip(command).unwrap_or_else(|why| panic!("ip {command}: {why}"));
    }

    #[expect(clippy::unused_self, reason = "a command is only run for namespaces that exist")]
    fn try_ip(&self, command: &str) -> Result<(), String> {
        let output = Command::new("ip").args(command.split_whitespace()).output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
    }

    fn exec(&self, end: char, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(end), program]);
        command
    }

    fn set(&self, end: char, sysctl: &str, value: &str) {
        let script = format!("echo {value} > /proc/sys/{sysctl}");
        assert!(self.exec(end, "sh").args(["-c", &script]).status().unwrap().success(), "{sysctl}");
    }

    /// Lets every user of the client send ICMP echoes, as containerd does for pods.
    fn allow_ping(&self) {
        self.set('c', "net/ipv4/ping_group_range", "'0 2147483647'");
    }

    fn probe(&self, spec: &Value) -> ProbeOutcome {
        let program = agent(&[]).get_program().to_str().unwrap().to_owned();
        let mut command = self.exec('c', &program);
        command.arg("run");
        Agent::greeted_by(command).outcome(spec)
    }

    fn tcp(&self, ip: &str) -> TcpAttempt {
        let outcome = self.probe(&json!({"probe": "tcp", "ip": ip, "port": 80, "attempts": 1, "timeout_ms": 8000}));
        let ProbeOutcome::Tcp(mut tcp) = outcome else { panic!("{outcome:?}") };
        tcp.attempts.remove(0)
    }

    fn trace(&self, ip: &str) -> TraceOutcome {
        let outcome = self.probe(&json!({"probe": "trace", "ip": ip, "max_hops": 8, "timeout_ms": 2000}));
        let ProbeOutcome::Trace(trace) = outcome else { panic!("{outcome:?}") };
        trace
    }

    fn path_mtu(&self, ip: &str) -> PathMtuOutcome {
        let outcome = self.probe(&json!({"probe": "path-mtu", "ip": ip, "timeout_ms": 9000}));
        let ProbeOutcome::PathMtu(mtu) = outcome else { panic!("{outcome:?}") };
        mtu
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for end in ['c', 'r', 's'] {
            // a namespace that was never made has nothing to remove
            drop(self.try_ip(&format!("netns del {}", self.namespace(end))));
        }
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_host_refuses_with_a_reset_and_a_router_with_icmp() {
    let Some(net) = Net::new() else { return };
    assert!(matches!(net.tcp(SERVER), TcpAttempt::Refused { by: Refuser::Rst {}, .. }));
    assert!(matches!(net.tcp(SERVER6), TcpAttempt::Refused { by: Refuser::Rst {}, .. }));
    net.inside('r', "route add prohibit 10.99.3.0/24");
    let attempt = net.tcp("10.99.3.3");
    let TcpAttempt::Unreachable { by: Refuser::Icmp { from, icmp_type: 3, code: 13 }, error, .. } = attempt else {
        panic!("{attempt:?}")
    };
    assert_eq!((from, error.as_str()), (ip(ROUTER), "EHOSTUNREACH"));
    net.inside('r', "-6 route add unreachable fd99:3::/64");
    let attempt = net.tcp("fd99:3::3");
    let TcpAttempt::Unreachable { by: Refuser::Icmp { from, icmp_type: 1, code: 0 }, error, .. } = attempt else {
        panic!("{attempt:?}")
    };
    assert_eq!((from, error.as_str()), (ip(ROUTER6), "ENETUNREACH"));
}

#[test]
fn a_reject_rule_of_the_host_is_told_from_a_closed_port() {
    let Some(net) = Net::new() else { return };
    let rule = ["-A", "INPUT", "-p", "tcp", "--dport", "80", "-j", "REJECT"];
    assert!(net.exec('s', "iptables").args(rule).status().unwrap().success());
    let attempt = net.tcp(SERVER);
    let by = Refuser::Icmp { from: ip(SERVER), icmp_type: 3, code: 3 };
    assert!(matches!(&attempt, TcpAttempt::Refused { by: found, .. } if *found == by), "{attempt:?}");
}

#[test]
fn what_the_kernel_itself_refuses_is_local() {
    let Some(net) = Net::new() else { return };
    // no neighbour with this address answers
    let attempt = net.tcp("10.99.1.77");
    let TcpAttempt::Unreachable { by: Refuser::Local {}, error, .. } = attempt else { panic!("{attempt:?}") };
    assert_eq!(error, "EHOSTUNREACH");
    net.inside('c', "route del default");
    let attempt = net.tcp(SERVER);
    let TcpAttempt::Unreachable { by: Refuser::Local {}, error, .. } = attempt else { panic!("{attempt:?}") };
    assert_eq!(error, "ENETUNREACH");
}

#[test]
fn a_trace_names_each_hop_up_to_the_server() {
    let Some(net) = Net::new() else { return };
    for (router, server) in [(ROUTER, SERVER), (ROUTER6, SERVER6)] {
        let trace = net.trace(server);
        let hops: Vec<_> = trace.hops.iter().map(|hop| (hop.ttl, hop.from, hop.answer.as_str())).collect();
        let expected = [(1, Some(ip(router)), "time exceeded"), (2, Some(ip(server)), "port unreachable")];
        assert_eq!(hops, expected);
        assert!(trace.reached && trace.hops.iter().all(|hop| hop.rtt_us > 0));
    }
}

#[test]
fn a_trace_tells_a_refusing_router_from_silence() {
    let Some(net) = Net::new() else { return };
    net.inside('r', "route add prohibit 10.99.3.0/24");
    let trace = net.trace("10.99.3.3");
    let last = trace.hops.last().unwrap();
    assert_eq!((last.ttl, last.from, last.answer.as_str()), (1, Some(ip(ROUTER)), "administratively prohibited"));
    assert!(!trace.reached);
    net.inside('r', "route add blackhole 10.99.4.0/24");
    let trace = net.trace("10.99.4.4");
    assert!(!trace.reached && trace.hops.len() == 8, "{trace:?}");
    assert_eq!(trace.hops[7].from, None);
}

#[test]
fn a_router_reports_the_mtu_behind_it() {
    let Some(net) = Net::new() else { return };
    net.allow_ping();
    net.inside('r', "link set eth1 mtu 1400");
    net.inside('s', "link set eth0 mtu 1400");
    for (router, server) in [(ROUTER, SERVER), (ROUTER6, SERVER6)] {
        let mtu = net.path_mtu(server);
        let expected = PathMtuOutcome {
            largest_answered: Some(1400),
            smallest_lost: Some(1401),
            interface_mtu: Some(1500),
            reported: Some((1400, ip(router))),
            error: None,
        };
        assert_eq!(mtu, expected);
    }
}

#[test]
fn a_black_hole_for_large_packets_is_found_without_a_report() {
    let Some(net) = Net::new() else { return };
    net.allow_ping();
    // the router thinks that 1500 bytes fit; a veth drops what is larger than its peer's MTU
    net.inside('s', "link set eth0 mtu 1372");
    let mtu = net.path_mtu(SERVER);
    assert_eq!((mtu.reported, mtu.error), (None, None));
    let (answered, lost) = (mtu.largest_answered.unwrap(), mtu.smallest_lost.unwrap());
    // the veth leaves room for one VLAN header
    assert_eq!((answered, lost), (1376, 1377));
}

#[test]
fn the_path_mtu_is_found_without_permission_for_icmp() {
    let Some(net) = Net::new() else { return };
    net.set('c', "net/ipv4/ping_group_range", "'1 0'");
    let mtu = net.path_mtu(SERVER);
    assert_eq!((mtu.largest_answered, mtu.smallest_lost, mtu.error), (Some(1500), None, None));
    net.inside('r', "link set eth1 mtu 1400");
    let mtu = net.path_mtu(SERVER);
    assert_eq!((mtu.largest_answered, mtu.reported), (Some(1400), Some((1400, ip(ROUTER)))));
}

#[test]
fn nobody_there_leaves_the_path_mtu_unknown() {
    let Some(net) = Net::new() else { return };
    net.allow_ping();
    net.inside('r', "route add blackhole 10.99.4.0/24");
    let mtu = net.path_mtu("10.99.4.4");
    assert_eq!((mtu.largest_answered, mtu.smallest_lost), (None, None));
    assert!(mtu.error.unwrap().starts_with("no answer to a packet of 128 bytes"));
}

#[test]
fn ping_counts_replies_and_losses() {
    let Some(net) = Net::new() else { return };
    net.allow_ping();
    for server in [SERVER, SERVER6, CLIENT] {
        let spec = json!({"probe": "ping", "ip": server, "count": 3, "payload_bytes": 56, "timeout_ms": 1000});
        let outcome = net.probe(&spec);
        let ProbeOutcome::Ping(ping) = outcome else { panic!("{outcome:?}") };
        assert_eq!((ping.echo.tries, ping.echo.lost, ping.error), (3, 0, None), "{server}");
    }
    net.inside('r', "route add blackhole 10.99.4.0/24");
    let spec = json!({"probe": "ping", "ip": "10.99.4.4", "count": 2, "payload_bytes": 0, "timeout_ms": 200});
    let ProbeOutcome::Ping(ping) = net.probe(&spec) else { panic!() };
    assert_eq!((ping.echo.tries, ping.echo.lost), (2, 2));
}

#[test]
fn without_permission_a_ping_is_not_run_and_says_why() {
    let Some(net) = Net::new() else { return };
    net.set('c', "net/ipv4/ping_group_range", "'1 0'");
    let program = agent(&[]).get_program().to_str().unwrap().to_owned();
    // another user, without capabilities: root could open a raw socket
    let mut command = net.exec('c', "setpriv");
    command.args(["--reuid=65532", "--regid=65532", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", &program, "run"]);
    let spec = json!({"probe": "ping", "ip": SERVER, "count": 1, "payload_bytes": 0, "timeout_ms": 200});
    let outcome = Agent::greeted_by(command).outcome(&spec);
    let ProbeOutcome::NotRun { why } = outcome else { panic!("{outcome:?}") };
    assert_eq!(why, "no permission for ICMP: net.ipv4.ping_group_range is \"1 0\", and there is no CAP_NET_RAW");
}

#[test]
fn the_environment_is_that_of_the_namespace() {
    let Some(net) = Net::new() else { return };
    net.inside('c', "link set eth0 mtu 1450");
    let ProbeOutcome::Environment(found) = net.probe(&json!({"probe": "environment"})) else { panic!() };
    let names: Vec<&str> = found.interfaces.iter().map(|interface| interface.name.as_str()).collect();
    assert_eq!(names, ["eth0", "lo"]);
    let eth0 = &found.interfaces[0];
    assert_eq!((eth0.mtu, eth0.up), (Some(1450), true));
    assert!(eth0.addresses.contains(&format!("{CLIENT}/24")) && eth0.addresses.contains(&String::from("fd99:1::2/64")));
    let default = found.routes.iter().find(|route| route.destination == "0.0.0.0/0").unwrap();
    assert_eq!((default.gateway, default.interface.as_str()), (Some(ip(ROUTER)), "eth0"));
    assert!(found.routes.iter().any(|route| route.destination == "::/0" && route.gateway == Some(ip(ROUTER6))));
}
