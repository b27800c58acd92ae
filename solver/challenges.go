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

// challengePage is the page size for listing Challenges. cert-manager runs 60 at once by default, and finished ones stay
// until their Order is deleted.
const challengePage = "500"

// Challenges lists the DNS-01 Challenges of the cluster. The zero value is not connected; Solver.Initialize connects it.
type Challenges struct {
	client atomic.Pointer[rest.Interface]
}

// listedChallenge has the fields of a Challenge (acme.cert-manager.io/v1) that the webhook reads.
type listedChallenge struct {
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
		State     string `json:"state"`
		Presented bool   `json:"presented"`
	} `json:"status"`
}

// isActive reports whether the Challenge still needs its value: it is neither finished nor being deleted.
func (c listedChallenge) isActive() bool {
	finished := slices.Contains([]string{"valid", "invalid", "expired", "errored"}, c.Status.State)
	return c.Spec.Type == "DNS-01" && c.Metadata.DeletionTimestamp == "" && !finished
}

// Needed returns the value of each DNS-01 Challenge that is neither finished nor being deleted. The result is Unknown if
// listing Challenges is forbidden. The error text is constant.
func (c *Challenges) Needed(ctx context.Context) (dnshost.Needed, error) {
	all, err := c.all(ctx)
	if apierrors.IsForbidden(err) {
		return dnshost.Needed{Unknown: true}, nil
	}
	if err != nil {
		logr.FromContextOrDiscard(ctx).V(2).Info("Cannot list Challenges", "cause", err.Error())
		return dnshost.Needed{}, errors.New("cannot list Challenges from the Kubernetes API")
	}
	needed := dnshost.Needed{Owners: map[string]string{}}
	for _, one := range all {
		if one.isActive() {
			needed.Owners[one.Spec.Key] = one.Metadata.Namespace + "/" + one.Metadata.Name
		}
	}
	return needed, nil
}

// neverPresented reports whether the Challenge with this value exists and its status.presented is false.
func (c *Challenges) neverPresented(ctx context.Context, value string) bool {
	all, err := c.all(ctx)
	if err != nil {
		return false
	}
	i := slices.IndexFunc(all, func(one listedChallenge) bool { return one.Spec.Key == value })
	return i >= 0 && !all[i].Status.Presented
}

func (c *Challenges) all(ctx context.Context) (all []listedChallenge, err error) {
	for next := ""; ; {
		page, more, err := c.list(ctx, challengePage, next)
		if apierrors.IsNotFound(err) { // cert-manager is not installed
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next = more; next == "" {
			return all, nil
		}
	}
}

// connect sets the client, and logs once if listing Challenges is forbidden.
func (c *Challenges) connect(client rest.Interface) {
	if c.client.Swap(&client) != nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, _, err := c.list(ctx, "1", ""); apierrors.IsForbidden(err) {
			klog.Background().Info("WARNING: Not allowed to list Challenges; using only this pod's memory to find out which TXT values other challenges need")
		}
	}()
}

// list returns one page of Challenges and the continue token of the next.
func (c *Challenges) list(ctx context.Context, limit, from string) (page []listedChallenge, next string, err error) {
	client := c.client.Load()
	if client == nil {
		return nil, "", errors.New("not connected")
	}
	raw, err := (*client).Get().AbsPath("/apis/acme.cert-manager.io/v1/challenges").
		Param("limit", limit).Param("continue", from).Do(ctx).Raw()
	if err != nil {
		return nil, "", err
	}
	var list struct {
		Metadata struct {
			Continue string `json:"continue"`
		} `json:"metadata"`
		Items []listedChallenge `json:"items"`
	}
	err = json.Unmarshal(raw, &list)
	return list.Items, list.Metadata.Continue, err
}
