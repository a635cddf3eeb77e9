# More for what `describe` prints: objects of every kind that it knows, with status, events and owners. Run as
# `sh described.sh` after build.sh and shown.sh.
set -eu
kubectl create -f described.yaml

status() { # RESOURCE NAME PATCH
    kubectl patch -n told "$1" "$2" --subresource=status --type=merge -p "$3"
}
condition='{"type":"Ready","status":"True","lastTransitionTime":"2026-01-27T10:00:00Z","reason":"Good","message":"all is well"}'
heartbeat='{"type":"Ready","status":"True","lastHeartbeatTime":"2026-01-27T10:00:00Z","lastTransitionTime":"2026-01-27T10:00:00Z","reason":"Good","message":"all is well"}'
status node big '{"status":{"conditions":['"$heartbeat"'],"addresses":[{"type":"InternalIP","address":"192.0.2.7"},{"type":"Hostname","address":"big"}],
  "capacity":{"cpu":"4","memory":"8Gi","pods":"110","ephemeral-storage":"10Gi","hugepages-2Mi":"0","example.com/gpu":"2"},
  "allocatable":{"cpu":"3800m","memory":"7Gi","pods":"110","ephemeral-storage":"9Gi","hugepages-2Mi":"0","example.com/gpu":"2"},
  "nodeInfo":{"machineID":"m","systemUUID":"s","bootID":"b","kernelVersion":"6.1","osImage":"Linux","operatingSystem":"linux","architecture":"amd64","containerRuntimeVersion":"containerd://2","kubeletVersion":"v1.37.2","kubeProxyVersion":""}}}'
status pod everything '{"status":{"phase":"Running","hostIP":"192.0.2.7","hostIPs":[{"ip":"192.0.2.7"}],"podIP":"10.1.0.1","podIPs":[{"ip":"10.1.0.1"},{"ip":"fd00::1"}],
  "startTime":"2026-01-27T10:00:00Z","message":"two\nlines","reason":"Because","conditions":['"$condition"',{"type":"example.com/ready","status":"False"}],
  "initContainerStatuses":[{"name":"first","image":"i","imageID":"sha256:1","ready":true,"restartCount":0,"containerID":"c://1","state":{"terminated":{"exitCode":0,"reason":"Completed","startedAt":"2026-01-27T10:00:00Z","finishedAt":"2026-01-27T10:00:05Z"}}}],
  "containerStatuses":[{"name":"main","image":"i","imageID":"sha256:2","ready":false,"restartCount":3,"containerID":"c://2","state":{"waiting":{"reason":"CrashLoopBackOff","message":"m"}},"lastState":{"terminated":{"exitCode":137,"signal":9,"reason":"OOMKilled","message":"out of memory","startedAt":"2026-01-27T10:00:00Z","finishedAt":"2026-01-27T10:00:05Z"}},
     "allocatedResources":{"cpu":"900m","memory":"1Gi"},"resources":{"requests":{"cpu":"800m","memory":"1Gi"},"limits":{"cpu":"3","memory":"1Gi"}}},
   {"name":"other","image":"i","imageID":"sha256:3","ready":true,"restartCount":0,"containerID":"c://3","started":true,"state":{"running":{"startedAt":"2026-01-27T10:00:00Z"}}}]}}'
status pod finished '{"status":{"phase":"Succeeded"}}'
status pv told-csi '{"status":{"message":"no such volume"}}'
status pvc waiting '{"status":{"conditions":[{"type":"Resizing","status":"True","lastTransitionTime":"2026-01-27T10:00:00Z","reason":"Grows","message":"it grows"}]}}'
status namespace told '{"status":{"conditions":[{"type":"NamespaceContentRemaining","status":"False","lastTransitionTime":"2026-01-27T10:00:00Z","reason":"None","message":"nothing is left"}]}}'
status service every '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.20","ipMode":"VIP"},{"hostname":"lb.example.com"}]}}}'
status ingress every '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.21"},{"hostname":"a.example.com"}]}}}'
status hpa every '{"status":{"currentReplicas":2,"desiredReplicas":3,"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":50,"averageValue":"125m"}}},{"type":"Resource","resource":{"name":"memory","current":{"averageValue":"1Gi"}}}],
  "conditions":[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-27T10:00:00Z","reason":"Ready","message":"it can"}]}}'
status job every '{"status":{"completedIndexes":"0,2","succeeded":2}}' || true

# Another template, and so another replica set, where controllers are at work.
kubectl set image -n told deployment/every main=registry.example.com/main:2

uid() { kubectl get -n told "$1" "$2" -o 'jsonpath={.metadata.uid}'; }
event() { # NAME NAMESPACE KIND OBJECT NAMESPACE-OF-OBJECT UID REST
    kubectl create -f - <<M
apiVersion: v1
kind: Event
metadata: {name: $1, namespace: $2}
involvedObject: {kind: $3, name: $4, namespace: "$5", uid: "$6"}
$7
M
}
pod=$(uid pod everything)
event every.2 told Pod everything told "$pod" 'reason: Second
type: Normal
message: " two\nlines "
firstTimestamp: "2026-01-27T10:00:00Z"
lastTimestamp: "2026-01-27T12:00:00Z"
count: 5
source: {component: kubelet}'
event every.1 told Pod everything told "$pod" 'reason: First
type: Warning
message: "one"
firstTimestamp: "2026-01-27T09:00:00Z"
lastTimestamp: "2026-01-27T11:00:00Z"
source: {component: kubelet}'
event every.0 told Pod everything told another 'reason: Stranger
type: Warning
message: "of another pod of this name"'
event big.1 default Node big "" "$(uid node big)" 'reason: ByUid
type: Normal
message: "by uid"
lastTimestamp: "2026-01-27T11:00:00Z"
firstTimestamp: "2026-01-27T11:00:00Z"
reportingComponent: node-controller'
event big.2 default Node big "" big 'reason: ByName
type: Normal
message: "by name"
lastTimestamp: "2026-01-27T10:00:00Z"
firstTimestamp: "2026-01-27T10:00:00Z"
source: {component: kubelet}'
kubectl create -f - <<M
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: every.3, namespace: told}
eventTime: "2026-01-27T10:00:00.123456Z"
regarding: {kind: Pod, name: everything, namespace: told, apiVersion: v1, uid: $pod}
reason: Series
note: "a series"
type: Warning
action: Stop
reportingController: example.com/controller
reportingInstance: controller-1
series: {count: 2, lastObservedTime: "2026-01-27T10:05:00.000001Z"}
M
maker=$(uid pod disk-maker)
kubectl patch -n told pvc disk --type=merge -p '{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"disk-maker","uid":"'"$maker"'"}]}}'
kubectl delete pod -n told level --grace-period=600 --wait=false
