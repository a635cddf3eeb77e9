package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A worker is one run of the workload command.
type worker struct {
	*session
	*world
	ctx      context.Context
	rng      *rand.Rand
	noLeases bool
	revision int64
	counts   map[string]int
}

// A kind of step and how often it comes.
type step struct {
	name   string
	weight int
	do     func(*worker) error
}

var steps = []step{
	{"put", 420, (*worker).put},
	{"delete", 110, (*worker).delete},
	{"delete_range", 8, (*worker).deleteRange},
	{"recreate", 50, (*worker).recreate},
	{"txn", 150, (*worker).txn},
	{"txn_range", 12, (*worker).txnRange},
	{"txn_rewrite", 6, (*worker).txnRewrite},
	{"grant", 25, (*worker).grant},
	{"put_leased", 60, (*worker).putLeased},
	{"revoke", 12, (*worker).revoke},
	{"lose_lease", 20, (*worker).loseLease},
	{"keep_part", 25, (*worker).keepPart},
	{"compact", 4, (*worker).compact},
	{"user", 2, (*worker).user},
	{"role", 2, (*worker).role},
}

// workload makes a number of random steps. The same seed, phase and history give the same steps.
func workload(s *session, r *request) (answer, error) {
	ctx, cancel := deadline()
	defer cancel()
	w := &worker{
		session:  s,
		world:    s.world,
		ctx:      ctx,
		rng:      rand.New(rand.NewPCG(r.Seed, r.Phase)),
		noLeases: r.NoLeases,
		counts:   map[string]int{},
	}
	got, err := s.client.Get(ctx, "start")
	if err != nil {
		return nil, err
	}
	w.revision = got.Header.Revision

	if err := w.disarm(); err != nil {
		return nil, fmt.Errorf("disarm: %w", err)
	}
	// Compacting at a revision of the phase before: a snapshot taken in between still has what goes.
	if chance(w.rng, 2) {
		if err := w.compact(); err != nil {
			return nil, fmt.Errorf("first compaction: %w", err)
		}
	}
	total := 0
	for _, step := range steps {
		total += step.weight
	}
	for n := range r.Steps {
		at := w.rng.IntN(total)
		for _, step := range steps {
			if at -= step.weight; at < 0 {
				if err := step.do(w); err != nil {
					return nil, fmt.Errorf("step %d (%s): %w", n, step.name, err)
				}
				w.counts[step.name]++
				break
			}
		}
	}
	if err := w.ending(); err != nil {
		return nil, fmt.Errorf("ending: %w", err)
	}
	if err := w.record(); err != nil {
		return nil, err
	}
	return answer{
		"revision":    w.revision,
		"compactions": append([]int64{}, w.compactions...),
		"deletes":     append([]int64{}, w.deletes...),
		"keys":        len(w.keys),
		"counts":      w.counts,
	}, nil
}

// header takes note of the revision an answer came with.
func (w *worker) header(h *pb.ResponseHeader) {
	w.revision = max(w.revision, h.Revision)
}

func (w *worker) put() error {
	return w.putKey(w.anyKey(w.rng))
}

func (w *worker) putKey(key string, options ...clientv3.OpOption) error {
	got, err := w.client.Put(w.ctx, key, w.value(w.rng), options...)
	if err != nil {
		return err
	}
	w.remember(key)
	w.header(got.Header)
	return nil
}

func (w *worker) delete() error {
	return w.deleteKey(w.oldKey(w.rng))
}

func (w *worker) deleteKey(key string, options ...clientv3.OpOption) error {
	got, err := w.client.Delete(w.ctx, key, options...)
	if err != nil {
		return err
	}
	w.header(got.Header)
	if got.Deleted > 0 {
		w.deletes = append(w.deletes, got.Header.Revision)
	}
	return nil
}

func (w *worker) deleteRange() error {
	switch w.rng.IntN(3) {
	case 0:
		prefix := fmt.Sprintf("/registry/%s/%s/", pick(w.rng, resources), pick(w.rng, namespaces))
		return w.deleteKey(prefix, clientv3.WithPrefix())
	case 1:
		first := w.oldKey(w.rng)
		return w.deleteKey(first, clientv3.WithRange(first+"~"))
	default:
		return w.deleteKey("/registry/events/"+pick(w.rng, namespaces)+"/", clientv3.WithPrefix())
	}
}

