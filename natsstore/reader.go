package natsstore

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// reader reads the messages of a bucket, and then those that come, in order. Its
// consumer is at one of the servers, may be behind the leader, and is lost with
// its server: then another one goes on behind the last message.
//
// The ordered consumer of nats.go does the same, but begins anew without regard
// to contexts, and holds a lock meanwhile that Stop needs too. Nor does it notice
// a request that nobody took for half a minute.
type reader struct {
	js      jetstream.JetStream
	names   names
	subject []string
	policy  jetstream.DeliverPolicy
	headers bool // and no values

	consumer jetstream.Consumer
	messages jetstream.MessagesContext
	count    uint64 // messages of this consumer
	last     uint64 // all up to here were read
}

const (
	// heartbeat is how often the server says that it has nothing. Two that are
	// missing are the end of a consumer.
	heartbeat = 500 * time.Millisecond

	// forgotten is how long a server keeps a consumer that nobody asks.
	forgotten = time.Minute
)

// begin makes a consumer, which goes on where the one before was, if there was
// one.
func (r *reader) begin(ctx context.Context) error {
	r.stop()
	config := jetstream.ConsumerConfig{
		FilterSubjects:    r.subject,
		DeliverPolicy:     r.policy,
		AckPolicy:         jetstream.AckNonePolicy,
		HeadersOnly:       r.headers,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: forgotten,
	}
	if r.last > 0 {
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.last+1
	}
	consumer, err := r.js.CreateConsumer(ctx, r.names.stream(), config)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullHeartbeat(heartbeat))
	if err != nil {
		return err
	}
	r.consumer, r.messages, r.count = consumer, messages, 0
	r.last = max(r.last, consumer.CachedInfo().Delivered.Stream)
	return nil
}

// next returns the next message and its sequence, as soon as there is one.
func (r *reader) next(ctx context.Context) (jetstream.Msg, uint64, error) {
	for {
		msg, err := r.messages.Next(jetstream.NextContext(ctx))
		if err == nil {
			meta, err := msg.Metadata()
			if err != nil {
				return nil, 0, err
			}
			if r.count++; meta.Sequence.Consumer == r.count {
				r.last = meta.Sequence.Stream
				return msg, r.last, nil
			}
		} else if ctx.Err() != nil {
			return nil, 0, err
		}
		// The consumer is gone, or one of its messages is.
		if err := r.begin(ctx); err != nil {
			return nil, 0, err
		}
	}
}

// stop ends the reading, and leaves it to the server to forget the consumer.
func (r *reader) stop() {
	if r.messages != nil {
		r.messages.Stop()
	}
}

// end ends the reading, and has the server forget the consumer now, if it can be
// asked soon.
func (r *reader) end() {
	r.stop()
	if r.consumer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.js.DeleteConsumer(ctx, r.names.stream(), r.consumer.CachedInfo().Name)
}
