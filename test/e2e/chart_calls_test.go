package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	acme "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/cluster"
)

// config returns an administrator's client config.
func (s *chartSuite) config(t *testing.T) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	return config
}

// as returns a client that impersonates a user.
func (s *chartSuite) as(t *testing.T, user string) *kubernetes.Clientset {
	t.Helper()
	config := s.config(t)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	return clientset(t, config)
}

func clientset(t *testing.T, config *rest.Config) *kubernetes.Clientset {
	t.Helper()
	set, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const certManagerUser = "system:serviceaccount:cert-manager:cert-manager"

// keepCalling presents and cleans up challenges one after another, without retries, until the returned function is called.
// That function fails the test for every failed call, although cert-manager would retry it.
func (s *chartSuite) keepCalling(t *testing.T, group, domain string) (stop func()) {
	t.Helper()
	caller, before := s.as(t, certManagerUser), s.addDomain(chartKey, domain)
	const pace, fewest = 50 * time.Millisecond, 20
	calling, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	challenges, lost := 0, []string{}
	go func() {
		defer close(ended)
		for tick := time.NewTicker(pace); ; {
			challenges++
			for _, action := range []acme.ChallengeAction{acme.ChallengeActionPresent, acme.ChallengeActionCleanUp} {
				if err := cluster.Ask(context.WithoutCancel(calling), caller, group, domain, action); err != nil { // the end of the test must not cancel calls
					lost = append(lost, fmt.Sprintf("%s %s: %v", time.Now().Format(time.TimeOnly), action, err))
				}
			}
			select {
			case <-tick.C:
			case <-calling.Done():
				tick.Stop()
				return
			}
		}
	}()
	return func() {
		t.Helper()
		end()
		<-ended
		t.Logf("%d challenges", challenges)
		if challenges < fewest {
			t.Errorf("got %d challenges, want at least %d for a conclusion", challenges, fewest)
		}
		for _, one := range lost {
			t.Errorf("call failed: %s", one)
		}
		s.requireUntouched(t, domain, before)
	}
}

// requireAnswers waits until the webhook of a group has presented a challenge and cleaned it up.
func (s *chartSuite) requireAnswers(t *testing.T, group, domain string) {
	t.Helper()
	caller, before := s.as(t, certManagerUser), s.addDomain(chartKey, domain)
	for _, action := range []acme.ChallengeAction{acme.ChallengeActionPresent, acme.ChallengeActionCleanUp} {
		s.await(t, soon, func(ctx context.Context) error { return cluster.Ask(ctx, caller, group, domain, action) })
	}
	s.requireUntouched(t, domain, before)
}
