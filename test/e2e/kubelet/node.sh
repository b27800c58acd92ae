# Runs everything on one node, as the first process of its mount, network and PID namespaces. When this ends, so does everything
# on the node. node.go sets the environment.
set -eu

# Directories that would be shared by all nodes are private to this node, and end with it.
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
for state in containerd kubelet; do
	mkdir -p "$DIR/$state" /var/lib/$state
	mount --bind "$DIR/$state" /var/lib/$state
done
mkdir -p /run/lock
mount --make-rshared /

# A kubelet sets these for the whole machine. Here its writes have no effect.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
	[ -e /proc/sys/$setting ] || continue
	mkdir -p "/run/sys/$(dirname $setting)"
	cp /proc/sys/$setting /run/sys/$setting
	mount --bind /run/sys/$setting /proc/sys/$setting
done

ip link set lo up
ip link set eth0 up
ip address add "$ADDRESS/24" dev eth0
ip route add default via "$GATEWAY"

containerd --config "$DIR/containerd.toml" >"$DIR/containerd.log" 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.1; done
for archive in $ARCHIVES; do
	ctr --namespace k8s.io images import "$archive" >>"$DIR/images.log" 2>&1
done
"$KUBELET" --config="$DIR/kubelet.yaml" --kubeconfig="$KUBECONFIG" --hostname-override="$NAME" --node-ip="$ADDRESS" \
	>"$DIR/kubelet.log" 2>&1 &
"$KUBE_PROXY" --config="$DIR/kube-proxy.yaml" --hostname-override="$NAME" >"$DIR/kube-proxy.log" 2>&1 &
wait
