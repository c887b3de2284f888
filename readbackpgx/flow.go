package readbackpgx

import (
	"context"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
)

// Create returns a flow that writes in a transaction on the primary, and is confirmed when
// read finds something on a standby that has replayed it. Write returns the key that read
// gets, such as the id. If write returns a nil error, its transaction is committed,
// otherwise rolled back. Both functions must use only their transaction, not its Conn or any
// other connection, and it ends when they return. Read runs in a READ COMMITTED transaction, on another standby each time
// perhaps. To read from the primary, pass it twice.
//
// If the answer to COMMIT is lost, Find asks the primary for the fate of the transaction. If
// it was committed, the flow goes on; if it was rolled back, the flow is Failed; while it is
// in progress, Find asks again. If the database does not know, see [Written.Doubt], the flow
// is Unconfirmed, unless a MineValue recognises the value:
//
//	flow.MineValue = func(w readbackpgx.Written[int64], o *Order) bool { return o.Token == token }
//
// It replaces the flow's own MineValue, which accepts a transaction that is known to be
// committed, and is asked after every lost answer. A flow that resumes in another process
// does not know its transaction: give it a Find by a key as well, which returns
// []Written[int64]{{Key: id}}.
func Create[K, R any](name string, primary, standby *pgxpool.Pool,
	write func(ctx context.Context, tx pgx.Tx) (K, error),
	read func(ctx context.Context, tx pgx.Tx, key K) (R, error),
) consistency.Flow[Written[K], R] {
	return create(name, onPool(primary), onPool(standby), write, read)
}

// Update is [Create] for a flow that is confirmed when match accepts what read returns. Match
// sees the state, whoever made it, also after a lost answer.
//
// With a nil match, any value confirms that is read on a server at the position of a
// transaction that is known to be committed, since it is at least as new as the write. That
// needs synchronous_commit: if it is off, the log may reach the position without the
// transaction after a crash, so the write fails before COMMIT, and nothing is carried out.
func Update[K, R any](name string, primary, standby *pgxpool.Pool,
	write func(ctx context.Context, tx pgx.Tx) (K, error),
	read func(ctx context.Context, tx pgx.Tx, key K) (R, error),
	match func(key K, value R) bool,
) consistency.Flow[Written[K], R] {
	return update(name, onPool(primary), onPool(standby), write, read, match)
}

// Delete is [Create] for a flow that is confirmed when read finds nothing for key. After a
// lost answer, key is read, and the fate of the transaction is not asked for: if the row is
// still there at the end, the flow is Unconfirmed, even if the transaction was rolled back.
func Delete[K, R any](name string, primary, standby *pgxpool.Pool, key K,
	write func(ctx context.Context, tx pgx.Tx, key K) error,
	read func(ctx context.Context, tx pgx.Tx, key K) (R, error),
) consistency.Flow[Written[K], R] {
	return remove(name, onPool(primary), onPool(standby), key, write, read)
}

func create[K, R, T any](name string, primary, standby server[T], write func(context.Context, T) (K, error), read func(context.Context, T, K) (R, error)) consistency.Flow[Written[K], R] {
	f := &store[K, R, T]{primary: primary, standby: standby, writeFn: write, readFn: read}
	flow := consistency.Create(name, f.writes(), f.reads())
	flow.Find, flow.Behind = f.find, Behind
	flow.MineValue = func(w Written[K], _ R) bool { return w.Doubt() == "" }
	return flow
}

func update[K, R, T any](name string, primary, standby server[T], write func(context.Context, T) (K, error), read func(context.Context, T, K) (R, error), match func(K, R) bool) consistency.Flow[Written[K], R] {
	f := &store[K, R, T]{primary: primary, standby: standby, writeFn: write, readFn: read, blind: match == nil}
	flow := consistency.Update(name, f.writes(), f.reads(), func(w Written[K], value R) bool {
		if match == nil {
			return w.Doubt() == "" && !isNil(value)
		}
		return match(w.Key, value)
	})
	flow.Find, flow.Behind = f.find, Behind
	return flow
}

func isNil(value any) bool {
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Interface:
		return v.IsNil()
	}
	return false
}

func remove[K, R, T any](name string, primary, standby server[T], key K, write func(context.Context, T, K) error, read func(context.Context, T, K) (R, error)) consistency.Flow[Written[K], R] {
	f := &store[K, R, T]{primary: primary, standby: standby, readFn: read}
	if write != nil {
		f.writeFn = func(ctx context.Context, tx T) (K, error) { return key, write(ctx, tx, key) }
	}
	flow := consistency.Delete(name, Written[K]{Key: key}, func(ctx context.Context, _ Written[K]) error {
		_, err := f.write(ctx)
		return err
	}, f.reads())
	if f.writes() == nil {
		flow.Write = nil
	}
	flow.Behind = Behind
	return flow
}

// writes and reads return nil if an argument is missing: the flow is then refused before
// anything is sent.
func (f *store[K, R, T]) writes() func(context.Context) (Written[K], error) {
	if f.primary == nil || f.writeFn == nil {
		return nil
	}
	return f.write
}

func (f *store[K, R, T]) reads() func(context.Context, Written[K]) (R, error) {
	if f.primary == nil || f.standby == nil || f.readFn == nil {
		return nil
	}
	return f.read
}
