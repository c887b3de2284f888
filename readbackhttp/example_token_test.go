package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// Three tokens are ready to use. With one, reads ask for the position of the
// write, also of an update, and nothing else has to tell the new value.
func ExampleVault() {
	for _, kind := range []struct {
		name  string
		token readbackhttp.Token
		test  readbacktest.Token
	}{
		{"vault", readbackhttp.Vault(), readbacktest.Vault()},
		{"cosmos", readbackhttp.Cosmos(), readbacktest.Cosmos()},
		{"mittwald", readbackhttp.Mittwald(), readbacktest.Mittwald()}, // the server waits
	} {
		service := readbacktest.NewHandler(readbacktest.Script{
			Existing: map[string]string{"/things/7": `{"name":"alpha"}`},
			Lag:      20 * time.Millisecond, Token: kind.test,
		})
		client := &http.Client{Transport: readbackhttp.NewTransport(service, readbackhttp.TransportOptions{Token: kind.token})}
		call(client, "PATCH", "/things/7", `{"name":"beta"}`)
		fmt.Println(kind.name, call(client, "GET", "/things/7", ""))
	}
	// Output:
	// vault GET /things/7: 200 {"id":"7","name":"beta"}
	// cosmos GET /things/7: 200 {"id":"7","name":"beta"}
	// mittwald GET /things/7: 200 {"id":"7","name":"beta"}
}

// A token for a typed client: it is kept in what the write returns, put into each
// read, and Behind knows the answer of a server that has not reached it.
func ExampleHeaderToken_flow() {
	type ref struct{ ID, Token string }
	token := readbackhttp.HeaderToken{Answer: "X-Revision", Request: "X-At-Least", BehindStatus: http.StatusConflict}
	reached := 41
	flow := consistency.Create("create",
		func(context.Context) (ref, error) {
			answer := consistency.Answer{Header: http.Header{"X-Revision": {"42"}}} // of the client's response
			return ref{ID: "7", Token: token.Take(answer)}, nil
		},
		func(_ context.Context, r ref) (string, error) {
			req, err := http.NewRequest(http.MethodGet, "https://api.example/things/"+r.ID, nil)
			if err != nil {
				return "", err
			}
			token.Put(req, r.Token)
			if fmt.Println("read at least", req.Header.Get("X-At-Least")); reached < 42 {
				reached++
				return "", consistency.Status(errors.New("behind"), http.StatusConflict)
			}
			return "alpha", nil
		})
	flow.Behind = token.Behind

	res, err := consistency.Do(context.Background(), consistency.Policy{Schedule: readback.Every(time.Millisecond)}, flow)
	fmt.Println(res.Outcome, res.Value, err)
	// Output:
	// read at least 42
	// read at least 42
	// confirmed alpha <nil>
}
