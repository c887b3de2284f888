package expr

import (
	"reflect"
	"strings"

	"github.com/itchyny/gojq"
)

// sets are the operators whose result is the changed document, which is never false.
var sets = []gojq.Operator{
	gojq.OpAssign, gojq.OpModify, gojq.OpUpdateAdd, gojq.OpUpdateSub, gojq.OpUpdateMul,
	gojq.OpUpdateDiv, gojq.OpUpdateMod, gojq.OpUpdateAlt,
}

const (
	compares = " sets a value, and == compares"

	list   = "a list, even an empty one, is true"
	object = "an object, even an empty one, is true"
	number = "a number, even 0, is true"
	words  = "a text, even an empty one, is true"
)

// literals and functions are what makes such a value, whatever it is made of.
var (
	literals = map[gojq.TermType]string{
		gojq.TermTypeArray: list, gojq.TermTypeObject: object, gojq.TermTypeNumber: number,
		gojq.TermTypeString: words, gojq.TermTypeFormat: words,
	}
	functions = map[string]string{"length": number, "map": list, "keys": list, "tostring": words}
)

// never returns why no answer makes an expression false, or a condition in it: then
// it says nothing of the answer. Mostly it is = in place of ==. It returns "" if it
// does not know of a reason.
func never(query *gojq.Query) string {
	why := always(query)
	conditions(reflect.ValueOf(query), func(condition *gojq.Query) {
		if why == "" {
			why = always(condition)
		}
	})
	return why
}

// always returns why the results of a query are never false and never null, or "".
func always(q *gojq.Query) string {
	for _, op := range sets {
		if q.Op == op {
			return op.String() + compares
		}
	}
	switch {
	case q.Term != nil:
		return alwaysTerm(q.Term)
	case q.Op == gojq.OpPipe:
		if why := always(q.Right); path(q.Left) || strings.HasSuffix(why, compares) {
			return why
		}
	case q.Op == gojq.OpAlt:
		return always(q.Right)
	case q.Op == gojq.OpAnd, q.Op == gojq.OpOr, q.Op == gojq.OpComma: // each part must say something
		if why := always(q.Left); why != "" {
			return why
		}
		return always(q.Right)
	}
	return ""
}

func alwaysTerm(t *gojq.Term) string {
	switch {
	case len(t.SuffixList) > 0:
		return ""
	case t.Type == gojq.TermTypeQuery:
		return always(t.Query)
	case t.Type == gojq.TermTypeFunc:
		return functions[t.Func.Name]
	}
	return literals[t.Type]
}

// path reports whether a query is a path that has one result for any document: what
// may have none decides by that.
func path(q *gojq.Query) bool {
	if q.Term == nil || q.Term.Type != gojq.TermTypeIdentity && q.Term.Type != gojq.TermTypeIndex {
		return false
	}
	for _, suffix := range q.Term.SuffixList {
		if suffix.Iter || suffix.Optional {
			return false
		}
	}
	return true
}

// conditions calls found with each condition that is somewhere in v.
func conditions(v reflect.Value, found func(*gojq.Query)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		switch part := v.Interface().(type) {
		case *gojq.Func:
			if n := len(part.Args); n > 0 && (part.Name == "select" || part.Name == "any" || part.Name == "all") {
				found(part.Args[n-1])
			}
		case *gojq.If:
			found(part.Cond)
		case *gojq.IfElif:
			found(part.Cond)
		}
		conditions(v.Elem(), found)
	case reflect.Struct:
		for n := range v.NumField() {
			conditions(v.Field(n), found)
		}
	case reflect.Slice:
		for n := range v.Len() {
			conditions(v.Index(n), found)
		}
	}
}
