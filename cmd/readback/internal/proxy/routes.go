package proxy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/readback-go/readback/readbackhttp"
)

// parseRoutes reads what --covers and --covers-list say: a method and a path, the
// method POST if there is none, and behind the first equals sign what it covers.
func parseRoutes(covers, lists []string) (routes []readbackhttp.Route, _ error) {
	at := func(flag, text string) (*readbackhttp.Route, string, error) {
		write, target, ok := strings.Cut(text, "=")
		write, target = strings.TrimSpace(write), strings.TrimSpace(target)
		if !ok || write == "" || target == "" {
			return nil, "", fmt.Errorf("--%s %q: want TEMPLATE=TEMPLATE, such as /v1/keys=/v1/keys/{id}", flag, text)
		}
		if write[0] == '/' {
			write = http.MethodPost + " " + write
		}
		i := slices.IndexFunc(routes, func(r readbackhttp.Route) bool { return r.Write == write })
		if i < 0 {
			i = len(routes)
			routes = append(routes, readbackhttp.Route{Write: write})
		}
		return &routes[i], target, nil
	}
	for _, text := range covers {
		route, target, err := at("covers", text)
		if err != nil {
			return nil, err
		}
		route.Covers = append(route.Covers, target)
	}
	for _, text := range lists {
		route, target, err := at("covers-list", text)
		if err != nil {
			return nil, err
		}
		route.Lists = append(route.Lists, target)
	}
	check := readbackhttp.TransportOptions{Routes: routes}
	return routes, check.Validate()
}
