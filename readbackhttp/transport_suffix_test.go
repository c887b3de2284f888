package readbackhttp_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Some services have the format at the end of their paths: what is made at
// /products.json is read at /products/7.json, and what lies below it below /products/7.
func TestTransport_formatSuffix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		post, answer, read string
		want               bool
	}{
		{"/products.json", `201 | {"product":{"id":7}}`, "/products/7.json", true},
		{"/products.json", `201 | {"product":{"id":7}}`, "/products/7.json?fields=id", true},
		{"/products.json", `201 | {"product":{"id":7}}`, "/products/7", true},
		{"/products.json", `201 | {"product":{"id":7}}`, "/products/7/variants.json", true},
		{"/products.json", `201 | {"product":{"id":7}}`, "/products/8.json", false},
		{"/products.json", `201 | {"product":{"id":7}}`, "/products.json/7", false},
		{"/products.json", `201 | {"productId":7}`, "/products/7.json", true},
		{"/products.xml", `201 | {"id":7}`, "/products/7.xml", true},
		{"/products/7.json", `200 | {"product":{"id":7}}`, "/products/7.json", true}, // an update
		{"/products/7.json", `200 | {"product":{"id":7}}`, "/products/7/variants.json", false},
		{"/files/a.txt", `201 | {"id":7}`, "/files/a.txt/7", true}, // no format
		{"/v1.json", `201 | {"id":7}`, "/v1/7.json", true},
	}
	for _, tt := range tests {
		bubble(t, tt.post+tt.answer+tt.read, func(t *testing.T) {
			client := serve(t, answersThenLags(tt.answer)).over(slowly)
			_, err := ask(t.Context(), client, "POST", api+tt.post)
			require.NoError(t, err)
			assert.Equal(t, tt.want, held(t, client, api+tt.read))
		})
	}
}
