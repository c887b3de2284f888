package flow

import (
	"errors"
	"strconv"
	"strings"
)

// Size is a number of bytes as the value of a flag: 64M, 512k, 1G, or bytes.
type Size int64

// mostSize is more than any body that is to be kept in memory.
const mostSize = 1 << 40

// Type names the value.
func (s *Size) Type() string { return "size" }

// String returns the number, and nothing for zero.
func (s *Size) String() string {
	if s == nil || *s == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Set reads a number above 0 with its unit.
func (s *Size) Set(text string) error {
	digits := strings.TrimRight(text, "kKMG")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit, known := map[string]int64{"": 1, "k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[text[len(digits):]]
	if err != nil || !known || n <= 0 || n > mostSize/unit {
		return errors.New("want a size above 0, such as 512k or 64M")
	}
	*s = Size(n * unit)
	return nil
}
