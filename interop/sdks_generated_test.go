package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What generators make of the same description, by hand and in small: what counts
// is how they read answers, and what they return for a 404.

type thingBody struct {
	ID string `json:"id"`
}

// thingResponse is what oapi-codegen returns: every answer, with a nil error.
type thingResponse struct {
	Body         []byte
	HTTPResponse *http.Response
	JSON200      *thingBody
	JSON201      *thingBody
}

func oapiCall(ctx context.Context, client *http.Client, method, url, body string) (*thingResponse, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	read, err := io.ReadAll(resp.Body)
	defer func() { _ = resp.Body.Close() }()
	if err != nil {
		return nil, err
	}
	got := &thingResponse{Body: read, HTTPResponse: resp}
	var dest thingBody
	switch {
	case strings.Contains(resp.Header.Get("Content-Type"), "json") && resp.StatusCode == 200:
		got.JSON200 = &dest
	case strings.Contains(resp.Header.Get("Content-Type"), "json") && resp.StatusCode == 201:
		got.JSON201 = &dest
	default:
		return got, nil
	}
	return got, json.Unmarshal(read, &dest)
}

func oapi(_ *testing.T, client *http.Client) calls {
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			got, err := oapiCall(ctx, client, "POST", at+"/things", `{"name":"`+name+`"}`)
			if err != nil {
				return "", err
			}
			return got.JSON201.ID, nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			req, err := http.NewRequestWithContext(ctx, "GET", at+"/things/"+id, nil)
			if err != nil {
				return false, err
			}
			resp, err := client.Do(req)
			if err != nil {
				return false, err
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			return resp.StatusCode == 200, err
		},
		update: func(ctx context.Context, id string) error {
			_, err := oapiCall(ctx, client, "PATCH", at+"/things/"+id, `{"name":"other"}`)
			return err
		},
		delete: func(ctx context.Context, id string) error {
			_, err := oapiCall(ctx, client, "DELETE", at+"/things/"+id, "")
			return err
		},
		absent: "absent",
	}
}

// thingRes is what ogen returns: one of the types of the description.
type thingRes interface{ thingRes() }

type thingNotFound struct{ Code int }

func (*thingBody) thingRes()     {}
func (*thingNotFound) thingRes() {}

// ogenGet decodes as it reads, and closes the body when it returns.
func ogenCall(ctx context.Context, client *http.Client, method, url, body string) (thingRes, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	if body != "" { // set later, and without a way to have it again
		req.Header.Set("Content-Type", "application/json")
		req.Body = io.NopCloser(strings.NewReader(body))
		req.ContentLength = int64(len(body))
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case 200, 201:
		got := new(thingBody)
		return got, json.NewDecoder(resp.Body).Decode(got)
	case 404:
		return &thingNotFound{Code: 404}, nil
	case 204:
		return nil, nil
	}
	return nil, errors.New("unexpected status code")
}

func ogen(_ *testing.T, client *http.Client) calls {
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			got, err := ogenCall(ctx, client, "POST", at+"/things", `{"name":"`+name+`"}`)
			if err != nil {
				return "", err
			}
			return got.(*thingBody).ID, nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			got, err := ogenCall(ctx, client, "GET", at+"/things/"+id, "")
			_, found := got.(*thingBody)
			return found, err
		},
		update: func(ctx context.Context, id string) error {
			_, err := ogenCall(ctx, client, "PUT", at+"/things/"+id, `{"name":"other"}`)
			return err
		},
		delete: func(ctx context.Context, id string) error {
			_, err := ogenCall(ctx, client, "DELETE", at+"/things/"+id, "")
			return err
		},
		absent: "absent",
	}
}
