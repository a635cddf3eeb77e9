# Objects that get in each other's way when they are created again.
set -eu
kubectl create namespace crowded
kubectl create namespace odd
kubectl create namespace stuck
kubectl create -f - <<'M'
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: usual}
value: 100
globalDefault: true
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: sand}
handler: runsc
overhead: {podFixed: {cpu: 100m}}
---
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: more}
spec: {cidrs: [10.200.0.0/24]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: plains.odd.example.com}
spec:
  group: odd.example.com
  scope: Namespaced
  names: {kind: Plain, plural: plains}
  versions:
  - {name: v1alpha1, served: true, storage: true, schema: &open {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
  - {name: v1, served: true, storage: false, schema: *open}
M
kubectl wait --for=condition=Ready --timeout=60s servicecidr/more
kubectl wait --for=condition=Established --timeout=60s crd/plains.odd.example.com
# Service accounts and the new range take a moment.
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if kubectl create service clusterip -n odd in-range --clusterip=10.200.0.7 --tcp=80; then break; fi
    sleep 1
done
kubectl wait --for=create --timeout=60s -n odd serviceaccount/default
for name in kept lost owner; do
    kubectl create -f - <<M
apiVersion: odd.example.com/v1alpha1
kind: Plain
metadata: {name: $name, namespace: odd}
spec: {list: [1, null]}
status: {phase: Ready}
M
done
# What is stored in it stays so, and is not served in it any more.
kubectl patch crd plains.odd.example.com --type=json -p '[{"op": "replace", "path": "/spec/versions/0/storage", "value": false},
  {"op": "replace", "path": "/spec/versions/0/served", "value": false}, {"op": "replace", "path": "/spec/versions/1/storage", "value": true}]'
kubectl create -f - <<'M'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: without-class, namespace: crowded}
spec: {defaultBackend: {service: {name: a, port: {number: 80}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: sandboxed, namespace: odd}
spec: {runtimeClassName: sand, automountServiceAccountToken: false, terminationGracePeriodSeconds: 0, containers: [{name: c, image: "x:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: crowded}
spec: {clusterIP: 10.96.77.8, type: NodePort, ports: [{port: 80, nodePort: 30100}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: crowded}
spec: {clusterIP: 10.96.77.9, type: NodePort, ports: [{port: 80, nodePort: 30101}]}
---
apiVersion: v1
kind: Service
metadata: {name: moved, namespace: odd}
spec: {clusterIP: 10.96.77.7, ports: [{port: 80}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: gathered}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {example.com/part: "yes"}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "it's a, part", labels: {example.com/part: "yes"}}
rules: [{apiGroups: [odd.example.com], resources: [plains], verbs: [get]}]
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: odd-disk}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}, storageClassName: manual}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: odd}
spec: {storageClassName: manual, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeName: odd-disk}
M
kubectl wait --for=jsonpath='{.status.phase}'=Bound --timeout=60s -n odd pvc/data
for name in first second; do
    kubectl create configmap -n odd "$name" --from-literal=a=1
    kubectl patch configmap -n odd "$name" --type=merge -p '{"immutable": true}'
done
uid() { kubectl get -n odd "$1" "$2" -o 'jsonpath={.metadata.uid}'; }
kubectl create -f - <<M
apiVersion: v1
kind: ConfigMap
metadata:
  name: of-both
  namespace: odd
  ownerReferences:
  - {apiVersion: v1, kind: ConfigMap, name: first, uid: $(uid configmap first)}
  - {apiVersion: v1, kind: ConfigMap, name: second, uid: $(uid configmap second)}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: of-plain
  namespace: odd
  ownerReferences:
  - {apiVersion: odd.example.com/v1, kind: Plain, name: owner, uid: $(uid plains.v1.odd.example.com owner)}
data: {a: b}
---
apiVersion: v1
kind: Service
metadata:
  name: of-plain
  namespace: odd
  labels: {side: left}
  ownerReferences:
  - {apiVersion: odd.example.com/v1, kind: Plain, name: owner, uid: $(uid plains.v1.odd.example.com owner)}
spec: {clusterIP: None, ports: [{port: 80}]}
M
kubectl create configmap -n stuck held --from-literal=a=b
kubectl patch configmap -n stuck held --type=merge -p '{"metadata": {"finalizers": ["example.com/never"]}}'
kubectl create configmap -n crowded lost --from-literal=a=b
kubectl create quota -n crowded full --hard=count/configmaps=2
kubectl wait --for=jsonpath='{.status.used.count/configmaps}'=2 --timeout=60s -n crowded quota/full
# Services that will exchange what only one can have. None draws its address: it might be in the range that the incident
# deletes.
for one in 'left 30120 10.96.77.20 10.96.77.40 30130 10.96.77.30' 'right 30121 10.96.77.21 10.96.77.41 30131 10.96.77.31'; do
    set -- $one
    kubectl create -f - <<M
apiVersion: v1
kind: Service
metadata: {name: port-$1, namespace: odd}
spec: {clusterIP: $4, type: NodePort, ports: [{port: 80, nodePort: $2}]}
---
apiVersion: v1
kind: Service
metadata: {name: address-$1, namespace: odd}
spec: {clusterIP: $3, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: health-$1, namespace: odd}
spec: {type: LoadBalancer, clusterIP: $6, externalTrafficPolicy: Local, healthCheckNodePort: $5, ports: [{port: 80}]}
M
done
