package docs

import (
	"regexp"
	"strings"
)

// Manifest is a Kubernetes object in a document, at Path and Line.
type Manifest struct {
	Path string
	Line int
	YAML string
}

// Manifests returns all objects in the documents below root, in order, for tests that apply them to an API server.
func Manifests(root string) ([]Manifest, error) {
	documents, err := Documents(root)
	if err != nil {
		return nil, err
	}
	var all []Manifest
	for _, d := range documents {
		for _, block := range d.Blocks {
			for _, one := range yamlDocuments(block) {
				if isManifest(one) {
					all = append(all, Manifest{d.Path, block.Line, one})
				}
			}
		}
	}
	return all, nil
}

// yamlDocuments returns the documents of a YAML block, and none for other languages.
func yamlDocuments(block Block) []string {
	if block.Language != "yaml" {
		return nil
	}
	return regexp.MustCompile(`(?m)^---\n`).Split(block.Text, -1)
}

func isManifest(yaml string) bool {
	return strings.HasPrefix(yaml, "apiVersion:") || strings.Contains(yaml, "\napiVersion:")
}
