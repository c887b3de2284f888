package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
	"github.com/digitalocean/godo"
	"github.com/google/go-github/v84/github"
	"github.com/meilisearch/meilisearch-go"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/opensearch-project/opensearch-go/v4"
	"github.com/opensearch-project/opensearch-go/v4/opensearchapi"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"
	gitlab "gitlab.com/gitlab-org/api/client-go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

func init() {
	sdks = []sdk{
		{"godo", droplets, digitalOcean}, {"stripe-go", customers, stripeCalls}, {"gitlab", projects, gitLab},
		{"client-go", configMaps, kubernetes}, {"meilisearch-go", indexes, meili}, {"go-github", issues, gitHubIssues},
		{"minio-go", objects, minioCalls}, {"opensearch-go", documents, openSearch}, {"armresources", groups, azure},
		{"oapi-codegen style", things, oapi}, {"ogen style", things, ogen},
	}
}

// The answer to a droplet's creation has links to its actions beside it.
func droplets() *service {
	return &service{
		made: func(path string, _ []byte, n int) (string, int, string, string) {
			return fmt.Sprint(path, "/", n), 202, "", fmt.Sprintf(`{"droplet":{"id":%d,"name":"web"},"links":{"actions":[{"id":36805096,"rel":"create","href":"https://api.digitalocean.com/v2/actions/36805096"}]}}`, n)
		},
		shown: itself(`{"droplet":{"id":%s}}`), missing: `{"id":"not_found","message":"The resource you were accessing could not be found."}`,
	}
}

func digitalOcean(t *testing.T, client *http.Client) calls {
	c, err := godo.New(client, godo.SetBaseURL(at+"/"))
	require.NoError(t, err)
	number := func(id string) int {
		n, err := strconv.Atoi(id)
		require.NoError(t, err)
		return n
	}
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			d, _, err := c.Droplets.Create(ctx, &godo.DropletCreateRequest{Name: name, Region: "nyc3", Size: "s", Image: godo.DropletCreateImage{Slug: "ubuntu"}})
			if err != nil {
				return "", err
			}
			return fmt.Sprint(d.ID), nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			_, resp, err := c.Droplets.Get(ctx, number(id))
			return notFound(err, resp.StatusCode)
		},
		delete: func(ctx context.Context, id string) error {
			_, err := c.Droplets.Delete(ctx, number(id))
			return err
		},
		absent: "404",
	}
}

func customers() *service {
	return &service{
		made: func(path string, _ []byte, n int) (string, int, string, string) {
			id := fmt.Sprint("cus_", n)
			return path + "/" + id, 200, "", `{"id":"` + id + `","object":"customer","default_source":null,"metadata":{},"name":"Jenny"}`
		},
		shown: itself(`{"id":"%s","object":"customer"}`), deleted: 200,
		missing: `{"error":{"code":"resource_missing","message":"No such customer","type":"invalid_request_error"}}`,
	}
}

func stripeCalls(t *testing.T, client *http.Client) calls {
	c := stripe.NewClient("sk_test_1", stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		HTTPClient: client, URL: stripe.String(at), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})))
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			got, err := c.V1Customers.Create(ctx, &stripe.CustomerCreateParams{Name: &name})
			if err != nil {
				return "", err
			}
			return got.ID, nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			_, err := c.V1Customers.Retrieve(ctx, id, nil)
			return notFound(err, statusOf(err, func(e *stripe.Error) int { return e.HTTPStatusCode }))
		},
		update: func(ctx context.Context, id string) error {
			_, err := c.V1Customers.Update(ctx, id, &stripe.CustomerUpdateParams{Name: stripe.String("other")})
			return err
		},
		delete: func(ctx context.Context, id string) error {
			_, err := c.V1Customers.Delete(ctx, id, nil)
			return err
		},
		absent: "cus_404",
	}
}

