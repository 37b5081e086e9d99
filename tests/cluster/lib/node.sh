# One node: network, mount, pid, uts and ipc namespaces with their own containerd and kubelet. See node-init for its inside.
# shellcheck shell=bash

cgroups() { # one cgroup a node in every hierarchy; the kubelet makes the pods' cgroups below it
  local root node file controller
  if cgroup_v2; then
    root=/sys/fs/cgroup/$CGROUP
    for node in $(nodes); do mkdir -p "$root/$node"; done
    for root in /sys/fs/cgroup "$root"; do
      for controller in cpu cpuset memory pids io; do echo "+$controller" >"$root/cgroup.subtree_control" || true; done
    done 2>/dev/null
    return
  fi
  for root in /sys/fs/cgroup/*/; do
    [ "$root" != /sys/fs/cgroup/unified/ ] || continue
    for node in . $(nodes); do
      mkdir -p "$root$CGROUP/$node"
      # a new cpuset is empty, and a process cannot enter an empty one
      [ "$root" != /sys/fs/cgroup/cpuset/ ] || for file in cpuset.cpus cpuset.mems; do cat "$root$file" >"$root$CGROUP/$node/$file"; done
    done
  done
}

node_files() {
  local node=$1 dir=$RUN/$1 ips
  mkdir -p "$dir"/{kubelet,run,cni-bin,pod-logs,etc/cni/net.d,lib/cni}
  cp --reflink=auto "$BIN"/cni/* "$dir/cni-bin/"
  [ "$CNI" != cilium ] || cp --reflink=auto "$BIN/cilium-cni" "$dir/cni-bin/"
  copy_store "$STORE" "$dir/containerd"
  ips=$(address "$node"); ! dual || ips+=,$(address6 "$node")
  cat >"$dir/containerd.toml" <<K
version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "$REGISTRY/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
# where the machine may not lower oom_score_adj, runc dies with "can't get final child's PID from pipe: EOF"
restrict_oom_score_adj = true
K
  cat >"$dir/kubelet.yaml" <<K
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $RUN/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $RUN/pki/$node.crt
tlsPrivateKeyFile: $RUN/pki/$node.key
clusterDomain: cluster.local
clusterDNS: [$DNS_SERVICE]
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP/$node
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
resolvConf: /etc/resolv.conf
volumePluginDir: /var/lib/kubelet/plugins-exec   # the default is under /usr, which is the machine's
nodeStatusUpdateFrequency: 2s                    # a node says that it is Ready so much sooner; its lease is as ever
evictionHard: {nodefs.available: "1%", imagefs.available: "1%"}
imageGCHighThresholdPercent: 100
K
  cat >"$dir/node.env" <<K
NODE=$node DIR=$dir BIN=$BIN LOG=$RUN/log IPS=$ips WORLD=$WORLD_IP KUBECONFIG_FILE=$RUN/$node.kubeconfig
HOSTS="$(for other in $(nodes); do printf '%s %s\\n' "$(address "$other")" "$other"; done)"
K
}

node() {
  node_files "$1"
  spawn "$1" nsenter --net="/run/netns/$(netns "$1")" unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc bash "$HERE/lib/node-init" "$RUN/$1/node.env"
}
