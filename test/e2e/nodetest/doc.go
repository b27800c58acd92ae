// Package nodetest tests the image and the chart on real nodes. It needs root and packages of the distribution, so it has the
// build tag node and runs only through `make node-test`.
package nodetest
