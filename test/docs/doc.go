// Package docs tests the documentation. It checks every Markdown file of the repository: links, manifests, chart values, commands,
// flags, the names of tests, files and make targets, and quotes of other programs. It runs programs from .cache/bin, where make
// builds them.
//
// Each check is a function that returns the faults of one document, so that tests can prove that it finds planted mistakes.
package docs
