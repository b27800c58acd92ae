package server

import (
	"context"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/acme/webhook/registry/challengepayload"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"
)

// storage is cert-manager's, except that Create passes the request's context to the solver.
type storage struct {
	*challengepayload.REST
	solver Solver
}

func newStorage(s Solver) storage { return storage{challengepayload.NewREST(s), s} }

// Create solves the challenge in obj. Errors of the solver are in the returned object's status, as in cert-manager's storage.
func (s storage) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, o *metav1.CreateOptions) (runtime.Object, error) {
	return challengepayload.NewREST(within{s.solver, ctx}).Create(ctx, obj, validate, o)
}

// within is a solver bound to the context of one request.
type within struct {
	Solver
	ctx context.Context
}

func (w within) Present(ch *whapi.ChallengeRequest) error { return w.PresentContext(w.ctx, ch) }
func (w within) CleanUp(ch *whapi.ChallengeRequest) error { return w.CleanUpContext(w.ctx, ch) }