// recreate deletes a key and makes it anew in the very next revision.
func (w *worker) recreate() error {
	key := w.oldKey(w.rng)
	if err := w.deleteKey(key); err != nil {
		return err
	}
	return w.putKey(key)
}

// txn has several changes in one revision; no key twice, which etcd refuses.
func (w *worker) txn() error {
	used := map[string]bool{}
	fresh := func() (string, bool) {
		key := w.anyKey(w.rng)
		if used[key] {
			return "", false
		}
		used[key] = true
		return key, true
	}
	deletes := false
	operation := func() (clientv3.Op, bool) {
		key, ok := fresh()
		if !ok {
			return clientv3.Op{}, false
		}
		switch n := w.rng.IntN(10); {
		case n < 6:
			w.remember(key)
			return clientv3.OpPut(key, w.value(w.rng)), true
		case n < 9:
			deletes = true
			return clientv3.OpDelete(key), true
		default:
			return clientv3.OpGet(key), true
		}
	}
	list := func(most int) []clientv3.Op {
		var operations []clientv3.Op
		for range 1 + w.rng.IntN(most) {
			if op, ok := operation(); ok {
				operations = append(operations, op)
			}
		}
		return operations
	}

	key := w.oldKey(w.rng)
	condition := clientv3.Compare(clientv3.CreateRevision(key), ">", 0)
	if chance(w.rng, 3) {
		condition = clientv3.Compare(clientv3.Value(key), "=", "")
	}
	yes := list(8)
	if chance(w.rng, 10) {
		yes = append(yes, clientv3.OpTxn(
			[]clientv3.Cmp{clientv3.Compare(clientv3.Version(key), "<", 3)}, list(3), list(3)))
	}
	got, err := w.client.Txn(w.ctx).If(condition).Then(yes...).Else(list(4)...).Commit()
	if err != nil {
		return err
	}
	if deletes && got.Header.Revision > w.revision {
		w.deletes = append(w.deletes, got.Header.Revision)
	}
	w.header(got.Header)
	return nil
}

// txnRange deletes a range and writes other keys in the same revision.
func (w *worker) txnRange() error {
	prefix := fmt.Sprintf("/registry/%s/%s/", pick(w.rng, resources), pick(w.rng, namespaces))
	operations := []clientv3.Op{clientv3.OpDelete(prefix, clientv3.WithPrefix())}
	used := map[string]bool{}
	for range 1 + w.rng.IntN(4) {
		key := w.anyKey(w.rng)
		// etcd refuses to write what the same transaction deletes.
		if used[key] || strings.HasPrefix(key, prefix) {
			continue
		}
		used[key] = true
		w.remember(key)
		operations = append(operations, clientv3.OpPut(key, w.value(w.rng)))
	}
	got, err := w.client.Txn(w.ctx).Then(operations...).Commit()
	if err != nil {
		return err
	}
	if got.Responses[0].GetResponseDeleteRange().Deleted > 0 {
		w.deletes = append(w.deletes, got.Header.Revision)
	}
	w.header(got.Header)
	return nil
}

// txnRewrite deletes and puts the same keys in one revision: etcd's check for keys given twice does not see a delete
// whose range has no end, nor a nested delete behind a nested put.
func (w *worker) txnRewrite() error {
	// Behind nearly all other keys, which shall stay.
	last := func(n int) string { return fmt.Sprintf("\xfe/last/%d", n) }
	var operations []clientv3.Op
	if chance(w.rng, 2) {
		operations = append(operations, clientv3.OpDelete(last(0), clientv3.WithFromKey()))
		for n := range 1 + w.rng.IntN(4) {
			w.remember(last(n))
			operations = append(operations, clientv3.OpPut(last(n), w.value(w.rng)))
		}
	} else {
		key := w.oldKey(w.rng)
		operations = append(operations,
			clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpPut(key, w.value(w.rng))}, nil),
			clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpDelete(key)}, nil))
	}
	got, err := w.client.Txn(w.ctx).Then(operations...).Commit()
	if err != nil {
		return err
	}
	w.header(got.Header)
	w.rewrites[got.Header.Revision] = true
	return nil
}

