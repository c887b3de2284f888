// Package readbackgrpc reads back what was written over gRPC.
//
// A client of its own code asks for two lines. [Counting] lets package consistency
// know each attempt of a write, also those of a retry policy that nobody else sees;
// [Answer] says what codes and the details of a status mean:
//
//	conn, err := grpc.NewClient(target, append(options, readbackgrpc.Counting()...)...)
//	policy := consistency.Policy{Answer: readbackgrpc.Answer}
//
//	flow := consistency.Create("create book",
//		func(ctx context.Context) (string, error) {
//			book, err := library.CreateBook(ctx, request)
//			return book.GetName(), err
//		},
//		func(ctx context.Context, name string) (*librarypb.Book, error) {
//			return library.GetBook(ctx, &librarypb.GetBookRequest{Name: name})
//		})
//	res, err := consistency.Do(ctx, policy, flow)
//
// A write that is answered with a long-running operation has a [Ref], and a
// [Monitor] that follows it.
//
// A client that nobody wants to touch asks for one line where it connects. An
// [Interceptor] holds its reads of what it has just written until they show it:
//
//	grpc.WithChainUnaryInterceptor(readbackgrpc.NewInterceptor(readbackgrpc.Options{}).Unary)
package readbackgrpc
