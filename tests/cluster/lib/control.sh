# The control plane, in a namespace of its own: etcd, API server, controller manager and scheduler as plain processes.
# shellcheck shell=bash

kubeconfig() { # FILE TOKEN SERVER
  cat >"$1.part" <<K
apiVersion: v1
kind: Config
clusters: [{name: netcheck-$NAME, cluster: {server: "$3", certificate-authority-data: $(base64 -w0 "$RUN/pki/ca.crt")}}]
users: [{name: netcheck-$NAME, user: {token: "$2"}}]
contexts: [{name: netcheck-$NAME, context: {cluster: netcheck-$NAME, user: netcheck-$NAME}}]
current-context: netcheck-$NAME
K
  chmod 600 "$1.part"; [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$1.part"
  mv "$1.part" "$1"
}

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }    # a tenth of RSA's time

sign() { # NAME SUBJECT EXTENSION
  new_key "$1.key"
  openssl req -new -key "$1.key" -out "$1.csr" -subj "$2"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 3650 -out "$1.crt" -extfile <(echo "$3") 2>/dev/null
}

credentials() {
  local node names="IP:127.0.0.1,IP:$CONTROL_IP,IP:$API_SERVICE,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local" ips id=10
  ! dual || names+=",IP:$(address6 control),IP:$API_SERVICE6"
  mkdir -p "$RUN/pki"; cd "$RUN/pki"
  new_key ca.key; openssl req -x509 -key ca.key -out ca.crt -days 3650 -subj "/CN=netcheck-$NAME"
  new_key sa.key; openssl pkey -in sa.key -pubout -out sa.pub
  sign apiserver /CN=kube-apiserver "subjectAltName=$names"
  sign kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client extendedKeyUsage=clientAuth
  sign www.example.com /CN=www.example.com "subjectAltName=DNS:www.example.com,DNS:example.com,IP:$SITE_IP"
  for who in admin kcm scheduler $(nodes); do openssl rand -hex 16 >"$who.token"; done
  { echo "$(cat admin.token),admin,1,system:masters"
    echo "$(cat kcm.token),system:kube-controller-manager,2"
    echo "$(cat scheduler.token),system:kube-scheduler,3"
    for node in $(nodes); do id=$((id + 1)); echo "$(cat "$node.token"),system:node:$node,$id,system:nodes"; done; } >tokens.csv
  for node in $(nodes); do
    ips="IP:$(address "$node")"; ! dual || ips+=",IP:$(address6 "$node")"
    sign "$node" "/O=system:nodes/CN=system:node:$node" "subjectAltName=DNS:$node,$ips"
  done
  for who in kcm scheduler $(nodes); do kubeconfig "$RUN/$who.kubeconfig" "$(cat "$who.token")" "https://$CONTROL_IP:6443"; done
  kubeconfig "$RUN/control.kubeconfig" "$(cat admin.token)" "https://$CONTROL_IP:6443"     # for the nodes and `exec control`
  cd - >/dev/null
}

relay() { # the API server for the machine: loopback -> unix socket -> the control plane's namespace
  exec 9>"$CACHE/.port.lock"; flock 9             # another cluster may be starting
  if [ -z "$PORT" ]; then PORT=$(free_port); elif port_taken "$PORT"; then die "port $PORT of 127.0.0.1 is taken: choose another with --port"; fi
  spawn relay-in ip netns exec "$(netns control)" socat -b65536 "UNIX-LISTEN:$RUN/api.sock,fork,unlink-early,mode=600,backlog=128" "TCP:$CONTROL_IP:6443,nodelay"
  spawn relay-out socat -b65536 "TCP-LISTEN:$PORT,bind=127.0.0.1,fork,reuseaddr,backlog=128,nodelay" "UNIX-CONNECT:$RUN/api.sock"
  local _
  for _ in $(seq 100); do ! port_taken "$PORT" || break; sleep 0.02; done
  flock -u 9
}

api_server() {
  local pki=$RUN/pki services=$SERVICE_CIDR
  ! dual || services+=,$SERVICE_CIDR6
  # InternalIP first: the API server cannot resolve a node's name, which exec and logs would ask for
  spawn etcd ip netns exec "$(netns control)" etcd --data-dir "$RUN/etcd" --unsafe-no-fsync --log-level warn
  spawn apiserver ip netns exec "$(netns control)" kube-apiserver --etcd-servers http://127.0.0.1:2379 --advertise-address $CONTROL_IP \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --client-ca-file "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/kubelet-client.crt" --kubelet-client-key "$pki/kubelet-client.key" \
    --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
    --service-account-key-file "$pki/sa.pub" --service-account-signing-key-file "$pki/sa.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --token-auth-file "$pki/tokens.csv" --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --service-cluster-ip-range "$services" --allow-privileged
}

controllers() {
  local pki=$RUN/pki pods=$POD_CIDR services=$SERVICE_CIDR masks=()
  if dual; then
    pods+=,$POD_CIDR6 services+=,$SERVICE_CIDR6
    masks=(--node-cidr-mask-size-ipv4 24 --node-cidr-mask-size-ipv6 64)
  fi
  # a client for each of some forty controllers: the default of 20 requests a second costs four seconds at the start
  spawn kcm ip netns exec "$(netns control)" kube-controller-manager --kubeconfig "$RUN/kcm.kubeconfig" --cluster-name kubernetes \
    --service-account-private-key-file "$pki/sa.key" --root-ca-file "$pki/ca.crt" --service-cluster-ip-range "$services" \
    --cluster-cidr "$pods" --allocate-node-cidrs "${masks[@]}" --use-service-account-credentials \
    --kube-api-qps 400 --kube-api-burst 800 --leader-elect=false
  spawn scheduler ip netns exec "$(netns control)" kube-scheduler --kubeconfig "$RUN/scheduler.kubeconfig" --leader-elect=false
}

api_ready() {
  local _
  for _ in $(seq 600); do
    [ "$(curl_api /readyz 2>/dev/null)" != ok ] || return 0
    alive apiserver || break
    sleep 0.1
  done
  die "the API server did not start: $(tail -n 1 "$RUN/log/apiserver.log")"
}

curl_api() { # PATH, without starting kubectl: it takes a second of processor time to be born
  ip netns exec "$(netns control)" openssl s_client -quiet -verify_quiet -ign_eof -connect "$CONTROL_IP:6443" -CAfile "$RUN/pki/ca.crt" \
    < <(printf 'GET %s HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n' "$1" "$(cat "$RUN/pki/admin.token")") | sed '1,/^\r*$/d'
}

alive() { [ -d "/proc/$(cat "$RUN/$1.pid")" ]; }
