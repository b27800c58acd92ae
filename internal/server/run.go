// Package server runs solvers behind cert-manager's API server library, whose options, flags and types it keeps. It
// adds what that library leaves out: the solvers see the request's context, so that their spans are part of the API
// server's trace, and readiness depends on the Kubernetes API.
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

// Solver is cert-manager's, with methods that take the context of the request.
type Solver interface {
	webhook.Solver
	PresentContext(ctx context.Context, ch *whapi.ChallengeRequest) error
	CleanUpContext(ctx context.Context, ch *whapi.ChallengeRequest) error
}

// Run serves solvers until ctx ends and the calls in flight have been answered.
func Run(ctx context.Context, o *cmserver.WebhookServerOptions, solvers ...Solver) error {
	config, err := o.Config()
	if err != nil {
		return err
	}
	config.GenericConfig.ShutdownDelayDuration = leaveTaking
	config.GenericConfig.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return takeLeave(ctx, joinTraces(handler, c))
	}
	// cert-manager's New would install storage that drops the context.
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

// install makes each solver a resource of the group, as cert-manager's own server does.
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
