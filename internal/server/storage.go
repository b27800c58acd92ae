package server

import (
	"context"

	whapi "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/acme/webhook/registry/challengepayload"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"
)

// storage is cert-manager's storage with a Create that passes the request's context to the solver.
type storage struct {
	*challengepayload.REST
	solver Solver
}

func newStorage(s Solver) storage { return storage{challengepayload.NewREST(s), s} }

// Create solves the challenge in obj. As in cert-manager's storage, an error of the solver is in the returned object's status.
func (s storage) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, o *metav1.CreateOptions) (runtime.Object, error) {
	return challengepayload.NewREST(bound{s.solver, ctx}).Create(ctx, obj, validate, o)
}

// bound is a solver bound to the context of one request.
type bound struct {
	Solver
	ctx context.Context
}

func (b bound) Present(ch *whapi.ChallengeRequest) error { return b.PresentContext(b.ctx, ch) }
func (b bound) CleanUp(ch *whapi.ChallengeRequest) error { return b.CleanUpContext(b.ctx, ch) }
