# Images without a registry: one-layer archives of the programs just built, imported into the nodes' containerd.
# shellcheck shell=bash

# Stamps are of contents, not of times: several working copies of the sources may share one cache.
identity() { # of a file; of a big one its size and time, which only a build changes
  if [ "$(stat -Lc %s "$1")" -gt 5000000 ]; then stat -Lc '%n %s %Y' "$1"; else sha256sum <"$1"; fi
}

image() { # FILE NAME ENTRYPOINT SRC=DEST...: written again only when something in it changed
  local out=$IMAGES/$1.tar stamp entry; shift
  stamp=$( { echo "$@"; cat "$HERE/oci-image.py"
    for entry in "${@:3}"; do [ ! -f "${entry%%=*}" ] || identity "${entry%%=*}"; done; } | sha256sum)
  [ ! -f "$out" ] || [ "$(cat "$out.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  lock
  python3 "$HERE/oci-image.py" "$out" "$@" >/dev/null
  echo "$stamp" >"$out.stamp"
  unlock
}

compile() { # the tiny static programs of src/
  local source=$HERE/src/$1.c out=$BIN/$1 stamp; stamp=$(sha256sum <"$HERE/src/$1.c")
  [ ! -x "$out" ] || [ "$(cat "$BIN/.stamp-$1" 2>/dev/null)" != "$stamp" ] || return 0
  check_packages build
  lock
  gcc -O2 -Wall -static -s -o "$out.part" "$source" || die "could not compile $1"
  mv "$out.part" "$out"; echo "$stamp" >"$BIN/.stamp-$1"
  unlock
}

images() {
  local applet links=() host=(@usr/bin=/bin @usr/sbin=/sbin @usr/lib=/lib @usr/lib64=/lib64)
  compile pause; compile echo-server
  for applet in $(busybox --list); do [ "$applet" = busybox ] || links+=("@/bin/busybox=/bin/$applet"); done
  image pause "$REGISTRY/pause:1" '["/pause"]' "$BIN/pause=/pause"
  image tools "$REGISTRY/tools:1" '["/bin/sh"]' "$(command -v busybox)=/bin/busybox" "$BIN/echo-server=/bin/echo-server" "${links[@]}" =/tmp/
  image coredns "registry.k8s.io/coredns/coredns:v$COREDNS" '["/coredns"]' "$BIN/coredns=/coredns"
  # kube-proxy, Flannel and Cilium need iptables and more: they mount the node's /usr
  image flannel "docker.io/flannel/flannel:v$FLANNEL" '["/flannel"]' "$BIN/flannel=/flannel" "${host[@]}"
  image kube-proxy "registry.k8s.io/kube-proxy:v$KUBERNETES" '["/kube-proxy"]' "$BIN/kube-proxy=/kube-proxy" "${host[@]}"
  if part_is_built cilium; then
    image cilium "quay.io/cilium/cilium:v$CILIUM" '["/cilium-agent"]' "$BIN/daemon=/cilium-agent" \
      "$BIN/cilium-cni=/cilium-cni" "$BIN/cilium-dbg=/cilium-dbg" "${host[@]}"
    image cilium-operator "quay.io/cilium/operator-generic:v$CILIUM" '["/cilium-operator-generic"]' "$BIN/operator=/cilium-operator-generic"
  fi
}

image_set() { # the archives a cluster of these settings runs
  echo pause tools coredns
  [ "$PROXY" = none ] || echo kube-proxy
  case $CNI in flannel) echo flannel ;; cilium) echo cilium cilium-operator ;; esac
}

# A node's containerd starts from a copy of a store into which the images were imported once. The copy is made of hard links:
# blobs and unpacked layers are never written to, so the nodes share the files and the page cache; only the databases are copied.
store() { # prints the folder of the store for this cluster
  local set file key
  read -ra set <<<"$(image_set | tr '\n' ' ')"
  key=$(for file in "${set[@]}"; do cat "$IMAGES/$file.tar.stamp"; done | cat - "$BIN/.stamp-containerd" "$HERE/lib/images.sh" | sha256sum | cut -c1-16)
  local store=$CACHE/stores/$key
  if [ ! -d "$store" ]; then
    exec 7>"$CACHE/.store.lock"; flock 7
    [ -d "$store" ] || fill_store "$store" "${set[@]}"
    flock -u 7
  fi
  echo "$store"
}

fill_store() { # FOLDER IMAGE...
  local store=$1 part=$1.part; shift
  say "importing images once for this configuration"
  rm -rf --one-file-system "$part"; mkdir -p "$part"
  # a namespace of its own: its mounts and processes end with it
  unshare --mount --pid --fork --kill-child --mount-proc --net bash -es -- "$part" "$IMAGES" "$@" >"$CACHE/import.log" 2>&1 <<'K' || die "importing images failed: see $CACHE/import.log"
    part=$1 images=$2; shift 2
    mount -t tmpfs tmpfs /run; mkdir /run/containerd
    printf 'version = 3\nroot = "%s"\ndisabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"]\n' "$part" >/run/containerd.toml
    containerd -c /run/containerd.toml &
    for _ in $(seq 200); do ctr version >/dev/null 2>&1 && break; sleep 0.05; done
    for image in "$@"; do ctr -n k8s.io images import --local "$images/$image.tar"; done
    kill %1; wait %1 || true
K
  mv "$part" "$store"
  # stores that no build needs any more: older than a day, and not this one
  find "$CACHE/stores" -mindepth 1 -maxdepth 1 -mtime +1 ! -path "$store" -exec rm -rf --one-file-system {} + 2>/dev/null || true
}

copy_store() { # STORE FOLDER
  local file
  mkdir -p "$2"
  cp -al "$1/." "$2/"
  for file in $(cd "$1" && find . -name '*.db'); do rm -f "$2/$file"; cp "$1/$file" "$2/$file"; done
}

digest_names() { # ARCHIVE: a line "NAME REPOSITORY@DIGEST" for each image in it
  tar -xOf "$1" index.json 2>/dev/null | python3 -c '
import json, sys
for entry in json.load(sys.stdin)["manifests"]:
    name = entry.get("annotations", {}).get("io.containerd.image.name")
    if name:
        print(name, name.rsplit(":", 1)[0] + "@" + entry["digest"])' || true
}

load() { # archives into every node; also under the digest, as a pull by digest would leave them
  [ $# -gt 0 ] || die "load IMAGE.tar..."
  need_root load; running
  local node archive pid pids=() log=$RUN/log/load.log
  for archive in "$@"; do [ -r "$archive" ] || die "cannot read $archive"; done
  for node in $(nodes); do
    pid=$(node_pid "$node")
    for archive in "$@"; do
      { nsenter -t "$pid" -m -p -n -u -i ctr -n k8s.io images import --local - <"$archive"
        digest_names "$archive" | while read -r name by_digest; do
          nsenter -t "$pid" -m -p -n -u -i ctr -n k8s.io images tag --force "$name" "$by_digest" </dev/null
        done; } >>"$log" 2>&1 & pids+=($!)
    done
  done
  for pid in "${pids[@]}"; do wait "$pid" || die "an import failed: $(tail -n 1 "$log")"; done
}
