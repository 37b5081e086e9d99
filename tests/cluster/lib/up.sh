# Start, and what can be asked about what runs.
# shellcheck shell=bash

elapsed() { local now=${EPOCHREALTIME/./}; printf '%d.%d s' $(((now - STARTED) / 1000000)) $(((now - STARTED) / 100000 % 10)); }

start() { # in the cluster's own cgroup
  local node
  join_cgroup
  mkdir -p "$RUN/log"
  STORE=$(store)
  fabric
  credentials
  api_server
  world
  cgroups
  for node in $(nodes); do node "$node" & done    # they wait for the API server by themselves
  relay
  api_ready
  kubeconfig "$RUN/kubeconfig" "$(cat "$RUN/pki/admin.token")" "https://127.0.0.1:$PORT"
  printf 'NODES=%s CNI=%s BACKEND=%s PROXY=%s IPV6=%s PORT=%s\n' "$NODES" "$CNI" "$BACKEND" "$PROXY" "$IPV6" "$PORT" >"$RUN/settings"
  say "API server ready after $(elapsed)"
  controllers
  wait_nodes
  say "nodes registered after $(elapsed)"
  addons
  say "up after $(elapsed): $NODES nodes, $(describe); export KUBECONFIG=$RUN/kubeconfig"
}

describe() { echo "CNI $CNI$([ "$CNI" != flannel ] || echo " $BACKEND"), kube-proxy $PROXY$(! dual || echo ", dual stack")"; }

up() {
  check
  if is_up; then die "cluster '$NAME' is already up: stop it with cluster down --name $NAME"; fi
  build_missing
  [ -z "$(leftovers)" ] || { say "removing what a crash left behind"; remove; }
  mkdir -p "$CACHE/run"
  STARTED=${EPOCHREALTIME/./}
  local result=0 starter
  start & starter=$!
  # only a mark: inside a trap a bare `return` means the status before the trap
  trap 'result=130' INT TERM
  wait "$starter" || result=$((result ? result : $?))
  trap - INT TERM
  [ "$result" = 0 ] && return
  if [ -n "$KEEP" ]; then say "left standing: logs in $RUN/log"; else remove; fi
  return "$result"
}

status() {
  running
  local state=running; is_up || state="not running: cluster down --name $NAME clears it away"
  echo "cluster $NAME: $state; $NODES nodes, $(describe); API server https://127.0.0.1:$PORT; kubeconfig $RUN/kubeconfig; logs $RUN/log"
  [ "$state" != running ] || kc get nodes -o wide
}

list() {
  local name
  for name in $(clusters); do
    (name_cluster "$name"; settings; if is_up; then echo "$name	running	port $PORT, $NODES nodes, $(describe)"; else echo "$name	leftovers	cluster down --name $name"; fi)
  done
}
