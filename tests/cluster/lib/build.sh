# The parts, compiled from Go modules that modules/*/go.mod and go.sum pin: a `tool` line a program, so that a module's own
# versions and replacements are in the file and the checksum database vouches for the rest.
# shellcheck shell=bash

PARTS="kubernetes etcd containerd cni cni-flannel flannel coredns"
# what `kubectl version` and the nodes say; a plain build of the module calls itself v0.0.0
VERSION_FLAGS="-X k8s.io/component-base/version.gitVersion=v$KUBERNETES -X k8s.io/component-base/version.gitMajor=1"
VERSION_FLAGS+=" -X k8s.io/component-base/version.gitMinor=${KUBERNETES:2:2} -X k8s.io/client-go/pkg/version.gitVersion=v$KUBERNETES"

tools() { # of a module: the packages of its `tool` lines
  awk '/^tool \(/ { many = 1; next } /^\)/ { many = 0 } many { print $1 } /^tool [^(]/ { print $2 }' "$HERE/modules/$1/go.mod"
}
programs() { tools "$1" | sed -E 's#/v[0-9]+$##; s#.*/##'; }

part_stamp() { cat "$HERE/modules/$1"/go.{mod,sum} <(echo "$VERSION_FLAGS") | sha256sum; }

out_of() { # kept off PATH: two of the CNI plugins are called `bridge` and `flannel`, as other programs are
  case $1 in cni|cni-flannel) echo "$BIN/cni" ;; *) echo "$BIN" ;; esac
}

part_is_built() {
  local program
  [ "$(cat "$BIN/.stamp-$1" 2>/dev/null)" = "$(part_stamp "$1")" ] || return 1
  for program in $(programs "$1"); do [ -x "$(out_of "$1")/$program" ] || return 1; done
  case $1 in cilium) [ -d "$CACHE/cilium/bpf" ] ;; kwok) [ -f "$CACHE/kwok.yaml" ] ;; gateway-api) [ -f "$CACHE/gateway-api.yaml" ] ;; esac
}

# Two builds at once would write the same files. Who has nothing to build does not wait for who has.
lock() { exec 8>"$CACHE/.build.lock"; flock 8; }
unlock() { exec 8>&-; }

build_part() {
  local part=$1 out cgo=0; out=$(out_of "$1")
  ! part_is_built "$part" || return 0
  check_packages build
  lock
  if part_is_built "$part"; then unlock; return; fi
  [ "$part" != flannel ] || cgo=1                 # its udp backend is C
  mkdir -p "$out"
  echo "build: $part" >&2
  if [ -n "$(tools "$part")" ]; then
    (cd "$HERE/modules/$part" && GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=$cgo GOBIN=$out \
      go install -ldflags "-s -w $VERSION_FLAGS" tool) || die "could not build $part"
  fi
  case $part in cilium) copy_bpf ;; kwok) copy_stages ;; gateway-api) copy_crds ;; esac
  [ "$part" != etcd ] || ln -sfn server "$BIN/etcd"     # that is what its program is called
  part_stamp "$part" >"$BIN/.stamp-$part"
  unlock
}

module_folder() { (cd "$HERE/modules/$1" && go list -m -f '{{.Dir}}' "$2"); }

copy_stages() { # how KWOK's fake nodes and pods come alive: without any it does not start
  local file
  for file in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease pod/fast/pod-{ready,complete,delete}; do
    cat "$(module_folder kwok sigs.k8s.io/kwok)/kustomize/stage/$file.yaml"; echo ---
  done >"$CACHE/kwok.yaml"
}

copy_crds() { # what the Gateway API's own release calls its standard channel; read from the module, nothing is compiled
  (cd "$HERE/modules/gateway-api" && GOWORK=off GOFLAGS=-mod=readonly go mod download sigs.k8s.io/gateway-api) || die "could not fetch the Gateway API"
  local file
  for file in "$(module_folder gateway-api sigs.k8s.io/gateway-api)"/config/crd/standard/*_{gatewayclasses,gateways,httproutes,grpcroutes,referencegrants}.yaml; do
    cat "$file"; echo ---
  done >"$CACHE/gateway-api.yaml"
}

copy_bpf() { # Cilium compiles these on the node
  rm -rf "$CACHE/cilium"; mkdir -p "$CACHE/cilium"
  cp -r "$(module_folder cilium github.com/cilium/cilium)/bpf" "$CACHE/cilium/"
  chmod -R u+w "$CACHE/cilium"
}

build() {
  local part
  for part in "$@"; do
    case $part in cilium|kwok|gateway-api) ;; *) die "build $part: only cilium, kwok and gateway-api are built on demand" ;; esac
  done
  mkdir -p "$BIN" "$IMAGES"
  for part in $PARTS "$@"; do build_part "$part"; done
  images
}

build_missing() { # before `up`
  local wanted=()
  [ "$CNI" != cilium ] || wanted=(cilium)
  build "${wanted[@]}"
}
