package server

import (
	"path"

	"github.com/emicklei/go-restful/v3"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

// nameOperations gives the operations of each solver's resource an ID of their own. All resources have one kind, from which
// the IDs are made, and the server does not start with two that are the same.
func nameOperations(c genericapiserver.CompletedConfig) {
	c.OpenAPIConfig.GetOperationIDAndTags = withResource(c.OpenAPIConfig.GetOperationIDAndTags)     //nolint:staticcheck // what the library sets
	c.OpenAPIV3Config.GetOperationIDAndTags = withResource(c.OpenAPIV3Config.GetOperationIDAndTags) //nolint:staticcheck // the same
}

func withResource(name func(*restful.Route) (string, []string, error)) func(*restful.Route) (string, []string, error) {
	return func(r *restful.Route) (string, []string, error) {
		id, tags, err := name(r)
		return id + "_" + path.Base(r.Path), tags, err
	}
}
