// Package readbackhttp reads back what was written over net/http.
//
// There are two ways. For a client that nobody wants to touch, a [Transport]
// gives read-your-writes by one line: it holds a GET that answers 404 or 403 on
// what was just written until the read model has caught up.
//
//	client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{})}
//
// For a write whose outcome must be known, an [Exchange] is one HTTP write and
// how to read it back, as a flow of package consistency:
//
//	ex := readbackhttp.Exchange{Client: client, Write: post, Read: readbackhttp.Location()}
//	res, err := consistency.Do(ctx, policy, ex.Flow())
//
// Where the service knows a consistency token, both ask for its position, see
// [Token]. What a service says of an error is in [StatusError] and [Problem].
package readbackhttp
