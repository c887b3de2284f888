package readbackpgx

import (
	"context"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
)

// Create returns a flow that writes by a transaction on the primary, and is confirmed
// when read finds something on a standby that has replayed it. Write returns the key,
// such as the id, that read gets; nil commits, and an error rolls back. Both run in a
// transaction that ends with them, and must do nothing outside of it; that of read is
// READ COMMITTED, and may be on another standby each time. Pass the primary twice to
// read from it.
//
// If the answer to COMMIT is lost, Find asks the primary for the fate of the
// transaction: committed, and the flow goes on; rolled back, and it is Failed; in
// progress, and it is asked again. Where the database does not know, see
// [Written.Doubt], the flow is Unconfirmed, unless a MineValue knows by the value:
//
//	flow.MineValue = func(w readbackpgx.Written[int64], o *Order) bool { return o.Token == token }
//
// It is asked of any transaction whose answer was lost, in place of one that is
// content with what is known to be committed. A flow that resumes in another process
// knows no transaction: give it a Find by a key as well, which returns
// []Written[int64]{{Key: id}}.
func Create[K, R any](name string, primary, standby *pgxpool.Pool,
	write func(ctx context.Context, tx pgx.Tx) (K, error),
	read func(ctx context.Context, tx pgx.Tx, key K) (R, error),
) consistency.Flow[Written[K], R] {
	return create(name, onPool(primary), onPool(standby), write, read)
}

// Update is [Create] for a flow that is confirmed when match accepts what read
// returns. What is matched is the state: after a lost answer too, whoever made it.
//
// A nil match takes whatever is read, once the server is at the position of a
// transaction that is known to be committed: that is at least as new as the write. It
// needs synchronous_commit, and with that off nothing is carried out: after a crash
// the log may be at the position without the transaction.
func Update[K, R any](name string, primary, standby *pgxpool.Pool,
	write func(ctx context.Context, tx pgx.Tx) (K, error),
	read func(ctx context.Context, tx pgx.Tx, key K) (R, error),
	match func(key K, value R) bool,
) consistency.Flow[Written[K], R] {
	return update(name, onPool(primary), onPool(standby), write, read, match)
}

// Delete is [Create] for a flow that is confirmed when read finds nothing. After a
// lost answer key is read, and the fate of the transaction is not asked for: what is
// still there in the end is Unconfirmed, whatever became of it.
func Delete[K, R any](name string, primary, standby *pgxpool.Pool, key K,
	write func(ctx context.Context, tx pgx.Tx, key K) error,
	read func(ctx context.Context, tx pgx.Tx, key K) (R, error),
) consistency.Flow[Written[K], R] {
	return remove(name, onPool(primary), onPool(standby), key, write, read)
}

func create[K, R, T any](name string, primary, standby server[T], write func(context.Context, T) (K, error), read func(context.Context, T, K) (R, error)) consistency.Flow[Written[K], R] {
	f := &store[K, R, T]{primary: primary, standby: standby, do: write, look: read}
	flow := consistency.Create(name, f.writes(), f.reads())
	flow.Find, flow.Behind = f.find, Behind
	flow.MineValue = func(w Written[K], _ R) bool { return w.Doubt() == "" }
	return flow
}

func update[K, R, T any](name string, primary, standby server[T], write func(context.Context, T) (K, error), read func(context.Context, T, K) (R, error), match func(K, R) bool) consistency.Flow[Written[K], R] {
	f := &store[K, R, T]{primary: primary, standby: standby, do: write, look: read, blind: match == nil}
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
	f := &store[K, R, T]{primary: primary, standby: standby, look: read}
	if write != nil {
		f.do = func(ctx context.Context, tx T) (K, error) { return key, write(ctx, tx, key) }
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

// writes and reads return nil where an argument is missing, which is refused before
// anything is sent.
func (f *store[K, R, T]) writes() func(context.Context) (Written[K], error) {
	if f.primary == nil || f.do == nil {
		return nil
	}
	return f.write
}

func (f *store[K, R, T]) reads() func(context.Context, Written[K]) (R, error) {
	if f.primary == nil || f.standby == nil || f.look == nil {
		return nil
	}
	return f.read
}