// grant makes a lease that will not run out while the suite looks.
func (w *worker) grant() error {
	if w.noLeases {
		return nil
	}
	// The id is ours: the server's own choice would make two runs of one seed differ.
	w.nextLease += 1 + w.rng.Int64N(1<<40)
	got, err := pb.NewLeaseClient(w.client.ActiveConnection()).LeaseGrant(w.ctx, &pb.LeaseGrantRequest{
		ID:  w.nextLease,
		TTL: 36_000 + w.rng.Int64N(3600),
	})
	if err != nil {
		return err
	}
	w.leases = append(w.leases, got.ID)
	return nil
}

func (w *worker) putLeased() error {
	if len(w.leases) == 0 {
		return w.grant()
	}
	key := w.anyKey(w.rng)
	w.leased = append(w.leased, key)
	return w.putKey(key, clientv3.WithLease(clientv3.LeaseID(pick(w.rng, w.leases))))
}

// revoke deletes all keys of a lease in one revision.
func (w *worker) revoke() error {
	if len(w.leases) == 0 {
		return nil
	}
	at := w.rng.IntN(len(w.leases))
	id := w.leases[at]
	w.leases = append(w.leases[:at], w.leases[at+1:]...)
	got, err := w.client.Revoke(w.ctx, clientv3.LeaseID(id))
	if err != nil {
		return err
	}
	if got.Header.Revision > w.revision {
		w.deletes = append(w.deletes, got.Header.Revision)
	}
	w.header(got.Header)
	return nil
}

