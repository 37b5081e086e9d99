# What this machine must have. Nothing is installed or loaded unless asked; every complaint is one line that names the remedy.
# shellcheck shell=bash

packages() { # the Debian package of every command that is missing
  local command package
  while read -r command package; do
    command -v "$command" >/dev/null || echo "$package"
  done < <(
    printf '%s\n' 'ip iproute2' 'iptables iptables' 'nft nftables' 'ipset ipset' 'conntrack conntrack' 'runc runc' 'socat socat' \
      'openssl openssl' 'busybox busybox-static' 'nsenter util-linux' 'pgrep procps' 'sysctl procps' 'python3 python3'
    if [ "$CNI" = cilium ]; then printf '%s\n' 'clang clang' 'llc llvm' 'bpftool bpftool'; fi
    if [ -n "${1:-}" ]; then printf '%s\n' 'gcc gcc' 'go golang-go'; fi
  ) | sort -u
}

check_packages() {
  local missing; missing=$(packages "${1:-}" | tr '\n' ' ')
  missing=${missing% }
  [ -n "$missing" ] || return 0
  [ -n "$INSTALL" ] || die "missing Debian packages: apt-get install -y $missing (or --install)"
  need_root "--install"
  # shellcheck disable=SC2086
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing; } >&2 ||
    die "apt-get could not install: $missing"
}

check_settings() {
  [[ $NODES =~ ^[1-9][0-9]?$ && $NODES -le 50 ]] || die "NODES=$NODES: 1 to 50"
  case $CNI in flannel|cilium|none) ;; *) die "CNI=$CNI: flannel, cilium or none" ;; esac
  case $BACKEND in vxlan|host-gw) ;; *) die "BACKEND=$BACKEND: vxlan or host-gw" ;; esac
  case $PROXY in iptables|nftables|none) ;; *) die "PROXY=$PROXY: iptables, nftables or none" ;; esac
  case $IPV6 in 0|1) ;; *) die "IPV6=$IPV6: 0, or 1 for dual stack" ;; esac
  [[ -z $PORT || $PORT =~ ^[0-9]{1,5}$ ]] || die "--port $PORT: a number"
}

features() { # what the kernel lacks, tried in a network namespace that ends with this command
  unshare --net bash -s -- "$CNI" "$BACKEND" "$PROXY" "$IPV6" <<'K'
    has() { local what=$1; shift; "$@" >/dev/null 2>&1 || echo "$what"; }
    has veth ip link add name veth0 type veth peer name veth1
    has bridge ip link add name br0 type bridge
    [ "$2" = host-gw ] || has vxlan ip link add name vxlan0 type vxlan id 1 dstport 8472 dev veth0
    has br_netfilter test -e /proc/sys/net/bridge/bridge-nf-call-iptables
    has iptables-nat iptables -t nat -A POSTROUTING -m comment --comment x -m mark ! --mark 0x4000 -j MASQUERADE
    [ "$3" != nftables ] || has nftables nft add table ip x
    [ "$4" = 0 ] || has ip6tables-nat ip6tables -t nat -L
    has overlay grep -qw overlay /proc/filesystems
    [ "$1" != cilium ] || has bpf grep -qw bpf /proc/filesystems
K
  local controller
  cgroup_v2 || for controller in cpu cpuset memory pids; do
    [ -d "/sys/fs/cgroup/$controller" ] || echo "cgroup-$controller"
  done
}

check() {
  check_settings
  need_root "a cluster"
  check_packages
  local missing; missing=$(features | tr '\n' ' ')
  [ -z "$missing" ] || die "the kernel lacks: ${missing% } (try: modprobe ${missing% })"
  [ -z "$PORT" ] || ! port_taken "$PORT" || die "port $PORT of 127.0.0.1 is taken: choose another with --port"
  local socket=$RUN/api.sock
  [ ${#socket} -lt 108 ] || die "$socket is too long for a socket: choose a shorter NETCHECK_CLUSTER_HOME"
}

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port
  for ((port = 6443; port < 6543; port++)); do port_taken "$port" || { echo "$port"; return; }; done
  die "ports 6443 to 6542 of 127.0.0.1 are all taken: choose one with --port"
}
