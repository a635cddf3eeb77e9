package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A world is what the workload remembers: enough to hit old keys again. It is the same for the same seeds.
type world struct {
	// Every key ever written, in the order of first writing; seen is its index.
	keys []string
	seen map[string]bool
	// Leases that were granted and not revoked, and keys last written with one.
	leases    []int64
	nextLease int64
	leased    []string

	// Main revisions of deletes: compacting at one of those is where servers differ.
	deletes []int64
	// Main revisions that deleted and put the same key.
	rewrites map[int64]bool
	// Revisions compacted at, in order.
	compactions []int64

	// Every event so far, up to a revision.
	events   []record
	recorded int64

	users, roles int
	alarm        bool
	// A learner is among the members; etcd allows but one.
	learner bool
}

func newWorld() *world {
	// A new store is at revision 1, which has no event.
	return &world{seen: map[string]bool{}, rewrites: map[int64]bool{}, nextLease: 0x1000, recorded: 1}
}

func (w *world) remember(key string) {
	if !w.seen[key] {
		w.seen[key] = true
		w.keys = append(w.keys, key)
	}
}

func pick[T any](rng *rand.Rand, from []T) T {
	return from[rng.IntN(len(from))]
}

// chance is true in one of n cases.
func chance(rng *rand.Rand, n int) bool {
	return rng.IntN(n) == 0
}

func randomBytes(rng *rand.Rand, n int) []byte {
	bytes := make([]byte, n)
	for i := 0; i < n; i += 8 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], rng.Uint64())
		copy(bytes[i:], word[:])
	}
	return bytes
}

var (
	namespaces = []string{"default", "kube-system", "payments", "team-a", "team-b"}
	resources  = []string{
		"configmaps", "secrets", "pods", "services/specs", "services/endpoints", "deployments", "replicasets",
		"leases", "serviceaccounts", "example.com/widgets",
	}
	clusterWide = []string{"minions", "namespaces", "clusterroles", "apiregistration.k8s.io/apiservices"}
	oddKeys     = []string{
		"\x00", "\x00\x00", "\xff", "\xff\xff\xff", "a", "/", "//", "foo", "foo\x00", "foo/", "key",
		"compact_rev_key", "members", "with space", "line\nbreak", "\x1b[31mred\x1b[0m", "naïve/clé", "日本/東京",
		"\xc3\x28invalid", "'; drop", "\"quoted\"", "\\back\\slash", "{json}", "\u202eright to left", "\u200b",
		"del\x7fete", "c1\u009bcontrol", "tab\tand\rreturn", "e\u0301", "\u00a0", "\u2028", "foo\xff", "foo\xfe\xff",
		"-dash", "--rev", "pod/web", "secret/db", "nosuchkind/web", "*", "/registry", "/registry/", "/registry/pods",
	}
)

// key makes a new key, or by chance one that was there before.
func (w *world) key(rng *rand.Rand) string {
	switch n := rng.IntN(100); {
	case n < 50:
		return fmt.Sprintf("/registry/%s/%s/item-%d", pick(rng, resources), pick(rng, namespaces), rng.IntN(12))
	case n < 60:
		return fmt.Sprintf("/registry/events/%s/item.%08x", pick(rng, namespaces), rng.Uint32())
	case n < 68:
		return fmt.Sprintf("/registry/%s/name-%d", pick(rng, clusterWide), rng.IntN(20))
	case n < 72:
		return fmt.Sprintf("/registry/masterleases/192.0.2.%d", rng.IntN(4))
	case n < 86:
		return pick(rng, oddKeys)
	case n < 97:
		return string(randomBytes(rng, 1+rng.IntN(40)))
	case n < 99:
		return "long/" + strings.Repeat("x", rng.IntN(3000)) + fmt.Sprint(rng.IntN(3))
	default:
		return "longer/" + strings.Repeat("é", 2000+rng.IntN(3000))
	}
}

func (w *world) oldKey(rng *rand.Rand) string {
	if len(w.keys) == 0 {
		return w.key(rng)
	}
	return pick(rng, w.keys)
}

func (w *world) anyKey(rng *rand.Rand) string {
	if chance(rng, 3) {
		return w.key(rng)
	}
	return w.oldKey(rng)
}

func (w *world) value(rng *rand.Rand) string {
	switch n := rng.IntN(1000); {
	case n < 60:
		return ""
	case n < 350:
		return configMapJSON(rng)
	case n < 600:
		return configMapProtobuf(rng)
	case n < 800:
		return string(randomBytes(rng, rng.IntN(200)))
	case n < 900:
		return strings.Repeat("ß∂ 字", rng.IntN(60))
	case n < 980:
		return string(randomBytes(rng, rng.IntN(6000)))
	case n < 993:
		return string(randomBytes(rng, rng.IntN(40_000)))
	default:
		return string(randomBytes(rng, rng.IntN(300_000)))
	}
}

func configMapJSON(rng *rand.Rand) string {
	data := map[string]string{}
	for i := range rng.IntN(5) {
		data[fmt.Sprintf("key-%d", i)] = strings.Repeat("v", rng.IntN(100))
	}
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "ConfigMap",
		"metadata": map[string]any{
			"name":      fmt.Sprintf("item-%d", rng.IntN(12)),
			"namespace": pick(rng, namespaces),
			"uid":       uid(rng),
		},
		"data": data,
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func uid(rng *rand.Rand) string {
	b := randomBytes(rng, 16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// configMapProtobuf is the same in the envelope that API servers store.
func configMapProtobuf(rng *rand.Rand) string {
	field := func(number byte, content string) string {
		var length [binary.MaxVarintLen64]byte
		n := binary.PutUvarint(length[:], uint64(len(content)))
		return string([]byte{number<<3 | 2}) + string(length[:n]) + content
	}
	meta := field(1, fmt.Sprintf("item-%d", rng.IntN(12))) + field(3, pick(rng, namespaces)) + field(5, uid(rng))
	object := field(1, meta)
	for i := range rng.IntN(5) {
		object += field(2, field(1, fmt.Sprintf("key-%d", i))+field(2, strings.Repeat("v", rng.IntN(100))))
	}
	kind := field(1, "v1") + field(2, "ConfigMap")
	return "k8s\x00" + field(1, kind) + field(2, object) + field(3, "") + field(4, "")
}
