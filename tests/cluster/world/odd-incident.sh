# What somebody did to the objects of odd.sh.
set -eu
# In the place of what went there is something else: in a quota, at a port, at an address, as the default of all.
kubectl delete configmap -n crowded lost
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if kubectl create configmap -n crowded squatter --from-literal=a=b; then break; fi
    sleep 1
done
kubectl patch service -n crowded a --type=json -p '[{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 30110}]'
kubectl patch service -n crowded b --type=json -p '[{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 30100}]'
kubectl delete service -n odd moved in-range
kubectl create service clusterip -n crowded taker --clusterip=10.96.77.7 --tcp=80
# Others have exchanged what they have.
port() { kubectl patch service -n odd "port-$1" --type=json -p "[{\"op\": \"replace\", \"path\": \"/spec/ports/0/nodePort\", \"value\": $2}]"; }
port left 30122
port right 30120
port left 30121
# The port of health checks is released with the policy alone.
health() { kubectl patch service -n odd "health-$1" --type=merge -p "{\"spec\": {\"externalTrafficPolicy\": \"$2\", \"healthCheckNodePort\": $3}}"; }
health left Cluster null
health right Cluster null
health left Local 30131
health right Local 30130
kubectl delete service -n odd address-left address-right
kubectl create service clusterip -n odd address-left --clusterip=10.96.77.21 --tcp=80
kubectl create service clusterip -n odd address-right --clusterip=10.96.77.20 --tcp=80
kubectl delete servicecidr more --timeout=60s
kubectl delete pod -n odd sandboxed --force --grace-period=0
kubectl delete runtimeclass sand
kubectl delete priorityclass usual
kubectl create priorityclass other --value=5 --global-default=true
kubectl delete ingress -n crowded without-class
kubectl create -f - <<'M'
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: evil, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: example.com/evil}
M
# In a version that is not served they could not be led back.
kubectl patch plains.v1.odd.example.com -n odd kept --type=merge -p '{"spec": {"list": [2]}, "status": {"phase": "Broken"}}'
kubectl delete plains.v1.odd.example.com -n odd lost
# Rules that a controller gathers.
kubectl patch clusterrole "it's a, part" --type=json -p '[{"op": "replace", "path": "/rules/0/verbs", "value": ["*"]}]'
kubectl wait --for=jsonpath='{.rules[0].verbs[0]}'='*' --timeout=60s clusterrole/gathered
# Owners, one after the other, and both of one object.
kubectl delete configmap -n odd first second --cascade=orphan
for name in first second; do
    kubectl create configmap -n odd "$name" --from-literal=a=2
    kubectl patch configmap -n odd "$name" --type=merge -p '{"immutable": true}'
done
uid() { kubectl get -n odd "$1" "$2" -o 'jsonpath={.metadata.uid}'; }
kubectl patch configmap -n odd of-both --type=merge -p '{"metadata": {"ownerReferences": [
  {"apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": "'"$(uid configmap first)"'"},
  {"apiVersion": "v1", "kind": "ConfigMap", "name": "second", "uid": "'"$(uid configmap second)"'"}]}}'
kubectl delete persistentvolumeclaim -n odd data
# It hangs, as something in it does.
kubectl delete namespace stuck --wait=false
kubectl wait --for=jsonpath='{.status.conditions[?(@.type=="NamespaceFinalizersRemaining")].status}'=True --timeout=60s namespace/stuck
# The garbage collector follows, before or after the snapshot; what it deletes was changed first.
kubectl label service -n odd of-plain --overwrite side=right
kubectl delete plains.v1.odd.example.com -n odd owner
# A policy that denies all, webhooks that deny the same, and nobody behind them.
kubectl create -f - <<'M'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: deny-all}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*"]}]}
  validations: [{expression: "false"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: deny-all}
spec: {policyName: deny-all, validationActions: [Deny], matchResources: {namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: nobody}
webhooks:
- name: nobody.example.com
  clientConfig: {service: {namespace: crowded, name: nowhere}}
  rules: [{apiGroups: ["", networking.k8s.io, rbac.authorization.k8s.io], apiVersions: ["*"], operations: [CREATE, UPDATE, DELETE], resources: ["*"]}]
  namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}]}
  failurePolicy: Fail
  sideEffects: None
  timeoutSeconds: 1
  admissionReviewVersions: [v1]
M
