package solver

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/dnshost"
)

// challengePage is how many Challenges one call lists. cert-manager runs 60 at once by default, and finished ones stay
// until their Order goes.
const challengePage = "500"

// Challenges are the DNS-01 Challenges of the cluster. The zero value is not connected; a Solver connects it.
type Challenges struct {
	client atomic.Pointer[rest.Interface]
}

// challengeList is what is read of a list of Challenges (acme.cert-manager.io/v1).
type challengeList struct {
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []struct {
		Metadata struct {
			Namespace         string `json:"namespace"`
			Name              string `json:"name"`
			DeletionTimestamp string `json:"deletionTimestamp"`
		} `json:"metadata"`
		Spec struct {
			Type string `json:"type"`
			Key  string `json:"key"`
		} `json:"spec"`
		Status struct {
			State string `json:"state"`
		} `json:"status"`
	} `json:"items"`
}

// Needed returns the value of each DNS-01 Challenge that is neither finished nor being deleted. It is unknown if the
// webhook may not list Challenges. The error is constant.
func (c *Challenges) Needed(ctx context.Context) (dnshost.Needed, error) {
	needed := dnshost.Needed{Owners: map[string]string{}}
	for next := ""; ; {
		list, err := c.list(ctx, challengePage, next)
		switch {
		case apierrors.IsForbidden(err):
			return dnshost.Needed{Unknown: true}, nil
		case apierrors.IsNotFound(err): // cert-manager is not installed
			return needed, nil
		case err != nil:
			logr.FromContextOrDiscard(ctx).V(2).Info("Cannot list Challenges", "cause", err.Error())
			return dnshost.Needed{}, errors.New("cannot list Challenges from the Kubernetes API")
		}
		for _, item := range list.Items {
			finished := slices.Contains([]string{"valid", "invalid", "expired", "errored"}, item.Status.State)
			if item.Spec.Type == "DNS-01" && item.Metadata.DeletionTimestamp == "" && !finished {
				needed.Owners[item.Spec.Key] = item.Metadata.Namespace + "/" + item.Metadata.Name
			}
		}
		if next = list.Metadata.Continue; next == "" {
			return needed, nil
		}
	}
}

// connect starts to use client, and logs once if it may not list Challenges.
func (c *Challenges) connect(client rest.Interface) {
	c.client.Store(&client)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := c.list(ctx, "1", ""); apierrors.IsForbidden(err) {
			klog.Background().Info("WARNING: the webhook may not list Challenges: whether another challenge needs a TXT value is decided by this pod's own memory")
		}
	}()
}

func (c *Challenges) list(ctx context.Context, limit, next string) (challengeList, error) {
	client := c.client.Load()
	if client == nil {
		return challengeList{}, errors.New("not connected")
	}
	raw, err := (*client).Get().AbsPath("/apis/acme.cert-manager.io/v1/challenges").
		Param("limit", limit).Param("continue", next).Do(ctx).Raw()
	if err != nil {
		return challengeList{}, err
	}
	var list challengeList
	return list, json.Unmarshal(raw, &list)
}
