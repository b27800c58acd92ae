package server

import (
	"net/http"

	"go.opentelemetry.io/otel/trace"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/tracing"
)

// joinTraces is the default handler chain, but makes a challenge's span a child of the caller's span. The default chain trusts
// only the trace context of cluster administrators and starts a new trace for other callers. Here RBAC admits only callers that
// may create challenges. Other requests, such as probes, are not traced.
func joinTraces(handler http.Handler, c *genericapiserver.Config) http.Handler {
	provider := c.TracerProvider
	c.TracerProvider = tracing.NewNoopTracerProvider()
	defer func() { c.TracerProvider = provider }() // the server shuts the provider down
	const name = "challenge request"
	traced := tracing.WithTracing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace.SpanFromContext(r.Context()).SetName(name) // newer releases of otelhttp ignore the name below
		handler.ServeHTTP(w, r)
	}), provider, name)
	return genericapiserver.DefaultBuildHandlerChain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, ok := request.RequestInfoFrom(r.Context()); ok && info.IsResourceRequest {
			traced.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}), c)
}
