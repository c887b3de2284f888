package natsshare_test

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/readback-go/readback/natsstore/natsshare"
	"github.com/readback-go/readback/readbackhttp"
	"github.com/readback-go/readback/readbacktest"
)

// exampleServer is a server of NATS for the example; you have one.
func exampleServer() *server.Server {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		log.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(30 * time.Second) {
		log.Fatal("the server does not start")
	}
	return srv
}

// A service runs in two copies. What was written through one is held by the other.
func ExampleConnect() {
	srv := exampleServer()
	defer srv.Shutdown()
	service := readbacktest.NewHandler(readbacktest.Script{Lag: 100 * time.Millisecond}) // reads lag
	newCopy := func() (*http.Client, *natsshare.Carrier) {
		carrier, err := natsshare.Connect(natsshare.Options{
			URL:     srv.ClientURL(),
			Subject: "orders.share", // one for each service
			Connect: []nats.Option{nats.Name("orders")},
		})
		if err != nil {
			log.Fatal(err)
		}
		return &http.Client{Transport: readbackhttp.NewTransport(service, readbackhttp.TransportOptions{
			Share: readbackhttp.Share{Carrier: carrier, Secret: []byte("the same 16 bytes or more for all")},
		})}, carrier
	}
	one, first := newCopy()
	defer first.Close()
	other, second := newCopy()
	defer second.Close()

	put, err := http.NewRequest(http.MethodPut, "https://api.example/orders/7", nil)
	if err != nil {
		log.Fatal(err)
	}
	written, err := one.Do(put)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(written.StatusCode, written.Body.Close()) // from here on the other copy knows
	read, err := other.Get("https://api.example/orders/7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(read.StatusCode, read.Body.Close())
	// Output:
	// 201 <nil>
	// 200 <nil>
}

// With credentials, and a bound for each attempt to connect. A server that does not
// answer now is no error.
func ExampleOptions() {
	carrier, err := natsshare.Connect(natsshare.Options{
		URL:     os.Getenv("NATS_URL"),
		Timeout: time.Second,
		Connect: []nats.Option{nats.UserCredentials("/etc/orders/nats.creds")},
		Logger:  zap.NewExample(), // what happens to the connection
	})
	if err != nil {
		log.Fatal(err) // the URL or the credentials
	}
	defer carrier.Close()
}
