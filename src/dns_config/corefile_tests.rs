//! Texts of the shape that projects install.

use super::*;
use crate::dns_config::Upstream;

/// As kubeadm v1.36 writes it (cmd/kubeadm/app/phases/addons/dns/manifests.go).
const KUBEADM: &str = ".:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
";

/// As the add-on of NodeLocal DNS has it before its placeholders are filled in (cluster/addons/dns/nodelocaldns).
const NODE_LOCAL: &str = "cluster.local:53 {
    errors
    cache {
            success 9984 30
            denial 9984 5
    }
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
    }
    prometheus :9253
    health 169.254.20.10:8080
    }
in-addr.arpa:53 {
    errors
    cache 30
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
    }
    prometheus :9253
    }
.:53 {
    errors
    cache 30
    reload
    loop
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__UPSTREAM__SERVERS__
    prometheus :9253
    }
";

/// As k3s v1.36 deploys it (manifests/coredns.yaml).
const K3S: &str = ".:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    hosts /etc/coredns/NodeHosts {
      ttl 60
      reload 15s
      fallthrough
    }
    prometheus :9153
    cache 30
    loop
    reload
    loadbalance
    import /etc/coredns/custom/*.override
    forward . /etc/resolv.conf
}
import /etc/coredns/custom/*.server
";

/// The stub domain of the Kubernetes documentation (Customizing DNS Service).
const STUB: &str = ".:53 {
    errors
    health
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
    }
    prometheus :9153
    forward . 172.16.0.1
    cache 30
    loop
    reload
    loadbalance
}
consul.local:53 {
    errors
    cache 30
    forward . 10.150.0.1
}
";

fn parse(text: &str) -> Corefile {
    Corefile::parse(text).unwrap()
}

fn refused(text: &str) -> String {
    Corefile::parse(text).unwrap_err().to_string()
}

#[test]
fn kubeadm() {
    let corefile = parse(KUBEADM);
    assert_eq!(corefile.cluster_domains(), ["cluster.local"]);
    assert!(corefile.imports.is_empty() && corefile.stub_domains().is_empty());
    let block = corefile.block_for("example.com", 53).unwrap();
    let names: Vec<_> = block.plugins.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(
        names,
        ["errors", "health", "ready", "kubernetes", "prometheus", "forward", "cache", "loop", "reload", "loadbalance"]
    );
    let kubernetes = block.plugin("kubernetes").unwrap();
    assert_eq!(kubernetes.option("pods").unwrap().args, ["insecure"]);
    assert_eq!(kubernetes.option("fallthrough").unwrap().args, ["in-addr.arpa", "ip6.arpa"]);
    assert_eq!(kubernetes.line, 7);
    assert!(block.kubernetes_answers("web.shop.svc.cluster.local.") && !block.kubernetes_answers("example.com"));
    let forward = block.forward_for("example.com").unwrap();
    assert_eq!(forward.upstreams, [Upstream::ResolvConf("/etc/resolv.conf".into())]);
    assert_eq!((forward.max_concurrent, forward.line), (Some(1000), 13));
    assert_eq!(corefile.block_for("example.com", 5353), None);
}

#[test]
fn node_local() {
    let corefile = parse(NODE_LOCAL);
    let block = corefile.block_for("web.shop.svc.cluster.local", 53).unwrap();
    assert_eq!(block.bound_to(), ["169.254.20.10", "10.96.0.10"]);
    assert!(block.forward_for("web.shop.svc.cluster.local").unwrap().force_tcp);
    let other = corefile.block_for("example.com", 53).unwrap();
    assert_eq!(other.forwards()[0].upstreams[0].to_string(), "__PILLAR__UPSTREAM__SERVERS__");
    assert_eq!(corefile.block_for("1.0.10.in-addr.arpa", 53).unwrap().line, 16);
    assert!(corefile.cluster_domains().is_empty());
}

#[test]
fn imports_of_files_are_told() {
    let corefile = parse(K3S);
    let imports: Vec<_> = corefile.imports.iter().map(|i| (i.pattern.as_str(), i.zones.len(), i.line)).collect();
    assert_eq!(imports, [("/etc/coredns/custom/*.override", 1, 19), ("/etc/coredns/custom/*.server", 0, 22)]);
    let block = &corefile.blocks[0];
    assert_eq!(block.plugin("hosts").unwrap().args, ["/etc/coredns/NodeHosts"]);
    assert!(block.plugin("forward").is_some());
}

#[test]
fn stub_domains() {
    let corefile = parse(STUB);
    let stubs = corefile.stub_domains();
    assert_eq!(stubs[0].0, "consul.local.");
    assert_eq!(stubs[0].1.upstreams[0].to_string(), "10.150.0.1:53");
    assert_eq!(corefile.block_for("db.service.consul.local", 53).unwrap().line, 15);
    let inline = parse(".:53 {\n kubernetes cluster.local\n forward corp.example 10.0.0.5\n forward . 1.1.1.1\n}");
    assert_eq!(inline.stub_domains().len(), 1);
    assert_eq!(inline.blocks[0].forward_for("ldap.corp.example").unwrap().line, 3);
    assert_eq!(inline.blocks[0].forward_for("example.org").unwrap().line, 4);
}

#[test]
fn names_under_except_are_not_forwarded() {
    let corefile = parse(". {\n forward . 1.1.1.1 {\n  except corp.example\n }\n}");
    assert!(corefile.blocks[0].forward_for("a.corp.example").is_none());
    assert!(corefile.blocks[0].forward_for("corp.example.org").is_some());
}

#[test]
fn snippets_stand_for_their_lines() {
    let corefile = parse("(common) {\n errors\n cache 30 {\n  serve_stale\n }\n}\n. {\n import common\n loop\n}");
    let block = &corefile.blocks[0];
    assert!(block.plugin("cache").unwrap().option("serve_stale").is_some() && block.plugin("loop").is_some());
    assert!(corefile.imports.is_empty());
    assert!(refused("(a) {\n import a\n}\n. {\n import a\n}").contains("imports itself"));
}

#[test]
fn shapes_that_people_write() {
    let corefile = parse("example.org, # first\nexample.net:1053 {\n whoami\n}");
    assert_eq!(corefile.blocks[0].zones.len(), 2);
    let bare = parse(".:53\nforward . 8.8.8.8\nlog");
    assert_eq!(bare.blocks[0].plugins.len(), 2);
    let next_line = parse(".\n{\n errors }\n");
    assert_eq!(next_line.blocks[0].plugins[0].name, "errors");
    let no_zones = parse("cluster.local in-addr.arpa {\n kubernetes\n}");
    assert_eq!(no_zones.cluster_domains(), ["cluster.local"]);
    assert_eq!(parse("# nothing\n"), Corefile::default());
}

#[test]
fn what_coredns_refuses_is_an_error_with_its_line() {
    assert_eq!(refused(".:53 {\n errors\n"), "Corefile line 1: a { is never closed");
    assert_eq!(refused(".:53 {\n cache {\n}\n"), "Corefile line 1: a { is never closed");
    assert_eq!(refused(".:53 {\n}\n}"), "Corefile line 3: there is a } without its {");
    assert_eq!(refused(".:53 {\n import\n}"), "Corefile line 2: import names nothing");
    assert_eq!(refused("a, {\n}"), "Corefile line 1: an address is missing behind a comma");
}

proptest::proptest! {
    /// A ConfigMap may hold anything.
    #[test]
    fn no_text_breaks_it(text in "[ a-c.{}()\\n\"#,/:0-9]{0,120}") {
        if let Ok(corefile) = Corefile::parse(&text) {
            corefile.block_for("a.b", 53);
            corefile.stub_domains();
        }
    }
}
