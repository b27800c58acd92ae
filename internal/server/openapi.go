package server

import (
	"path"

	"github.com/emicklei/go-restful/v3"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// nameOperations gives each solver's resource unique OpenAPI operation IDs. The server does not start with duplicates, and by
// default the IDs come from the kind, which all solvers share.
func nameOperations(c genericapiserver.CompletedConfig) {
	c.OpenAPIConfig.GetOperationIDAndTags = withResource(c.OpenAPIConfig.GetOperationIDAndTags)     //nolint:staticcheck // the field that the library sets
	c.OpenAPIV3Config.GetOperationIDAndTags = withResource(c.OpenAPIV3Config.GetOperationIDAndTags) //nolint:staticcheck // the same
}

func withResource(name func(*restful.Route) (string, []string, error)) func(*restful.Route) (string, []string, error) {
	return func(r *restful.Route) (string, []string, error) {
		id, tags, err := name(r)
		return id + "_" + path.Base(r.Path), tags, err
	}
}