func projects() *service {
	return &service{
		made: func(path string, body []byte, n int) (string, int, string, string) {
			return fmt.Sprint(path, "/", n), 201, "", fmt.Sprintf(`{"id":%d,"name":%q,"path":"p","web_url":"http://gitlab.test/me/p","namespace":{"id":1,"name":"me"}}`, n, member(body, "name"))
		},
		shown: itself(`{"id":%s}`), missing: `{"message":"404 Project Not Found"}`, deleted: 202,
	}
}

func gitLab(t *testing.T, client *http.Client) calls {
	c, err := gitlab.NewClient("token", gitlab.WithBaseURL(at), gitlab.WithHTTPClient(client))
	require.NoError(t, err)
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			p, _, err := c.Projects.CreateProject(&gitlab.CreateProjectOptions{Name: &name}, gitlab.WithContext(ctx))
			if err != nil {
				return "", err
			}
			return fmt.Sprint(p.ID), nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			_, resp, err := c.Projects.GetProject(id, nil, gitlab.WithContext(ctx))
			return notFound(err, resp.StatusCode)
		},
		update: func(ctx context.Context, id string) error {
			_, _, err := c.Projects.EditProject(id, &gitlab.EditProjectOptions{Name: gitlab.Ptr("other")}, gitlab.WithContext(ctx))
			return err
		},
		delete: func(ctx context.Context, id string) error {
			_, err := c.Projects.DeleteProject(id, nil, gitlab.WithContext(ctx))
			return err
		},
		absent: "404",
	}
}

func configMaps() *service {
	one := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s","namespace":"a","uid":"0d7b1b5e","resourceVersion":"1"}}`
	return &service{
		made: func(path string, body []byte, _ int) (string, int, string, string) {
			var doc struct{ Metadata struct{ Name string } }
			_ = json.Unmarshal(body, &doc)
			return path + "/" + doc.Metadata.Name, 201, "", fmt.Sprintf(one, doc.Metadata.Name)
		},
		shown: itself(one), deleted: 200,
		missing: `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`,
	}
}

func kubernetes(t *testing.T, client *http.Client) calls {
	dyn, err := dynamic.NewForConfigAndClient(&rest.Config{Host: at, QPS: -1}, client)
	require.NoError(t, err)
	c := dyn.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("a")
	named := func(name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name},
		}}
	}
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			got, err := c.Create(ctx, named(name), metav1.CreateOptions{})
			if err != nil {
				return "", err
			}
			return got.GetName(), nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			_, err := c.Get(ctx, id, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			return err == nil, err
		},
		update: func(ctx context.Context, id string) error {
			_, err := c.Update(ctx, named(id), metav1.UpdateOptions{})
			return err
		},
		delete: func(ctx context.Context, id string) error { return c.Delete(ctx, id, metav1.DeleteOptions{}) },
		absent: "absent",
	}
}

// The answers are a task's; what is made is named by the request alone.
func indexes() *service {
	task := func(n int) string {
		return fmt.Sprintf(`{"taskUid":%d,"indexUid":"x","status":"enqueued","type":"indexCreation","enqueuedAt":"2026-01-31T00:00:00Z"}`, n)
	}
	return &service{
		made: func(path string, body []byte, n int) (string, int, string, string) {
			return path + "/" + member(body, "uid"), 202, "", task(n)
		},
		shown:   itself(`{"uid":"%s","createdAt":"2026-01-31T00:00:00Z","updatedAt":"2026-01-31T00:00:00Z"}`),
		updated: 202, deleted: 202,
		missing: `{"message":"Index not found.","code":"index_not_found","type":"invalid_request"}`,
	}
}

