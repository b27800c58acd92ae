// Package docs tests the documentation. It reads every Markdown file of the repository, and checks its links,
// manifests, chart values, commands and flags, the tests, files and make targets that it names, and its quotes of other
// programs. It runs programs from .cache/bin, where make builds them.
//
// Each check is a function that returns the faults of one document, so that a test can also plant a mistake and
// require that it is found.
package docs
