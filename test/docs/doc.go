// Package docs holds the documentation to the truth. It reads every Markdown file of the repository, and its tests try
// what is said there: links lead somewhere, manifests decode, values are the chart's, commands and their flags exist,
// and so do the tests, files and make targets that are named, and others are quoted in their own words. Programs are run from .cache/bin, where make builds them.
//
// Each check is a function that returns what is wrong with one document, so that a test can also plant a mistake and
// see it found.
package docs
