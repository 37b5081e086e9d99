# Names, places and the few helpers that every part uses.
# shellcheck shell=bash disable=SC2034

# under sudo the caches of who called it: `build` needs no root and `up` does
[ -z "${SUDO_USER:-}" ] || [ "$(id -u)" != 0 ] || HOME=$(getent passwd "$SUDO_USER" | cut -d: -f6)
CACHE=${NETCHECK_CLUSTER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/kubectl-netcheck/cluster}
BIN=$CACHE/bin IMAGES=$CACHE/images               # shared by all clusters
export PATH=$BIN:$PATH:/usr/sbin:/sbin
NODES=${NODES:-3} CNI=${CNI:-flannel} BACKEND=${BACKEND:-vxlan} PROXY=${PROXY:-iptables} IPV6=${IPV6:-0} PORT=${PORT:-}
INSTALL='' KEEP='' ALL=''

KUBERNETES=1.36.3 COREDNS=1.14.7 FLANNEL=0.19.2 CILIUM=1.15.19 REGISTRY=docker.io/netcheck
POD_CIDR=10.244.0.0/16 SERVICE_CIDR=10.96.0.0/16 API_SERVICE=10.96.0.1 DNS_SERVICE=10.96.0.10
POD_CIDR6=fd00:10:244::/56 SERVICE_CIDR6=fd00:10:96::/112 API_SERVICE6=fd00:10:96::1
NET4=198.18.0 NET6=fd00:198:18:                   # the nodes' network: 198.18.0.0/15 is the benchmarking range (RFC 2544)
CONTROL_IP=$NET4.10 WORLD_IP=$NET4.99 WORLD_IP6=$NET6:99
SITE_IP=203.0.113.80 SITE_IP6=2001:db8:113::80    # a public web site, from the ranges for documentation

die() { echo "cluster: $*" >&2; exit 2; }
say() { echo "cluster $NAME: $*" >&2; }
dual() { [ "$IPV6" = 1 ]; }
kc() { kubectl --kubeconfig "$RUN/kubeconfig" "$@"; }
nodes() { local i; for ((i = 1; i <= NODES; i++)); do echo "node$i"; done; }
number() { case $1 in control) echo 10 ;; world) echo 99 ;; *) echo $((10 + ${1#node})) ;; esac; }
address() { echo "$NET4.$(number "$1")"; }
address6() { echo "$NET6:$(number "$1")"; }
netns() { echo "netcheck-$NAME-$1"; }
need_root() { [ "$(id -u)" = 0 ] || die "$1 needs root: run it with sudo"; }

name_cluster() {
  [[ $1 =~ ^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$ ]] || die "--name '$1': 1 to 20 lower-case letters, digits and dashes"
  NAME=$1 RUN=$CACHE/run/$1 CGROUP=netcheck-$1
}

settings() { # what the cluster was started with
  # shellcheck source=/dev/null
  [ ! -f "$RUN/settings" ] || . "$RUN/settings"
}

running() {
  [ -f "$RUN/kubeconfig" ] || die "no cluster '$NAME' is up: start it with cluster up --name $NAME"
  settings
}

# Every process of a cluster lives in one cgroup, so that `down` finds it whatever became of its parent and its pid file.
# Where cgroup v1 and v2 are mounted side by side, the v2 tree holds no container and can be killed as one.
tracking() {
  local root
  for root in /sys/fs/cgroup/unified /sys/fs/cgroup /sys/fs/cgroup/pids; do
    [ ! -f "$root/cgroup.procs" ] || { echo "$root"; return; }
  done
  die "no cgroup hierarchy under /sys/fs/cgroup"
}
cgroup_v2() { [ -f /sys/fs/cgroup/cgroup.controllers ]; }

join_cgroup() { # the calling shell and all it starts from now on; cgroup v2 allows no process in an inner node
  local group; group=$(tracking)/$CGROUP
  mkdir -p "$group"
  if cgroup_v2; then mkdir -p "$group/own"; group+=/own; fi
  echo "$BASHPID" >"$group/cgroup.procs"
}

spawn() { # LOG CMD...: a daemon; a log file and a pid file (for reading: `down` does not rely on it)
  local log=$1; shift
  setsid "$@" >"$RUN/log/$log.log" 2>&1 </dev/null 9>&- &
  echo $! >"$RUN/$log.pid"
}

node_pid() { # process 1 of a node, as the machine sees it
  local pid; pid=$(cat "$RUN/$1.pid" 2>/dev/null) && pgrep -P "$pid" || die "cluster '$NAME' has no running node '$1'"
}

inside() { # NODE CMD...
  case ${1:-} in
    --name) name_cluster "${2:-}"; shift 2 ;;
    --name=*) name_cluster "${1#*=}"; shift ;;
  esac
  running
  [ $# -ge 2 ] || die "exec NODE CMD..."
  local node=$1; shift
  case $node in
    world|control|fabric) exec nsenter --net="/run/netns/$(netns "$node")" "$@" ;;
    *) local pid; pid=$(node_pid "$node"); exec nsenter -t "$pid" -m -p -n -u -i --wd=/ "$@" ;;
  esac
}
