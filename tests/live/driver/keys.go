package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A record is what the server says of a key at a revision, or of one change. JSON has the bytes in base64.
type record struct {
	// put or delete, in events.
	Type        string `json:"type,omitempty"`
	Key         []byte `json:"key"`
	Create      int64  `json:"create_revision"`
	Mod         int64  `json:"mod_revision"`
	Version     int64  `json:"version"`
	Lease       int64  `json:"lease"`
	ValueBytes  int    `json:"value_bytes"`
	ValueSHA256 string `json:"value_sha256"`
	Value       []byte `json:"value,omitempty"`
}

func recordOf(kv *mvccpb.KeyValue) record {
	sum := sha256.Sum256(kv.Value)
	return record{
		Key:         kv.Key,
		Create:      kv.CreateRevision,
		Mod:         kv.ModRevision,
		Version:     kv.Version,
		Lease:       kv.Lease,
		ValueBytes:  len(kv.Value),
		ValueSHA256: hex.EncodeToString(sum[:]),
	}
}

// keyRange is etcd's Range; a refusal is an answer too.
func keyRange(s *session, r *request) (answer, error) {
	ctx, cancel := deadline()
	defer cancel()
	order, known := pb.RangeRequest_SortOrder_value[r.Order]
	if !known && r.Order != "" {
		return nil, fmt.Errorf("no order %q", r.Order)
	}
	target, known := pb.RangeRequest_SortTarget_value[r.Target]
	if !known && r.Target != "" {
		return nil, fmt.Errorf("no target %q", r.Target)
	}
	got, err := pb.NewKVClient(s.client.ActiveConnection()).Range(ctx, &pb.RangeRequest{
		Key:        r.Key,
		RangeEnd:   r.RangeEnd,
		Limit:      r.Limit,
		Revision:   r.Revision,
		SortOrder:  pb.RangeRequest_SortOrder(order),
		SortTarget: pb.RangeRequest_SortTarget(target),
	})
	if err != nil {
		return answer{"refused": message(err)}, nil
	}
	keys := []record{}
	for _, kv := range got.Kvs {
		one := recordOf(kv)
		if r.Values {
			one.Value = kv.Value
		}
		keys = append(keys, one)
	}
	return answer{"revision": got.Header.Revision, "count": got.Count, "more": got.More, "keys": keys}, nil
}

// watch tells all events from a revision up to the current one, as a watch of every key gets them.
func watch(s *session, r *request) (answer, error) {
	ctx, cancel := deadline()
	defer cancel()
	said, err := statusOf(s)
	if err != nil {
		return nil, err
	}
	got, err := s.eventsBetween(ctx, r.Revision, said.Header.Revision)
	if err != nil {
		return nil, err
	}
	return answer{"events": got}, nil
}

// events tells every event since the server began, also those that were compacted away.
func events(s *session, _ *request) (answer, error) {
	return answer{"events": append([]record{}, s.world.events...)}, nil
}

// eventsBetween watches all keys from one revision until the events of another one have come.
func (s *session) eventsBetween(ctx context.Context, from, until int64) ([]record, error) {
	got := []record{}
	if from > until {
		return got, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	last := int64(0)
	for some := range s.client.Watch(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithRev(from)) {
		if err := some.Err(); err != nil {
			return nil, err
		}
		for _, event := range some.Events {
			one := recordOf((*mvccpb.KeyValue)(event.Kv))
			one.Type = "put"
			if event.Type == mvccpb.DELETE {
				one.Type = "delete"
			}
			got = append(got, one)
			last = event.Kv.ModRevision
		}
		// All events of one revision come together.
		if last >= until {
			return got, nil
		}
	}
	return nil, fmt.Errorf("the watch ended at revision %d, before %d: %w", last, until, ctx.Err())
}

// record keeps the events that came since the last time. It is called before a compaction takes them away.
func (w *worker) record() error {
	got, err := w.eventsBetween(w.ctx, w.recorded+1, w.revision)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	w.events = append(w.events, got...)
	w.recorded = w.revision
	return nil
}
