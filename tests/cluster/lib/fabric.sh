# The network under the nodes: one switch in a namespace of its own. Every host hangs off it by its eth0; `world` is the gateway
# and all of the internet there is. Nothing touches the machine's own network but the API server's port on 127.0.0.1.
# shellcheck shell=bash

plug() { # HOST: a namespace with eth0 on the switch
  local host=$1 ns; ns=$(netns "$1")
  ip netns add "$ns"
  ip link add "p-$host" netns "$(netns fabric)" type veth peer name eth0 netns "$ns"
  ip -n "$(netns fabric)" link set "p-$host" master br0 up
  ip -n "$ns" -batch - <<K
link set lo up
link set eth0 up
addr add $(address "$host")/24 dev eth0
K
  [ "$host" = world ] || ip -n "$ns" route add default via "$WORLD_IP"
  ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1
  if dual; then
    # nodad: a tentative address cannot be bound yet, and Flannel and the kubelet look for it at once
    ip -n "$ns" addr add "$(address6 "$host")/64" dev eth0 nodad
    [ "$host" = world ] || ip -n "$ns" -6 route add default via "$WORLD_IP6"
    ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.forwarding=1
  fi
}

fabric() {
  local host ns; ns=$(netns fabric)
  ip netns add "$ns"
  ip -n "$ns" link set lo up
  ip -n "$ns" link add br0 type bridge mcast_snooping 0
  ip -n "$ns" link set br0 up
  # a plain switch: its frames pass no IP firewall unless a test says so
  ip netns exec "$ns" sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
  for host in world control $(nodes); do plug "$host"; done
}

world() { # a web site with and without TLS, and the resolver that CoreDNS forwards to
  local ns sites="www.example.com. 5 IN A $SITE_IP"; ns=$(netns world)
  ip -n "$ns" addr add "$SITE_IP/32" dev lo
  if dual; then
    ip -n "$ns" addr add "$SITE_IP6/128" dev lo nodad
    sites+=$'\n'"www.example.com. 5 IN AAAA $SITE_IP6"
  fi
  # a zone of everything: what it does not know does not exist, as on the internet
  printf '. 5 IN SOA a.root. b.root. 1 60 60 60 5\n. 5 IN NS a.root.\n%s\n' "$sites" >"$RUN/world.zone"
  printf '.:53 {\n file %s .\n}\n' "$RUN/world.zone" >"$RUN/world.Corefile"
  mkdir -p "$RUN/www"; echo "hello from the world" >"$RUN/www/index.html"
  spawn world-dns ip netns exec "$ns" "$BIN/coredns" -conf "$RUN/world.Corefile"
  # its certificate is signed by the cluster's own authority, pki/ca.crt
  spawn world-tls ip netns exec "$ns" sh -c "cd '$RUN/www' && exec openssl s_server -quiet -WWW -accept 443 -cert ../pki/www.example.com.crt -key ../pki/www.example.com.key"
  spawn world-web ip netns exec "$ns" busybox httpd -f -p 80 -h "$RUN/www"
}
