package server

import (
	"net/http"

	"k8s.io/apiserver/pkg/endpoints/request"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/tracing"
)

// joinTraces is the usual chain of handlers, except that a challenge's span is a child of the span of the one who
// sent it. The usual chain begins a new trace for all but cluster administrators, as a server must that anybody
// can call: it links cert-manager's calls to the API server's trace, and samples them anew. Here only those arrive who are
// allowed to ask for a challenge. Other requests, such as those of probes, are not traced.
func joinTraces(handler http.Handler, c *genericapiserver.Config) http.Handler {
	provider := c.TracerProvider
	c.TracerProvider = tracing.NewNoopTracerProvider()
	defer func() { c.TracerProvider = provider }() // the server shuts it down
	traced := tracing.WithTracing(handler, provider, "challenge request")
	return genericapiserver.DefaultBuildHandlerChain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if info, ok := request.RequestInfoFrom(r.Context()); ok && info.IsResourceRequest {
			traced.ServeHTTP(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}), c)
}
