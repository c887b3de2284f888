package pgtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/readback-go/readback/internal/testing/port"
)

// Fault is what a [Proxy] does to one message of a client. Its zero value passes the message
// on.
type Fault struct {
	// Unsent cuts the connection instead of passing the message on.
	Unsent bool

	// Lost lets the server carry the message out, and cuts the connection instead of
	// passing the answer on.
	Lost bool

	// Silent lets the server carry the message out, and never passes the answer on.
	Silent bool

	// Delay is how long the message is delayed before anything else happens.
	Delay time.Duration
}

// Message is a message of a client: its type in the protocol, and the text of the statement that
// it runs or prepares, in lower case.
type Message struct {
	Type byte // 'Q' runs a text, 'P' prepares one, 'S' is Sync: it ends a group of messages
	Text string
}

// IsCommit reports whether the message is a COMMIT.
func (m Message) IsCommit() bool {
	return (m.Type == 'Q' || m.Type == 'P') && strings.HasPrefix(strings.TrimSpace(m.Text), "commit")
}

// Ends reports whether the server answers all messages up to this one: an implicit transaction is
// over then.
func (m Message) Ends() bool { return m.Type == 'Q' || m.Type == 'S' }

// Proxy stands between clients and a server. Make it with [Cluster.Proxy].
type Proxy struct {
	listener net.Listener
	server   string
	all      sync.WaitGroup

	mu     sync.Mutex
	rule   func(Message) Fault
	conns  map[net.Conn]struct{}
	closed bool
}

// Proxy returns a proxy to the cluster. It passes everything on until a rule is set.
func (c *Cluster) Proxy() (*Proxy, error) {
	listener, err := port.Listen()
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, server: fmt.Sprint("127.0.0.1:", c.Port), conns: make(map[net.Conn]struct{})}
	p.all.Go(p.accept)
	return p, nil
}

// DSN returns a connection string for the cluster through the proxy.
func (p *Proxy) DSN() string { return dsn(p.listener.Addr().(*net.TCPAddr).Port) }

// Rule sets the function that selects the fault of each message from now on; nil passes all
// messages on. The function is called from several goroutines, for each connection in the order
// of its messages.
func (p *Proxy) Rule(rule func(Message) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// Cut cuts all present connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Close cuts all connections and accepts no more.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut()
	p.all.Wait()
	return err
}

func (p *Proxy) fault(m Message) Fault {
	p.mu.Lock()
	rule := p.rule
	p.mu.Unlock()
	if rule == nil {
		return Fault{}
	}
	return rule(m)
}

// keep remembers a connection to be cut, and reports whether the proxy is open.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	c.Close()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(client) {
			client.Close()
			return
		}
		p.all.Go(func() {
			defer p.forget(client)
			server, err := net.Dial("tcp", p.server)
			if err != nil {
				return
			}
			defer p.forget(server)
			if p.keep(server) {
				l := &link{client: client, server: server}
				p.all.Go(func() {
					l.answers()
					client.Close()
					server.Close()
				})
				l.questions(p.fault)
			}
		})
	}
}

// link is one client's connection, in both directions.
type link struct {
	client, server net.Conn

	mu   sync.Mutex
	lost bool // no answer reaches the client any more
	cut  bool // and the connection ends once the server has answered
}

// questions passes on the messages of the client, until its connection or a fault ends that.
func (l *link) questions(fault func(Message) Fault) {
	in := bufio.NewReader(l.client)
	if l.greet(in) != nil {
		return
	}
	for {
		kind, body, err := message(in)
		if err != nil {
			return
		}
		f := fault(read(kind, body))
		time.Sleep(f.Delay)
		if f.Unsent {
			return
		}
		if f.Lost || f.Silent {
			l.mu.Lock()
			l.lost, l.cut = true, l.cut || f.Lost
			l.mu.Unlock()
		}
		if _, err := l.server.Write(frame(kind, body)); err != nil {
			return
		}
		if f.Lost { // the other direction cuts
			io.Copy(io.Discard, in)
			return
		}
	}
}

// greet passes on the first message, which has no type.
func (l *link) greet(in *bufio.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 8 || size > maxMessage {
		return errSize
	}
	rest := make([]byte, size-4)
	if _, err := io.ReadFull(in, rest); err != nil {
		return err
	}
	_, err := l.server.Write(append(head[:], rest...))
	return err
}

// answers passes on the messages of the server, until its connection ends or an answer must be
// lost.
func (l *link) answers() {
	in := bufio.NewReader(l.server)
	for {
		kind, body, err := message(in)
		if err != nil {
			return
		}
		l.mu.Lock()
		lost, cut := l.lost, l.cut
		l.mu.Unlock()
		if lost && cut && kind == 'Z' { // the server is ready again: all is done
			return
		}
		if lost {
			continue
		}
		if _, err := l.client.Write(frame(kind, body)); err != nil {
			return
		}
	}
}

// maxMessage bounds what a proxy keeps of one message.
const maxMessage = 64 << 20

var errSize = errors.New("pgtest: a message has an invalid size")

func message(in *bufio.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > maxMessage {
		return 0, nil, errSize
	}
	body = make([]byte, size-4)
	_, err = io.ReadFull(in, body)
	return head[0], body, err
}

func frame(kind byte, body []byte) []byte {
	framed := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return append(framed, body...)
}

// read decodes a message.
func read(kind byte, body []byte) Message {
	m := Message{Type: kind}
	switch kind {
	case 'Q':
		m.Text = word(body)
	case 'P': // the statement's name comes first
		if _, text, ok := strings.Cut(string(body), "\x00"); ok {
			m.Text = word([]byte(text))
		}
	}
	return m
}

// word returns the text up to a zero byte.
func word(body []byte) string {
	text, _, _ := strings.Cut(string(body), "\x00")
	return strings.ToLower(text)
}
