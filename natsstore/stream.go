package natsstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// markers is how long the server keeps the marker of a deleted record, for those who watch it.
const markers = time.Minute

// config is the configuration of a key-value bucket, but without direct reads: they may come
// from a replica that is behind.
func (n names) config(o Options) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:                   n.stream(),
		Description:            "jobs submitted once",
		Subjects:               []string{n.all()},
		MaxMsgsPerSubject:      1,
		MaxMsgs:                -1,
		MaxBytes:               -1,
		MaxMsgSize:             -1,
		MaxConsumers:           -1,
		Storage:                jetstream.FileStorage,
		Replicas:               o.Replicas,
		Discard:                jetstream.DiscardNew,
		AllowRollup:            true,
		DenyDelete:             true,
		AllowMsgTTL:            true,
		SubjectDeleteMarkerTTL: markers,
		AllowDirect:            false,
		AllowAtomicPublish:     o.URL == "", // what servers of a cluster can do is not known
	}
}

// open makes the bucket, or checks the configuration of an existing one.
func (n names) open(ctx context.Context, js jetstream.JetStream, o Options) (jetstream.Stream, error) {
	want := n.config(o)
	s, err := js.CreateStream(ctx, want)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		s, err = js.Stream(ctx, n.stream())
	}
	if err != nil {
		return nil, err
	}
	got := s.CachedInfo().Config
	if want.AllowAtomicPublish && !got.AllowAtomicPublish { // an older version of this package made it
		got.AllowAtomicPublish = true
		if s, err = js.UpdateStream(ctx, got); err != nil {
			return nil, err
		}
	}
	switch {
	case got.AllowDirect:
		return nil, fmt.Errorf("the bucket %q allows direct reads, which may be stale: choose another name in Options.Bucket", o.Bucket)
	case got.MaxMsgsPerSubject != 1, !got.AllowMsgTTL, got.MaxAge != 0, got.Storage != jetstream.FileStorage,
		got.Discard != jetstream.DiscardNew, got.PersistMode == jetstream.AsyncPersistMode:
		return nil, fmt.Errorf("the bucket %q was not made by this package: choose another name in Options.Bucket", o.Bucket)
	case got.Replicas != want.Replicas:
		return nil, fmt.Errorf("the bucket %q has %d replicas, not %d", o.Bucket, got.Replicas, want.Replicas)
	}
	return s, nil
}
