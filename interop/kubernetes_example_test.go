package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// cluster starts what answers like the API server of a cluster with one deployment,
// and returns how to reach it. The deployment is scaled by the write, and rolled out
// while it is read.
func cluster() (config *rest.Config, stop func()) {
	reads := []map[string]any{
		webAt(1, 1, 2, 2), // a cache that has not seen the write: rolled out, as it was
		webAt(2, 1, 3, 2), // the controller has not seen the write
		webAt(2, 2, 3, 2), // one replica is missing
		webAt(2, 2, 3, 3),
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := webAt(2, 1, 3, 2)
		if r.Method == http.MethodGet {
			shown = reads[0]
			reads = reads[min(1, len(reads)-1):]
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(shown)
	}))
	return &rest.Config{Host: srv.URL}, srv.Close
}

// webAt is the deployment web at a generation, of which the controller has seen
// another one, with so many replicas asked for and available.
func webAt(generation, observed, asked, available int) map[string]any {
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web", "namespace": "shop", "generation": generation},
		"spec":     map[string]any{"replicas": asked},
		"status":   map[string]any{"observedGeneration": observed, "updatedReplicas": available, "availableReplicas": available},
	}
}

// This is the code of docs/kubernetes.md.
func Example_kubernetes() {
	config, stop := cluster() // yours comes from rest.InClusterConfig, or from a kubeconfig
	defer stop()

	config.Wrap(readbackhttp.Watch) // lets flows see the statuses
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	deployments := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	web := client.Resource(deployments).Namespace("shop")

	flow := consistency.Update("scale web to 3",
		func(ctx context.Context) (generation int64, err error) {
			scale := []byte(`{"spec":{"replicas":3}}`)
			d, err := web.Patch(ctx, "web", types.MergePatchType, scale, metav1.PatchOptions{})
			if err != nil {
				return 0, err
			}
			return d.GetGeneration(), nil
		},
		func(ctx context.Context, _ int64) (*unstructured.Unstructured, error) {
			return web.Get(ctx, "web", metav1.GetOptions{})
		},
		func(generation int64, d *unstructured.Unstructured) bool {
			return d.GetGeneration() >= generation && // of the write, or a later one
				number(d, "spec", "replicas") == 3 && // as asked
				number(d, "status", "observedGeneration") >= d.GetGeneration() && // the controller knows it
				number(d, "status", "updatedReplicas") == 3 && number(d, "status", "availableReplicas") == 3
		})
	flow.Find = consistency.Known(int64(0)) // if the answer is lost, the spec tells
	res, err := consistency.Do(context.Background(), consistency.Policy{}, flow)
	fmt.Println(res.Outcome, number(res.Value, "status", "availableReplicas"), res.History.Reads(), err)
	// Output: confirmed 3 4 <nil>
}

// number returns a number of an object, and 0 if it is not there.
func number(object *unstructured.Unstructured, fields ...string) int64 {
	n, _, _ := unstructured.NestedInt64(object.Object, fields...)
	return n
}
