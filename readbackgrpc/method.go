package readbackgrpc

import "strings"

// splitMethod splits "/library.v1.Library/GetBook" into the service and the method.
func splitMethod(full string) (service, method string, ok bool) {
	service, method, ok = strings.Cut(strings.TrimPrefix(full, "/"), "/")
	return service, method, ok && service != "" && method != ""
}

// Kind is what a method does to a resource, as far as an [Interceptor] needs to
// know.
type Kind uint8

const (
	Other  Kind = iota // nothing that reads would show; it is passed through
	Read               // reads what the request names
	Write              // makes or changes what the response, or its operation, names
	Delete             // deletes what the request names
)

// KindOf returns the kind of a method, such as "/library.v1.Library/GetBook", by
// the verb that its name begins with, after AIP-131 to 135, 164 and 235: Get reads, Create,
// Update and Undelete write, Delete and BatchDelete delete. Any other is Other: List too, since what a list
// does not show yet cannot be told from what is not there, and GetOrCreate and
// GetAndDelete, since they do more than read and must not be made again.
func KindOf(method string) Kind {
	kind, _ := verb(method)
	return kind
}

// verb returns the kind of a method, and what its name says after the verb: Book.
func verb(full string) (Kind, string) {
	name := full[strings.LastIndexByte(full, '/')+1:]
	for _, v := range [...]struct {
		text string
		kind Kind
	}{{"Get", Read}, {"Create", Write}, {"Update", Write}, {"Delete", Delete}, {"Undelete", Write}, {"BatchDelete", Delete}} {
		noun, ok := strings.CutPrefix(name, v.text)
		if ok && v.kind == Read && (begins(noun, "Or") || begins(noun, "And")) {
			break
		}
		if ok && begins(noun, "") { // Getaway is no Get
			return v.kind, noun
		}
	}
	return Other, name
}

// begins reports whether the first word of name is that one: Or is not that of
// Order.
func begins(name, word string) bool {
	rest, ok := strings.CutPrefix(name, word)
	return ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z')
}
