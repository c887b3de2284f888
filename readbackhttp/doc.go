// Package readbackhttp connects package consistency with net/http.
package readbackhttp
