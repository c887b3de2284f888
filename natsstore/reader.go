package natsstore

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// reader reads the messages of a bucket in order, and then new ones as they come. Its consumer
// is at one of the servers, which may be behind the leader. If that server is lost, a new
// consumer goes on after the last message.
//
// The ordered consumer of nats.go does the same, with two defects: it recreates its consumer
// without regard to contexts, and holds a lock meanwhile that Stop needs too; and it takes
// half a minute to notice a request that no server has taken.
type reader struct {
	js      jetstream.JetStream
	names   names
	subject []string
	policy  jetstream.DeliverPolicy
	headers bool // only headers, no values

	consumer jetstream.Consumer
	messages jetstream.MessagesContext
	count    uint64 // messages of this consumer
	last     uint64 // all messages up to this sequence were read
}

const (
	// heartbeat is how often the server says that it has nothing. After two missing
	// heartbeats the consumer counts as lost.
	heartbeat = 500 * time.Millisecond

	// forgotten is how long a server keeps a consumer that nobody asks.
	forgotten = time.Minute
)

// begin makes a consumer. It goes on after the last message that was read.
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
		// The consumer or one of its messages was lost.
		if err := r.begin(ctx); err != nil {
			return nil, 0, err
		}
	}
}

// stop ends the reading. The server forgets the consumer after a while.
func (r *reader) stop() {
	if r.messages != nil {
		r.messages.Stop()
	}
}

// end ends the reading, and asks the server to forget the consumer now; it waits for that up
// to a second.
func (r *reader) end() {
	r.stop()
	if r.consumer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.js.DeleteConsumer(ctx, r.names.stream(), r.consumer.CachedInfo().Name)
}
