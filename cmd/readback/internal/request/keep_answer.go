package request

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/readback-go/readback/internal/pointer"
)

const (
	// keptAnswer is how long a body may be that a handle keeps: longer ones lose
	// their lists, their long texts and what lies deep.
	keptAnswer = 16 << 10

	keptText = 256
)

// secretMember finds members of answers that a handle does not keep: more than a
// body that was sent hides, since who reads a handle is not who wrote it.
var secretMember = regexp.MustCompile(`(?i)auth|cookie|credential|jwt|passw|passphrase|secret|session|signature|token|otp|pin$|(?:api|private|access|signing|encryption)[_-]?key`)

// secretText finds texts that are credentials, whatever they are called.
var secretText = regexp.MustCompile(`^eyJ[\w-]+\.[\w-]+\.|-----BEGIN |^(?i:bearer|basic) `)

// KeepAnswer returns a JSON body without what looks like a secret and what hide
// hides, in no more than 16 KiB. It is nil for what is no JSON, or longer even so.
func KeepAnswer(body []byte, hide func(string) string) json.RawMessage {
	document, err := pointer.Decode(body)
	if err != nil {
		return nil
	}
	for _, depth := range []int{1 << 20, 3, 1} {
		kept, err := json.Marshal(keepValue(document, depth, depth < 1<<20))
		if err != nil {
			return nil
		}
		if len(kept) <= keptAnswer {
			return json.RawMessage(ScrubJSON(hide, string(kept), false))
		}
	}
	return nil
}

// WithoutHidden returns a body that KeepAnswer made, without what it hides: the word
// that stands there is no value.
func WithoutHidden(body json.RawMessage) json.RawMessage {
	if !bytes.Contains(body, []byte(hidden)) {
		return body
	}
	document, err := pointer.Decode(body)
	if err != nil {
		return nil
	}
	left, _ := json.Marshal(unhide(document)) // it was decoded from JSON
	return left
}

// unhide puts null in the place of each text with something hidden in it.
func unhide(value any) any {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, hidden) {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = unhide(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = unhide(v[name])
		}
	}
	return value
}

func keepValue(value any, depth int, short bool) any {
	switch v := value.(type) {
	case string:
		if secretText.MatchString(v) {
			return hidden
		}
	case []any:
		if short {
			return nil
		}
		for i := range v {
			v[i] = keepValue(v[i], depth-1, short)
		}
	case map[string]any:
		kept := make(map[string]any, len(v))
		for name, member := range v {
			text, isText := member.(string)
			switch _, isObject := member.(map[string]any); {
			case secretMember.MatchString(name):
				kept[name] = hidden
				continue
			case short && (isText && len(text) > keptText || isObject && depth <= 1):
				continue
			}
			kept[name] = keepValue(member, depth-1, short)
		}
		return kept
	}
	return value
}