func meili(_ *testing.T, client *http.Client) calls {
	c := meilisearch.New(at, meilisearch.WithCustomClient(client), meilisearch.WithAPIKey("key"))
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			_, err := c.CreateIndex(ctx, &meilisearch.IndexConfig{Uid: name, PrimaryKey: "id"})
			return name, err
		},
		get: func(ctx context.Context, id string) (bool, error) {
			_, err := c.GetIndex(ctx, id)
			return notFound(err, statusOf(err, func(e *meilisearch.Error) int { return e.StatusCode }))
		},
		update: func(ctx context.Context, id string) error {
			_, err := c.Index(id).UpdateIndex(ctx, &meilisearch.UpdateIndexRequestParams{PrimaryKey: "other"})
			return err
		},
		delete: func(ctx context.Context, id string) error {
			_, err := c.DeleteIndex(ctx, id)
			return err
		},
		absent: "absent",
	}
}

// An issue has an id, but is read by its number, which its URL has too.
func issues() *service {
	return &service{
		made: func(path string, _ []byte, n int) (string, int, string, string) {
			where := fmt.Sprint(path, "/", n)
			return where, 201, "", fmt.Sprintf(`{"id":%d,"node_id":"MDU6","url":"%s%s","number":%d,"title":"t","user":{"login":"octo","id":1}}`, 1000+n, at, where, n)
		},
		shown: itself(`{"number":%s}`), missing: `{"message":"Not Found","status":"404"}`,
	}
}

func gitHubIssues(t *testing.T, client *http.Client) calls {
	c := github.NewClient(client).WithAuthToken("secret")
	base, err := url.Parse(at + "/")
	require.NoError(t, err)
	c.BaseURL = base
	number := func(id string) int {
		n, err := strconv.Atoi(id)
		require.NoError(t, err)
		return n
	}
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			got, _, err := c.Issues.Create(ctx, "octo", "repo", &github.IssueRequest{Title: &name})
			if err != nil {
				return "", err
			}
			return fmt.Sprint(got.GetNumber()), nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			_, resp, err := c.Issues.Get(ctx, "octo", "repo", number(id))
			return notFound(err, resp.StatusCode)
		},
		update: func(ctx context.Context, id string) error {
			_, _, err := c.Issues.Edit(ctx, "octo", "repo", number(id), &github.IssueRequest{State: github.Ptr("closed")})
			return err
		},
		absent: "404",
	}
}

// Keys are put, in a bucket that is put, and deleted by a POST that names nothing.
func objects() *service {
	return &service{
		shown: func(string) string { return "body" }, updated: 200,
		missing: `<Error><Code>NoSuchKey</Code></Error>`,
		header: http.Header{
			"Content-Type": {"application/xml"}, "Etag": {`"1"`}, "Last-Modified": {"Sun, 06 Nov 1994 08:49:37 GMT"},
		},
		gone: func(r *http.Request, body []byte) []string {
			if !r.URL.Query().Has("delete") {
				return nil
			}
			_, key, _ := strings.Cut(string(body), "<Key>")
			key, _, _ = strings.Cut(key, "</Key>")
			return []string{strings.TrimSuffix(r.URL.Path, "/") + "/" + key}
		},
	}
}

func minioCalls(t *testing.T, client *http.Client) calls {
	c, err := minio.New("api.test", &minio.Options{
		Creds: credentials.NewStaticV4("AKID", "secret", ""), Transport: client.Transport, Region: "us-east-1",
	})
	require.NoError(t, err)
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			if err := c.MakeBucket(ctx, "bucket", minio.MakeBucketOptions{}); err != nil {
				return "", err
			}
			_, err := c.PutObject(ctx, "bucket", name, strings.NewReader("body"), 4, minio.PutObjectOptions{})
			return name, err
		},
		get: func(ctx context.Context, id string) (bool, error) {
			_, err := c.StatObject(ctx, "bucket", id, minio.StatObjectOptions{})
			return notFound(err, minio.ToErrorResponse(err).StatusCode)
		},
		update: func(ctx context.Context, id string) error {
			_, err := c.PutObject(ctx, "bucket", id, strings.NewReader("other"), 5, minio.PutObjectOptions{})
			return err
		},
		delete: func(ctx context.Context, id string) error {
			list := make(chan minio.ObjectInfo, 1)
			list <- minio.ObjectInfo{Key: id}
			close(list)
			for failed := range c.RemoveObjects(ctx, "bucket", list, minio.RemoveObjectsOptions{}) {
				return failed.Err
			}
			return nil
		},
		absent: "absent",
	}
}

