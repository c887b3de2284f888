package interop_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithymiddleware "github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/readbackhttp"
)

// bucket is where the server keeps its things.
const bucket = "things"

func newS3(s *server, client *http.Client, accessKey string) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.URL,
		Region:       "eu-west-1",
		UsePathStyle: true,
		HTTPClient:   client,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: "secret"}, nil
		}),
		Retryer: retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond),
	})
}

// answerOfS3 returns what a call was answered, whose results are these.
func answerOfS3(t *testing.T, metadata smithymiddleware.Metadata, body string, err error) answer {
	if failed := new(smithyhttp.ResponseError); errors.As(err, &failed) {
		return answer{failed.HTTPStatusCode(), failed.Response.Header, body}
	}
	require.NoError(t, err)
	resp, ok := middleware.GetRawResponse(metadata).(*smithyhttp.Response)
	require.True(t, ok)
	return answer{resp.StatusCode, resp.Header, body}
}

func put(t *testing.T, c *s3.Client, key string) int {
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("I am " + key),
	})
	if err != nil {
		return answerOfS3(t, smithymiddleware.Metadata{}, "", err).Status
	}
	return answerOfS3(t, out.ResultMetadata, "", nil).Status
}

func head(t *testing.T, c *s3.Client, key string) answer {
	out, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		return answerOfS3(t, smithymiddleware.Metadata{}, "", err)
	}
	return answerOfS3(t, out.ResultMetadata, "", nil)
}

func get(t *testing.T, c *s3.Client, key string) answer {
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		return answerOfS3(t, smithymiddleware.Metadata{}, "", err)
	}
	body, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	require.NoError(t, out.Body.Close())
	return answerOfS3(t, out.ResultMetadata, string(body), nil)
}

func TestS3(t *testing.T) {
	for name, read := range map[string]func(*testing.T, *s3.Client, string) answer{"HeadObject": head, "GetObject": get} {
		t.Run(name, func(t *testing.T) {
			readsItsWrites(t, func(t *testing.T, s *server, client *http.Client) vendor {
				c := newS3(s, client, "AKID")
				return vendor{
					write:    func(key string) int { return put(t, c, key) },
					read:     func(key string) answer { return read(t, c, key) },
					attempts: 3,
				}
			})
		})
	}

	t.Run("who reads is the access key, not the signature", func(t *testing.T) {
		s := serve(t, lag)
		client := s.over(t, defaults)
		mine, theirs := newS3(s, client, "AKID"), newS3(s, client, "OTHER")
		put(t, mine, "alpha")
		assert.Equal(t, http.StatusNotFound, head(t, theirs, "alpha").Status)
		assert.Len(t, s.seen("HEAD"), 1, "an honest 404 is not held")

		put(t, mine, "beta")
		assert.Equal(t, http.StatusOK, head(t, mine, "beta").Status)
		var signatures []string
		for _, r := range s.seen("PUT", "HEAD") {
			signatures = append(signatures, r.Authorization)
		}
		slices.Sort(signatures)
		assert.Len(t, slices.Compact(signatures), 2)
	})

	untag := func(t *testing.T, c *s3.Client, key string) {
		_, err := c.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: aws.String(bucket), Key: &key})
		require.NoError(t, err)
	}
	t.Run("DeleteObjectTagging does not forget the object", func(t *testing.T) {
		s := serve(t, lag)
		c := newS3(s, s.over(t, defaults), "AKID")
		put(t, c, "alpha")
		untag(t, c, "alpha")
		assert.Equal(t, http.StatusOK, head(t, c, "alpha").Status)
		assert.Len(t, s.seen("PUT", "DELETE"), 2)
	})
	t.Run("DeleteObjectTagging does not hold the object until it is gone", func(t *testing.T) {
		s := serve(t, 0)
		c := newS3(s, s.over(t, readbackhttp.TransportOptions{HoldDeleted: true}), "AKID")
		put(t, c, "alpha")
		head(t, newS3(s, s.bare(t), "AKID"), "alpha") // the first read sees nothing
		untag(t, c, "alpha")
		s.seen()
		assert.Equal(t, "I am alpha", get(t, c, "alpha").Body)
		assert.Len(t, s.seen("GET"), 1)
	})
	t.Run("DeleteObject forgets the object", func(t *testing.T) {
		s := serve(t, lag)
		c := newS3(s, s.over(t, defaults), "AKID")
		put(t, c, "alpha")
		_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("alpha")})
		require.NoError(t, err)
		assert.Equal(t, http.StatusNotFound, head(t, c, "alpha").Status)
		assert.Len(t, s.seen("HEAD"), 1)
	})
}
