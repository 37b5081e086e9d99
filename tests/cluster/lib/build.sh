# The parts, compiled from Go modules that modules/*/go.mod and go.sum pin: a `tool` line a program, so that a module's own
# versions and replacements are in the file and the checksum database vouches for the rest.
# shellcheck shell=bash

PARTS="kubernetes etcd containerd cni cni-flannel flannel coredns"
# what `kubectl version` and the nodes say; a plain build of the module calls itself v0.0.0
VERSION_FLAGS="-X k8s.io/component-base/version.gitVersion=v$KUBERNETES -X k8s.io/component-base/version.gitMajor=1"
VERSION_FLAGS+=" -X k8s.io/component-base/version.gitMinor=${KUBERNETES:2:2} -X k8s.io/client-go/pkg/version.gitVersion=v$KUBERNETES"

programs() { # of a module: the last element of each tool's path, less a version
  (cd "$HERE/modules/$1" && go mod edit -json) | python3 -c '
import json, re, sys
for tool in json.load(sys.stdin)["Tool"]:
    print(re.sub("/v[0-9]+$", "", tool["Path"]).rsplit("/", 1)[1])'
}

part_stamp() { cat "$HERE/modules/$1"/go.{mod,sum} <(echo "$VERSION_FLAGS") | sha256sum; }

part_is_built() { [ "$(cat "$BIN/.stamp-$1" 2>/dev/null)" = "$(part_stamp "$1")" ]; }

build_part() {
  local part=$1 out=$BIN cgo=0 program
  # kept off PATH: two of the CNI plugins are called `bridge` and `flannel`, as other programs are
  case $part in cni|cni-flannel) out=$BIN/cni ;; esac
  [ "$part" != flannel ] || cgo=1                 # its udp backend is C
  if part_is_built "$part"; then
    for program in $(programs "$part"); do [ -x "$out/$program" ] || break; done
    [ ! -x "$out/$program" ] || return 0
  fi
  mkdir -p "$out"
  echo "build: $part" >&2
  (cd "$HERE/modules/$part" && GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=$cgo GOBIN=$out \
    go install -ldflags "-s -w $VERSION_FLAGS" tool) || die "could not build $part"
  part_stamp "$part" >"$BIN/.stamp-$part"
}

build() {
  local part words=" $* "
  for part in "$@"; do
    case $part in cilium|kwok) ;; *) die "build $part: only cilium and kwok are built on demand" ;; esac
  done
  check_packages build
  mkdir -p "$BIN" "$IMAGES"
  exec 8>"$CACHE/.build.lock"; flock 8            # two builds at once would write the same files
  for part in $PARTS "$@"; do build_part "$part"; done
  [ -L "$BIN/etcd" ] || ln -sfn server "$BIN/etcd"     # the module's program is called `server`
  images
  flock -u 8
}

build_missing() { # before `up`
  local wanted=()
  [ "$CNI" != cilium ] || wanted=(cilium)
  build "${wanted[@]}"
}
