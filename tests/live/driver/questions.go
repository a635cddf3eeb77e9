package main

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	grpcstatus "google.golang.org/grpc/status"
)

func statusOf(s *session) (*pb.StatusResponse, error) {
	ctx, cancel := deadline()
	defer cancel()
	return s.maintenance.Status(ctx, &pb.StatusRequest{})
}

// status: what the server says of itself.
func status(s *session, _ *request) (answer, error) {
	said, err := statusOf(s)
	if err != nil {
		return nil, err
	}
	return answer{
		"version":     said.Version,
		"revision":    said.Header.Revision,
		"compactions": append([]int64{}, s.world.compactions...),
		"db_size":     said.DbSize,
		"raft_index":  said.RaftIndex,
		"raft_term":   said.RaftTerm,
		"errors":      said.Errors,
	}, nil
}

// message is the server's own text of an error.
func message(err error) string {
	if st, ok := grpcstatus.FromError(err); ok {
		return st.Message()
	}
	return err.Error()
}

// hashKV asks for the hash at each revision; a refusal is an answer too.
func hashKV(s *session, r *request) (answer, error) {
	type result struct {
		Revision        int64   `json:"revision"`
		Hash            *uint32 `json:"hash,omitempty"`
		HashRevision    int64   `json:"hash_revision,omitempty"`
		CompactRevision *int64  `json:"compact_revision,omitempty"`
		Error           string  `json:"error,omitempty"`
	}
	results := make([]result, 0, len(r.Revisions))
	for _, revision := range r.Revisions {
		ctx, cancel := deadline()
		got, err := s.maintenance.HashKV(ctx, &pb.HashKVRequest{Revision: revision})
		cancel()
		if err != nil {
			results = append(results, result{Revision: revision, Error: message(err)})
			continue
		}
		results = append(results, result{
			Revision:        revision,
			Hash:            &got.Hash,
			HashRevision:    got.HashRevision,
			CompactRevision: &got.CompactRevision,
		})
	}
	return answer{"results": results}, nil
}

// snapshot writes what the server sends: the database and its SHA-256, as `etcdctl snapshot save` does.
func snapshot(s *session, r *request) (answer, error) {
	ctx, cancel := deadline()
	defer cancel()
	stream, err := s.maintenance.Snapshot(ctx, &pb.SnapshotRequest{})
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(r.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var size int64
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		n, err := file.Write(part.Blob)
		size += int64(n)
		if err != nil {
			return nil, err
		}
	}
	if size%512 != sha256.Size {
		return nil, errors.New("the server sent no digest")
	}
	return answer{"bytes": size}, file.Close()
}
