// Package server runs solvers in cert-manager's API server library. In addition, it passes the request's context to solvers, so
// that their spans join the API server's trace, makes readiness depend on the Kubernetes API, and drains connections before it
// stops.
package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/cert-manager/cert-manager/pkg/acme/webhook"
	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	cmapiserver "github.com/cert-manager/cert-manager/pkg/acme/webhook/apiserver"
	cmserver "github.com/cert-manager/cert-manager/pkg/acme/webhook/cmd/server"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// Solver is cert-manager's Solver with methods that take the request's context.
type Solver interface {
	webhook.Solver
	PresentContext(ctx context.Context, ch *whapi.ChallengeRequest) error
	CleanUpContext(ctx context.Context, ch *whapi.ChallengeRequest) error
}

// Run serves solvers until ctx ends and calls in flight have finished. It returns an error if the server cannot start.
func Run(ctx context.Context, o *cmserver.WebhookServerOptions, solvers ...Solver) error {
	config, err := o.Config()
	if err != nil {
		return err
	}
	config.GenericConfig.ShutdownDelayDuration = drainTime
	config.GenericConfig.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return drain(ctx, joinTraces(handler, c))
	}
	// cert-manager's own New installs storage that drops the context.
	completed := config.Complete().GenericConfig
	nameOperations(completed)
	generic, err := completed.New("challenge-server", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return err
	}
	if err = install(generic, o.SolverGroup, solvers); err != nil {
		return err
	}
	kubernetes := config.GenericConfig.ClientConfig
	for _, s := range solvers {
		hook := func(h genericapiserver.PostStartHookContext) error { return s.Initialize(kubernetes, h.Done()) }
		if err = generic.AddPostStartHook("solver-"+s.Name()+"-init", hook); err != nil {
			return err
		}
	}
	ready, err := newReachability(kubernetes)
	if err != nil {
		return err
	}
	if err = generic.AddReadyzChecks(ready); err != nil {
		return err
	}
	if frontProxy := config.GenericConfig.Authentication.RequestHeaderConfig; frontProxy != nil {
		if err = generic.AddReadyzChecks(frontProxyKnown(frontProxy.CAContentProvider)); err != nil {
			return err
		}
	}
	return generic.PrepareRun().RunWithContext(ctx)
}

// install makes each solver a resource of the API group, as cert-manager's own server does.
func install(to *genericapiserver.GenericAPIServer, group string, solvers []Solver) error {
	version := schema.GroupVersion{Group: group, Version: whapi.SchemeGroupVersion.Version}
	resources := map[string]rest.Storage{}
	for _, s := range solvers {
		resources[s.Name()] = newStorage(s)
	}
	err := to.InstallAPIGroup(&genericapiserver.APIGroupInfo{
		PrioritizedVersions:          []schema.GroupVersion{version},
		VersionedResourcesStorageMap: map[string]map[string]rest.Storage{version.Version: resources},
		OptionsExternalVersion:       &schema.GroupVersion{Version: "v1"},
		Scheme:                       cmapiserver.Scheme,
		ParameterCodec:               metav1.ParameterCodec,
		NegotiatedSerializer:         cmapiserver.Codecs,
	})
	if err != nil {
		return fmt.Errorf("install the API group %s: %w", group, err)
	}
	return nil
}
