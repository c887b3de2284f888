package pgtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Fault is what a [Proxy] does to one message of a client. Its zero value hands
// the message on.
type Fault struct {
	// Unsent cuts the connection instead of handing the message on.
	Unsent bool

	// Lost has the server carry the message out, and cuts the connection in
	// place of the answer.
	Lost bool

	// Silent has the server carry it out, and never answers.
	Silent bool

	// Delay is how long the message is kept before anything else happens.
	Delay time.Duration
}

// Message is what a client sends: its type in the protocol, and the text of a
// statement that is run or prepared by it, in lower case.
type Message struct {
	Type byte // 'Q' runs a text, 'P' prepares one, 'S' ends what was sent in one piece
	Text string
}

// IsCommit reports whether the message is a COMMIT.
func (m Message) IsCommit() bool {
	return (m.Type == 'Q' || m.Type == 'P') && strings.HasPrefix(strings.TrimSpace(m.Text), "commit")
}

// Ends reports whether the server answers the message with all that was asked
// before: a transaction without a COMMIT of its own is over then.
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

// Proxy returns a proxy to the cluster, which hands everything on until a rule is
// set.
func (c *Cluster) Proxy() (*Proxy, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	address.Port = port
	listener, err := net.Listen("tcp", address.String())
	if err != nil {
		return nil, err
	}
	address.Port = c.Port
	p := &Proxy{listener: listener, server: address.String(), conns: make(map[net.Conn]struct{})}
	p.all.Go(p.accept)
	return p, nil
}

// DSN says how to connect to the cluster through the proxy.
func (p *Proxy) DSN() string { return dsn(p.listener.Addr().(*net.TCPAddr).Port) }

// Rule sets what is done to each message from now on; nil hands all on. It is
// called from several goroutines, in the order of each connection's messages.
func (p *Proxy) Rule(rule func(Message) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// Cut cuts all connections that there are now.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Close cuts all connections and lets no more in.
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

// questions hands on what the client sends, until that ends or a fault ends it.
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

// greet hands on the first message, which has no type.
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

// answers hands on what the server sends, until that ends or the answer is the
// one that is to be lost.
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

var errSize = errors.New("pgtest: a message of that size is none")

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

// read returns what a message says.
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
