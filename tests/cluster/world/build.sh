# The world as it was before: every kind of object, made in every way kubectl has. Run as `sh build.sh WITH_NODES`,
# in the folder of the manifests, with kubectl on the PATH.
set -eu

until_taken() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 20 ] || return 1
        sleep 0.5
    done
}

kubectl create -f namespaces.yaml
kubectl apply -f definitions.yaml
kubectl wait --for=condition=Established --timeout=60s crd --all
until_taken kubectl get widgets,zones,ledgers -A
kubectl create -f custom.yaml
kubectl create -f created.yaml
kubectl apply -f applied.yaml
kubectl apply --server-side -f server-side.yaml
[ "$1" = no ] || kubectl create -f nodes.yaml

# By command, without a manifest.
kubectl create configmap imperative -n shop --from-literal=a=b --from-literal='c=d=e'
kubectl create secret generic imperative -n data --from-literal=token=t0p
kubectl create deployment plain -n guarded --image=registry.example.com/plain:1 --replicas=0
kubectl create priorityclass lesser --value=-10 --preemption-policy=Never
kubectl create poddisruptionbudget db -n data --selector=app=db --max-unavailable=1
kubectl create ingress plain -n guarded --rule='plain.example.com/*=plain:80'

# A history: applied again, scaled, labelled, half owned by another manager.
sed 's/{name: LOG, value: info}/{name: LOG, value: debug}/' applied.yaml | kubectl apply -f - >/dev/null
kubectl scale -n shop deployment/worker --replicas=4
kubectl label -n shop deployment/web release=r7
kubectl annotate -n shop configmap/features 'example.com/reason=by hand: "quoted", '"it's"
kubectl apply --server-side --field-manager=ops -f - <<'M'
apiVersion: apps/v1
kind: Deployment
metadata: {name: search, namespace: shop, annotations: {ops.example.com/page: "yes"}}
M
kubectl patch -n shop widget gear --subresource=status --type=merge -p '{"status":{"phase":"Turning"}}'

# Owners: one that controls and ones that do not, of the same namespace and of none.
owner() { # RESOURCE NAME NAMESPACE APIVERSION KIND CONTROLLER
    uid=$(kubectl get "$1" "$2" -n "$3" -o 'jsonpath={.metadata.uid}')
    printf '{"apiVersion":"%s","kind":"%s","name":"%s","uid":"%s","controller":%s}' "$4" "$5" "$2" "$uid" "$6"
}
web=$(owner deployment web shop apps/v1 Deployment false)
gear=$(owner widget gear shop example.com/v1 Widget false)
north=$(owner zone north default example.com/v1 Zone false)
search=$(owner deployment search shop apps/v1 Deployment true)
kubectl patch -n shop configmap imperative --type=merge -p "{\"metadata\":{\"ownerReferences\":[$web,$gear]}}"
kubectl patch -n shop configmap features --type=merge -p "{\"metadata\":{\"ownerReferences\":[$north]}}"
kubectl patch -n shop configmap search --type=merge -p "{\"metadata\":{\"ownerReferences\":[$search]}}"

kubectl create -f last.yaml
