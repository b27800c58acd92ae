package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

const (
	// callTime bounds one request.
	callTime = 15 * time.Second
	page     = "500"

	certManager = "/apis/cert-manager.io/v1/"
	acme        = "/apis/acme.cert-manager.io/v1/"
)

// cluster is the Kubernetes API.
type cluster struct{ client rest.Interface }

func connect(config *rest.Config) (cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // no client-side limit: each name takes several requests, and the API server limits clients itself
	client, err := corev1.NewForConfig(config)
	if err != nil {
		return cluster{}, err
	}
	return cluster{client.RESTClient()}, nil
}

func (k cluster) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	raw, err := body(k.client.Get().AbsPath(path).Do(ctx))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (k cluster) create(ctx context.Context, path string, object, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	sent, err := json.Marshal(object)
	if err != nil {
		return err
	}
	raw, err := body(k.client.Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body(sent).Do(ctx))
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// body returns the body of an answer. Unlike Raw, Error decodes the Status of a failure.
func body(r rest.Result) ([]byte, error) {
	if err := r.Error(); err != nil {
		return nil, err
	}
	return r.Raw()
}

// list returns all pages of a list.
func list[T any](ctx context.Context, k cluster, path, labels string) (all []T, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for next := ""; ; {
		request := k.client.Get().AbsPath(path).Param("limit", page).Param("continue", next)
		if labels != "" {
			request = request.Param("labelSelector", labels)
		}
		raw, err := body(request.Do(ctx))
		if err != nil {
			return nil, err
		}
		var l struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []T `json:"items"`
		}
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, err
		}
		all = append(all, l.Items...)
		if next = l.Metadata.Continue; next == "" {
			return all, nil
		}
	}
}

// isObjectMissing reports whether the API has the resource but not the object.
func isObjectMissing(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		status.Status().Details != nil && status.Status().Details.Name != ""
}