// expire attaches keys to a short lease and waits until it has taken them away, in one revision.
func (w *worker) expire() error {
	w.nextLease += 1 + w.rng.Int64N(1<<40)
	id := clientv3.LeaseID(w.nextLease)
	leases := pb.NewLeaseClient(w.client.ActiveConnection())
	if _, err := leases.LeaseGrant(w.ctx, &pb.LeaseGrantRequest{ID: int64(id), TTL: 1}); err != nil {
		return err
	}
	// The keys come in one transaction, lest the lease runs out between them.
	operations := []clientv3.Op{clientv3.OpPut("/short/lived", w.value(w.rng), clientv3.WithLease(id))}
	used := map[string]bool{"/short/lived": true}
	for range w.rng.IntN(4) {
		key := w.anyKey(w.rng)
		if !used[key] {
			used[key] = true
			w.remember(key)
			operations = append(operations, clientv3.OpPut(key, w.value(w.rng), clientv3.WithLease(id)))
		}
	}
	if _, err := w.client.Txn(w.ctx).Then(operations...).Commit(); err != nil {
		return err
	}
	for {
		got, err := w.client.Get(w.ctx, "/short/lived", clientv3.WithCountOnly())
		if err != nil {
			return err
		}
		if got.Count == 0 {
			w.header(got.Header)
			w.deletes = append(w.deletes, got.Header.Revision)
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// loseLease writes a key that had a lease without one.
func (w *worker) loseLease() error {
	if len(w.leased) == 0 {
		return nil
	}
	return w.putKey(pick(w.rng, w.leased))
}

// keepPart writes a new value and keeps the lease, or the other way round.
func (w *worker) keepPart() error {
	key := w.oldKey(w.rng)
	var got *clientv3.PutResponse
	var err error
	if len(w.leases) > 0 && chance(w.rng, 2) {
		lease := clientv3.LeaseID(pick(w.rng, w.leases))
		got, err = w.client.Put(w.ctx, key, "", clientv3.WithIgnoreValue(), clientv3.WithLease(lease))
		w.leased = append(w.leased, key)
	} else {
		got, err = w.client.Put(w.ctx, key, w.value(w.rng), clientv3.WithIgnoreLease())
	}
	if errors.Is(err, rpctypes.ErrKeyNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	w.remember(key)
	w.header(got.Header)
	return nil
}

func (w *worker) lastCompaction() int64 {
	if len(w.compactions) == 0 {
		return 0
	}
	return w.compactions[len(w.compactions)-1]
}

func (w *worker) compact() error {
	last := w.lastCompaction()
	if w.revision <= last {
		return nil
	}
	var at int64
	switch w.rng.IntN(4) {
	case 0:
		at = w.revision - w.rng.Int64N(min(3, w.revision-last))
	case 1:
		if len(w.deletes) == 0 {
			return nil
		}
		at = pick(w.rng, w.deletes)
	default:
		at = last + 1 + w.rng.Int64N(w.revision-last)
	}
	if at <= last {
		return nil
	}
	return w.compactAt(at)
}

func (w *worker) compactAt(at int64) error {
	if w.rewrites[at] {
		// Servers lose live keys there and crash.
		return nil
	}
	if err := w.record(); err != nil {
		return err
	}
	var options []clientv3.CompactOption
	if chance(w.rng, 2) {
		options = append(options, clientv3.WithCompactPhysical())
	}
	if _, err := w.client.Compact(w.ctx, at, options...); err != nil {
		return err
	}
	w.compactions = append(w.compactions, at)
	return nil
}

func (w *worker) user() error {
	name := fmt.Sprintf("user-%d", w.users)
	w.users++
	options := &clientv3.UserAddOptions{NoPassword: chance(w.rng, 2)}
	password := "secret"
	if options.NoPassword {
		password = ""
	}
	if _, err := w.client.UserAddWithOptions(w.ctx, name, password, options); err != nil {
		return err
	}
	if w.roles == 0 || chance(w.rng, 2) {
		return nil
	}
	_, err := w.client.UserGrantRole(w.ctx, name, fmt.Sprintf("role-%d", w.rng.IntN(w.roles)))
	return err
}

func (w *worker) role() error {
	name := fmt.Sprintf("role-%d", w.roles)
	if _, err := w.client.RoleAdd(w.ctx, name); err != nil {
		return err
	}
	w.roles++
	if chance(w.rng, 2) {
		return nil
	}
	key := w.oldKey(w.rng)
	_, err := w.client.RoleGrantPermission(w.ctx, name, key, key+"\xff",
		clientv3.PermissionType(clientv3.PermReadWrite))
	return err
}

// ending leaves the store in one of the states that are rare otherwise.
func (w *worker) ending() error {
	if !w.noLeases && chance(w.rng, 4) {
		if err := w.expire(); err != nil {
			return err
		}
		w.counts["expire"]++
	}
	if chance(w.rng, 4) {
		// The last change is a delete, and sometimes its tombstone is compacted away too.
		if err := w.putKey("last", clientv3.WithPrevKV()); err != nil {
			return err
		}
		if err := w.deleteKey("last"); err != nil {
			return err
		}
		if chance(w.rng, 2) {
			if err := w.compactAt(w.revision); err != nil {
				return err
			}
			w.counts["compact"]++
		}
	}
	if chance(w.rng, 4) {
		if _, err := w.maintenance.Defragment(w.ctx, &pb.DefragmentRequest{}); err != nil {
			return err
		}
		w.counts["defragment"]++
	}
	if !w.learner && chance(w.rng, 6) {
		// A learner that comes and goes leaves its trace among the members.
		got, err := w.client.MemberAddAsLearner(w.ctx, []string{"http://127.0.0.1:1"})
		if err != nil {
			return err
		}
		if chance(w.rng, 2) {
			if _, err := w.client.MemberRemove(w.ctx, got.Member.ID); err != nil {
				return err
			}
			w.counts["member_removed"]++
		} else {
			w.learner = true
		}
		w.counts["member_added"]++
	}
	if chance(w.rng, 5) {
		if err := w.setAlarm(pb.AlarmRequest_ACTIVATE); err != nil {
			return err
		}
		w.alarm = true
		w.counts["alarm"]++
	}
	return nil
}

func (w *worker) disarm() error {
	if !w.alarm {
		return nil
	}
	w.alarm = false
	return w.setAlarm(pb.AlarmRequest_DEACTIVATE)
}

func (w *worker) setAlarm(action pb.AlarmRequest_AlarmAction) error {
	said, err := statusOf(w.session)
	if err != nil {
		return err
	}
	_, err = w.maintenance.Alarm(w.ctx, &pb.AlarmRequest{
		Action:   action,
		MemberID: said.Header.MemberId,
		Alarm:    pb.AlarmType_NOSPACE,
	})
	return err
}