func documents() *service {
	return &service{
		made: func(path string, _ []byte, n int) (string, int, string, string) {
			id := fmt.Sprint("W0tpsmIBdwcYyG50zbta", n)
			return path + "/" + id, 201, "", `{"_index":"idx","_id":"` + id + `","_version":1,"result":"created","_shards":{"total":2}}`
		},
		shown: itself(`{"_index":"idx","_id":"%s","found":true,"_source":{}}`), missing: `{"_index":"idx","_id":"x","found":false}`,
		deleted: 200,
	}
}

func openSearch(t *testing.T, client *http.Client) calls {
	c, err := opensearchapi.NewClient(opensearchapi.Config{Client: opensearch.Config{
		Addresses: []string{at}, Transport: client.Transport, Context: t.Context(), HealthCheckMaxRetries: -1,
	}})
	require.NoError(t, err)
	return calls{
		create: func(ctx context.Context, name string) (string, error) {
			resp, err := c.Index(ctx, opensearchapi.IndexReq{Index: "idx", Body: strings.NewReader(`{"title":"` + name + `"}`)})
			if err != nil {
				return "", err
			}
			return resp.ID, nil
		},
		get: func(ctx context.Context, id string) (bool, error) {
			resp, err := c.Document.Get(ctx, opensearchapi.DocumentGetReq{Index: "idx", DocumentID: id})
			return notFound(err, resp.Inspect().Response.StatusCode)
		},
		update: func(ctx context.Context, id string) error {
			_, err := c.Index(ctx, opensearchapi.IndexReq{Index: "idx", DocumentID: id, Body: strings.NewReader(`{"title":"other"}`)})
			return err
		},
		delete: func(ctx context.Context, id string) error {
			_, err := c.Document.Delete(ctx, opensearchapi.DocumentDeleteReq{Index: "idx", DocumentID: id})
			return err
		},
		absent: "absent",
	}
}

func groups() *service {
	return &service{
		shown:   itself(`{"name":"%s","location":"westeurope","properties":{"provisioningState":"Succeeded"}}`),
		missing: `{"error":{"code":"ResourceGroupNotFound","message":"not found"}}`,
	}
}

type anyone struct{}

func (anyone) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func azure(t *testing.T, client *http.Client) calls {
	options := &arm.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: client, InsecureAllowCredentialWithHTTP: true,
		Cloud: cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: at, Audience: "https://management.test"},
		}},
	}}
	c, err := armresources.NewResourceGroupsClient("sub", anyone{}, options)
	require.NoError(t, err)
	put := func(ctx context.Context, name string) error {
		_, err := c.CreateOrUpdate(ctx, name, armresources.ResourceGroup{Location: to.Ptr("westeurope")}, nil)
		return err
	}
	return calls{
		create: func(ctx context.Context, name string) (string, error) { return name, put(ctx, name) },
		get: func(ctx context.Context, id string) (bool, error) {
			_, err := c.Get(ctx, id, nil)
			return notFound(err, statusOf(err, func(e *azcore.ResponseError) int { return e.StatusCode }))
		},
		update: put,
		absent: "absent",
	}
}

func things() *service {
	return &service{
		made: func(path string, _ []byte, n int) (string, int, string, string) {
			return fmt.Sprint(path, "/", n), 201, "", fmt.Sprintf(`{"id":"%d","name":"n"}`, n)
		},
		shown: itself(`{"id":"%s"}`), missing: `{"code":404}`,
	}
}
