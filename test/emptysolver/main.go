// The empty solver is cert-manager's webhook library with nothing on it: what our own code weighs is measured against it.
package main

import (
	"context"
	"os"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/acme/webhook/cmd/server"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli"
)

type emptySolver struct{}

func (emptySolver) Name() string                                   { return "empty" }
func (emptySolver) Present(*whapi.ChallengeRequest) error          { return nil }
func (emptySolver) CleanUp(*whapi.ChallengeRequest) error          { return nil }
func (emptySolver) Initialize(*rest.Config, <-chan struct{}) error { return nil }

func main() {
	os.Exit(cli.Run(server.NewCommandStartWebhookServer(context.Background(), "acme.example.com", emptySolver{})))
}
