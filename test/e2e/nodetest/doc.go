// Package nodetest has the tests of image and chart on real nodes, which want root and packages of the distribution. They
// have the build tag node, so that nobody runs them but `make node-test`.
package nodetest
