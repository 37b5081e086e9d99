//! A namespace that forwards, with the outside of both its interfaces in another one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use super::packets::Sent;
use crate::agent_process::skipped;

/// What became of a packet, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fate {
    /// It left by this interface of the router, with these addresses; `None`: any port.
    Forwarded {
        device: String,
        source: IpAddr,
        source_port: Option<u16>,
        destination: IpAddr,
        destination_port: u16,
    },
    /// It reached the router's own sockets.
    Delivered {
        destination_port: u16,
    },
    /// An ICMP error or a reset came back; named as iptables names it.
    Refused {
        with: String,
    },
    Silence,
    /// Only the walk says this: nothing leads on. The kernel tells the sender, but not every time (`ip_error` limits itself).
    NoRoute,
    /// Only the walk says this: it does not know.
    Open {
        why: String,
    },
}

impl Fate {
    /// Whether what the kernel did is what the walk said.
    pub fn agrees(&self, kernel: &Self) -> bool {
        match (self, kernel) {
            (
                Self::Forwarded { device, source, source_port: None, destination, destination_port },
                Self::Forwarded { device: d, source: s, destination: to, destination_port: port, .. },
            ) => (device, source, destination, destination_port) == (d, s, to, port),
            (Self::NoRoute, Self::Refused { with }) => with == "icmp-net-unreachable",
            (Self::NoRoute, Self::Silence) => true,
            _ => self == kernel,
        }
    }
}

pub struct Router {
    name: String,
    /// Whose rules are loaded.
    backend: &'static str,
    wire: Option<(Child, ChildStdin, BufReader<ChildStdout>)>,
}

impl Router {
    /// `None` where namespaces cannot be made, which is said and is a failure where `CI=true`.
    pub fn new() -> Option<Self> {
        let mut router = Self { name: format!("ncw{}", std::process::id()), backend: "nft", wire: None };
        if let Err(why) = run(&format!("ip netns add {}", router.dut())) {
            return skipped(&format!("network namespaces cannot be made: {why}"));
        }
        let (dut, outside) = (router.dut(), router.outside());
        for command in [
            format!("ip netns add {outside}"),
            format!("ip -n {dut} link set lo up"),
            format!(
                "ip -n {dut} link add in0 address 02:00:00:00:01:01 type veth peer name a0 address 02:00:00:00:01:02 netns {outside}"
            ),
            format!(
                "ip -n {dut} link add out0 address 02:00:00:00:02:01 type veth peer name b0 address 02:00:00:00:02:02 netns {outside}"
            ),
            format!("ip -n {dut} addr add 10.1.0.1/24 dev in0"),
            format!("ip -n {dut} addr add 10.2.0.1/24 dev out0"),
            format!("ip -n {dut} link set in0 up"),
            format!("ip -n {dut} link set out0 up"),
            format!("ip -n {outside} link set a0 up"),
            format!("ip -n {outside} link set b0 up"),
            format!("ip -n {dut} route add 10.9.0.0/16 via 10.1.0.2 dev in0"),
            format!("ip -n {dut} route add 10.244.0.0/16 via 10.2.0.2 dev out0"),
            format!("ip -n {dut} neigh add 10.1.0.2 lladdr 02:00:00:00:01:02 dev in0 nud permanent"),
            format!("ip -n {dut} neigh add 10.1.0.3 lladdr 02:00:00:00:01:02 dev in0 nud permanent"),
            format!("ip -n {dut} neigh add 10.2.0.2 lladdr 02:00:00:00:02:02 dev out0 nud permanent"),
            format!("ip -n {dut} neigh add 10.2.0.3 lladdr 02:00:00:00:02:02 dev out0 nud permanent"),
        ] {
            run(&command).unwrap();
        }
        for (key, value) in [
            ("net.ipv4.ip_forward", "1"),
            ("net.ipv4.conf.all.rp_filter", "0"),
            ("net.ipv4.conf.default.rp_filter", "0"),
            ("net.ipv4.conf.in0.rp_filter", "0"),
            ("net.ipv4.conf.out0.rp_filter", "0"),
            ("net.ipv4.conf.all.send_redirects", "0"),
            ("net.ipv4.conf.in0.send_redirects", "0"),
            ("net.ipv4.icmp_ratelimit", "0"),
        ] {
            run(&format!("ip netns exec {dut} sysctl -q -w {key}={value}")).unwrap();
        }
        let script = crate::root().join("tests/it/netfilter_kernel/wire.py");
        let mut wire = Command::new("ip")
            .args(["netns", "exec", &outside, "python3"])
            .arg(script)
            .arg(format!("/run/netns/{dut}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (wire.stdin.take().unwrap(), BufReader::new(wire.stdout.take().unwrap()));
        router.wire = Some((wire, input, output));
        Some(router)
    }

    fn dut(&self) -> String {
        format!("{}d", self.name)
    }

    fn outside(&self) -> String {
        format!("{}o", self.name)
    }

    /// Replaces all rules. The answer is what iptables-save prints of them.
    pub fn load(&mut self, backend: &'static str, rules: &str) -> String {
        const EMPTY: &str =
            "*raw\nCOMMIT\n*mangle\nCOMMIT\n*nat\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\nCOMMIT\n";
        // what the run before left: rules of the other backend, and tables that these rules do not name
        self.restore(self.backend, EMPTY);
        self.backend = backend;
        self.restore(backend, rules);
        let save = format!("ip netns exec {} iptables-{backend}-save", self.dut());
        run(&save).unwrap()
    }

    fn restore(&self, backend: &str, rules: &str) {
        let mut restore = Command::new("ip")
            .args(["netns", "exec", &self.dut(), &format!("iptables-{backend}-restore")])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        restore.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
        let output = restore.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{rules}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes the sets that written rulesets use; the answer is what `ipset save` prints.
    pub fn sets(&self) -> String {
        run(&format!("ip netns exec {} ipset save", self.dut())).unwrap_or_default()
    }

    pub fn make_sets(&self, text: &str) {
        let mut restore = Command::new("ip")
            .args(["netns", "exec", &self.dut(), "ipset", "restore", "-exist"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        restore.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(restore.wait().unwrap().success());
    }

    /// Sends all packets and waits for what becomes of them, in the same order.
    pub fn send(&mut self, packets: &[Sent]) -> Vec<Fate> {
        let (_, input, output) = self.wire.as_mut().unwrap();
        writeln!(input, "{}", serde_json::to_string(packets).unwrap()).unwrap();
        input.flush().unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if let Some((mut child, input, _)) = self.wire.take() {
            drop(input);
            child.wait().unwrap();
        }
        for namespace in [self.dut(), self.outside()] {
            run(&format!("ip netns del {namespace}")).unwrap();
        }
    }
}

fn run(command: &str) -> Result<String, String> {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().map_err(|e| e.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(format!("{command}: {}", text(&output.stderr))) }
}
