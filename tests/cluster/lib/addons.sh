# What runs in the cluster from the start: the CNI, kube-proxy and CoreDNS, as their own installers would have put them.
# shellcheck shell=bash

render() { # FILE: ${NAME} by its value; anything else with a $ is left alone
  local text name; text=$(cat "$1")
  for name in POD_CIDR POD_CIDRS SERVICE_CIDRS CONTROL_IP DNS_SERVICE BACKEND PROXY NODES REGISTRY KUBERNETES COREDNS FLANNEL CILIUM NET_CONF MODULE ENABLE_IPV6 REPLACE_PROXY; do
    text=${text//"\${$name}"/${!name-}}
  done
  printf '%s\n---\n' "$text"
}

addons() {
  local POD_CIDRS=$POD_CIDR SERVICE_CIDRS=$SERVICE_CIDR MODULE=$CACHE/cilium ENABLE_IPV6=false REPLACE_PROXY=false NET_CONF="\"Network\": \"$POD_CIDR\", \"Backend\": {\"Type\": \"$BACKEND\"}"
  [ "$PROXY" != none ] || REPLACE_PROXY=true    # Cilium can stand in for kube-proxy
  if dual; then
    ENABLE_IPV6=true
    POD_CIDRS+=,$POD_CIDR6 SERVICE_CIDRS+=,$SERVICE_CIDR6
    NET_CONF+=", \"EnableIPv6\": true, \"IPv6Network\": \"$POD_CIDR6\""
  fi
  { render "$HERE/manifests/kubeadm.yaml"
    [ "$CNI" = none ] || render "$HERE/manifests/$CNI.yaml"
    [ "$PROXY" = none ] || render "$HERE/manifests/kube-proxy.yaml"; } | create network
  # CoreDNS last: a pod that comes before its node's network is tried again only after some ten seconds
  [ "$CNI" = none ] || wait_network
  render "$HERE/manifests/coredns.yaml" | create coredns
  services_work || return 0
  wait_for "CoreDNS is not ready" -n kube-system rollout status deployment/coredns
}

gateway_api() { # its CRDs, into a cluster that runs
  running
  build_part gateway-api
  # server-side: they are too large for the annotation of a plain apply
  kc apply --server-side -f "$CACHE/gateway-api.yaml" >"$RUN/log/gateway-api.log" 2>&1 || die "Gateway API: $(tail -n 1 "$RUN/log/gateway-api.log")"
  wait_for "the Gateway API is not served" wait --for=condition=Established -f "$CACHE/gateway-api.yaml"
}

services_work() { case $CNI-$PROXY in none-*|flannel-none) return 1 ;; esac; }

create() { # without validation, and not apply: those first fetch and parse the whole schema
  cat >"$RUN/$1.yaml"
  kc create --validate=false -f "$RUN/$1.yaml" >"$RUN/log/$1.log" 2>&1 || die "$1: $(tail -n 1 "$RUN/log/$1.log")"
}

wait_for() { # WHAT COMMAND...: within two minutes, or say what it was
  local what=$1; shift
  kc "$@" --timeout=120s >"$RUN/log/wait.log" 2>&1 || die "$what after two minutes: $(tail -n 1 "$RUN/log/wait.log")"
}

wait_nodes() { # until they are registered
  local _ node
  for node in $(nodes); do
    for _ in $(seq 600); do
      [ -z "$(curl_api "/api/v1/nodes/$node" 2>/dev/null | grep '"uid"')" ] || break
      alive "$node" || die "$node did not start: $(tail -n 1 "$RUN/log/$node.log")"
      sleep 0.1
    done
  done
}

wait_network() {
  wait_for "nodes are not Ready" wait --for=condition=Ready node --all
  case $CNI in
    flannel)
      wait_for "Flannel is not ready" -n kube-flannel rollout status daemonset/kube-flannel-ds
      local node _      # it has no readiness probe: its plugin works once this file is there
      for node in $(nodes); do
        for _ in $(seq 600); do [ ! -s "$RUN/$node/run/flannel/subnet.env" ] || break; sleep 0.05; done
      done ;;
    cilium) wait_for "Cilium is not ready" -n kube-system rollout status daemonset/cilium ;;
  esac
  [ "$PROXY" = none ] || wait_for "kube-proxy is not ready" -n kube-system rollout status daemonset/kube-proxy
}
