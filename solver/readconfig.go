package solver

import apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

// Read decodes an Issuer's config as Present does, and returns the same error.
func (r ConfigRules) Read(raw []byte) (Config, error) {
	return r.parse(&apiextensionsv1.JSON{Raw: raw})
}
