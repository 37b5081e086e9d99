# What runs in the cluster from the start: the CNI, kube-proxy and CoreDNS, as their own installers would have put them.
# shellcheck shell=bash

render() { # FILE: ${NAME} by its value; anything else with a $ is left alone
  local text name; text=$(cat "$1")
  for name in POD_CIDR POD_CIDRS SERVICE_CIDRS CONTROL_IP DNS_SERVICE BACKEND PROXY NODES REGISTRY KUBERNETES COREDNS FLANNEL CILIUM NET_CONF MODULE; do
    text=${text//"\${$name}"/${!name-}}
  done
  printf '%s\n---\n' "$text"
}

addons() {
  local POD_CIDRS=$POD_CIDR SERVICE_CIDRS=$SERVICE_CIDR MODULE='' NET_CONF="\"Network\": \"$POD_CIDR\", \"Backend\": {\"Type\": \"$BACKEND\"}"
  if dual; then
    POD_CIDRS+=,$POD_CIDR6 SERVICE_CIDRS+=,$SERVICE_CIDR6
    NET_CONF+=", \"EnableIPv6\": true, \"IPv6Network\": \"$POD_CIDR6\""
  fi
  [ "$CNI" != cilium ] || MODULE=$(cd "$HERE/modules/cilium" && go list -m -f '{{.Dir}}' github.com/cilium/cilium)    # its BPF sources
  { [ "$CNI" = none ] || render "$HERE/manifests/$CNI.yaml"
    [ "$PROXY" = none ] || render "$HERE/manifests/kube-proxy.yaml"
    render "$HERE/manifests/coredns.yaml"; } >"$RUN/addons.yaml"
  # create, without validation: apply would first fetch and parse the whole schema
  kc create --validate=false -f "$RUN/addons.yaml" >"$RUN/log/addons.log" 2>&1 || die "addons: $(tail -n 1 "$RUN/log/addons.log")"
}

wait_for() { # WHAT COMMAND...: within two minutes, or say what it was
  local what=$1; shift
  kc "$@" --timeout=120s >"$RUN/log/wait.log" 2>&1 || die "$what: $(tail -n 1 "$RUN/log/wait.log")"
}

wait_ready() {
  local _ node
  for node in $(nodes); do
    for _ in $(seq 600); do
      [ -z "$(curl_api "/api/v1/nodes/$node" 2>/dev/null | grep '"uid"')" ] || break
      alive "$node" || die "$node did not start: $(tail -n 1 "$RUN/log/$node.log")"
      sleep 0.1
    done
  done
  [ "$CNI" != none ] || return 0                  # without a CNI no node becomes Ready
  wait_for "nodes are not Ready" wait --for=condition=Ready node --all
  if [ "$PROXY" != none ]; then
    wait_for "kube-proxy is not ready" -n kube-system rollout status daemonset/kube-proxy
    wait_for "CoreDNS is not ready" -n kube-system rollout status deployment/coredns
  fi
}
