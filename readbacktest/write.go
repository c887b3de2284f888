package readbacktest

import (
	"mime"
	"net/http"
	"time"
)

// write executes a write as the rule says, and returns the usual answer.
func (h *Handler) write(x *exchange, body []byte, now time.Duration) *reply {
	j, refused := h.command(x, body)
	if refused != nil {
		return refused
	}
	after := x.rule.after()
	var answered *reply
	if j.keyed, answered = h.recall(j, body); answered != nil {
		x.note("a repeated key, not executed")
		return answered
	}
	c := h.resources.plan(j)
	refusing := c.status >= 400
	if refusing && x.rule.Status == 0 && x.rule.Cut == 0 {
		after = nil // a write whose answer is the refusal must not be executed later
	}
	if refusing {
		x.note("refused")
	} else {
		x.note("%s", executions(after))
	}
	if j.keyed != nil {
		j.keyed.pending = len(after)
	}
	if o := x.rule.Operation; o != nil && !refusing {
		j.op = newOperation(o, len(h.operations)+1, joinPath(c.path), now)
		h.operations = append(h.operations, j.op)
	}
	var usual *reply
	for _, d := range after {
		due := dueCommand{command: j, at: now + d, request: x.request}
		if d > 0 {
			h.schedule(due)
		} else if c, v, position := h.execute(due); usual == nil {
			usual = h.written(c, v, position)
		}
	}
	switch {
	case j.op != nil:
		return j.op.accepted()
	case usual != nil:
		return usual
	case refusing:
		return refuse(c.status)
	}
	return h.written(c, h.resources.version(&c, now), 0) // as if it were executed
}

// command returns the command of a request, or an answer that refuses an invalid request.
func (h *Handler) command(x *exchange, body []byte) (*command, *reply) {
	r := x.request
	j := &command{method: r.Method, path: r.path, header: r.Header, rule: x.rule}
	if r.Method == http.MethodPost {
		h.resources.collections[joinPath(r.path)] = true
	}
	if r.Method == http.MethodDelete {
		return j, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/json-patch+json" {
		return nil, refuse(http.StatusUnsupportedMediaType)
	}
	doc, err := parseObject(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest)
	}
	j.doc = doc
	return j, nil
}

// after returns when a write is executed, measured from its request.
func (rule *Rule) after() []time.Duration {
	switch {
	case rule.Operation != nil && !rule.Execute.said:
		return rule.Operation.times()
	case rule.Cut != 0:
		return rule.Execute.times(0)
	case rule.Status == 0:
		return rule.Execute.times(http.StatusOK)
	}
	return rule.Execute.times(rule.Status)
}

// written returns the answer to a write with the change c. Position is 0 if it was not executed
// yet.
func (h *Handler) written(c change, v *version, position int) *reply {
	if v == nil {
		return refuse(c.status)
	}
	r := document(c.status, v.body)
	r.header.Set("Etag", v.etag)
	if c.gone {
		r = &reply{status: c.status, header: make(http.Header)}
	}
	if c.created {
		r.header.Set("Location", joinPath(c.path))
	}
	h.script.Token.put(r.header, position)
	return r
}

// keyed is what is remembered of a write with an idempotency key. A nil keyed remembers
// nothing.
type keyed struct {
	body    string
	pending int    // executions that are still to come
	answer  *reply // of the first execution; nil if there was none
}

// executed remembers the answer to one more execution; nil if it was refused.
func (k *keyed) executed(answer *reply) {
	if k == nil {
		return
	}
	k.pending--
	if k.answer == nil {
		k.answer = answer
	}
}

// recall returns the answer to a repeated write whose key is known; otherwise a new keyed that
// remembers this write.
func (h *Handler) recall(j *command, body []byte) (*keyed, *reply) {
	key := j.header.Get("Idempotency-Key")
	if !h.script.IdempotencyKeys || key == "" {
		return nil, nil
	}
	name := j.method + " " + joinPath(j.path) + " " + key
	switch known := h.keys[name]; {
	case known == nil:
	case known.body != string(body):
		return nil, refuse(http.StatusUnprocessableEntity)
	case known.answer != nil:
		return nil, known.answer
	case known.pending > 0:
		return nil, refuse(http.StatusConflict)
	}
	h.keys[name] = &keyed{body: string(body)}
	return h.keys[name], nil
}
