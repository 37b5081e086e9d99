# Stop, and leave nothing: no process, namespace, mount, cgroup or file. Nothing here trusts a pid file or the order in which
# things were started, so it holds after a crash at any point. Processes are found by the cluster's cgroup and network namespaces.
# shellcheck shell=bash

cgroup_folders() { local root; for root in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -d "$root/$CGROUP" ] || echo "$root/$CGROUP"; done; }

namespaces() { # the names are matched whole: cluster `a` must not touch cluster `a-b`
  ip netns list 2>/dev/null | awk '{print $1}' | grep -xE "netcheck-$NAME-(fabric|control|world|node[0-9]+)" || true
}

processes() {
  local ns folder; folder=$(tracking)/$CGROUP
  { [ ! -d "$folder" ] || find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null
    for ns in $(namespaces); do ip netns pids "$ns" 2>/dev/null || true; done; } | sort -nu | grep -vxE "0|$$|$BASHPID" || true
}

leftovers() { processes; namespaces; cgroup_folders; [ ! -e "$RUN" ] || echo "$RUN"; }

is_up() { [ -n "$(processes)" ]; }

clusters() { # every cluster of which anything is left
  { ls "$CACHE/run" 2>/dev/null
    ip netns list 2>/dev/null | sed -nE 's/^netcheck-(.+)-(fabric|control|world|node[0-9]+)( .*)?$/\1/p'
    find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name 'netcheck-*' -printf '%f\n' 2>/dev/null | sed 's/^netcheck-//'; } |
    grep -xE '[a-z0-9-]+' | sort -u || true
}

kill_all() {
  local folder pids _; folder=$(tracking)/$CGROUP
  for _ in $(seq 200); do
    # all at once, so that nothing forks its way out; older kernels have no cgroup.kill
    { echo 1 >"$folder/cgroup.kill"; } 2>/dev/null || true
    pids=$(processes)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    sleep 0.05
  done
  die "processes of cluster '$NAME' do not end: $(echo "$pids" | tr '\n' ' ')"
}

remove() {
  local ns folder _
  kill_all
  for ns in $(namespaces); do ip netns del "$ns"; done
  for _ in $(seq 100); do
    for folder in $(cgroup_folders); do find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true; done
    rm -rf --one-file-system "$RUN" 2>/dev/null || true
    [ -n "$(cgroup_folders)" ] || [ -e "$RUN" ] || break
    sleep 0.05
  done
  rmdir "$CACHE/run" 2>/dev/null || true
  [ -z "$(leftovers)" ] || die "cluster '$NAME' left something behind: $(leftovers | tr '\n' ' ')"
}

down() {
  need_root down
  local name names=("$NAME")
  [ -z "$ALL" ] || readarray -t names < <(clusters)
  for name in "${names[@]}"; do
    name_cluster "$name"
    if [ -n "$(leftovers)" ]; then remove; say "down"; else say "was not up"; fi
  done
}
