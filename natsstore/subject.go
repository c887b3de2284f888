package natsstore

import (
	"fmt"
	"strings"

	"github.com/readback-go/readback/submit"
)

// names returns the names and subjects of a bucket.
type names struct{ bucket string }

func (n names) stream() string { return "KV_" + n.bucket }

// prefix is how every subject of the bucket begins.
func (n names) prefix() string { return "$KV." + n.bucket + "." }

// all matches every subject of the bucket.
func (n names) all() string { return n.prefix() + ">" }

// fence is the subject of the messages that mark how far a list must read.
func (n names) fence() string { return n.prefix() + "fence" }

// floor is the subject of the sequence from which lists begin.
func (n names) floor() string { return n.prefix() + "floor" }

// clock is the subject of the clock readings of all starts of a store.
func (n names) clock() string { return n.prefix() + "clock" }

// records matches every record.
func (n names) records() string { return n.prefix() + "*.*" }

// kind matches the records of a kind.
func (n names) kind(kind submit.Kind) string {
	return n.prefix() + kind.String() + ".*"
}

func (n names) record(kind submit.Kind, key string) string {
	return n.prefix() + kind.String() + "." + escape(key)
}

// key is the reverse of record.
func (n names) key(subject string) (string, error) {
	return unescape(subject[strings.LastIndexByte(subject, '.')+1:])
}

// parse is the reverse of record, with the kind.
func (n names) parse(subject string) (submit.Kind, string, error) {
	word, _, _ := strings.Cut(strings.TrimPrefix(subject, n.prefix()), ".")
	for _, kind := range []submit.Kind{submit.KindJob, submit.KindLease} {
		if kind.String() == word {
			key, err := n.key(subject)
			return kind, key, err
		}
	}
	return 0, "", fmt.Errorf("natsstore: %q is of no kind", subject)
}

const digits = "0123456789ABCDEF"

const plain = "-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// escape turns a key into one token of a subject: letters, digits, dashes and underscores
// stay, and every other byte becomes = and two hexadecimal digits.
func escape(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'=', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// unescape takes only what escape makes: a key has one word, or two messages would be of
// one record.
func unescape(word string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
			continue
		case c != '=' || len(word) < i+3:
			return "", fmt.Errorf("natsstore: %q is no key", word)
		}
		high, low := strings.IndexByte(digits, word[i+1]), strings.IndexByte(digits, word[i+2])
		if c = byte(high<<4 | low); high < 0 || low < 0 || strings.IndexByte(plain, c) >= 0 {
			return "", fmt.Errorf("natsstore: %q is no key", word)
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String(), nil
}
