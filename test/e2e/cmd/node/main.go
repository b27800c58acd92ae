//go:build kubelet

// Command node is the programs that a real node needs, and the controllers that watch over nodes, each by its name. It is
// apart from the programs of the test cluster, because it compiles half as much again: drivers of volumes, a scheduler. The
// build tag keeps the linters from compiling it, too.
package main

import (
	"context"
	"os"

	"k8s.io/component-base/cli"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/multicall"
)

func main() {
	multicall.Run(map[string]func(){
		"kube-controller-manager": func() { os.Exit(cli.Run(controllermanager.NewControllerManagerCommand())) },
		"kube-proxy":              func() { os.Exit(cli.Run(proxy.NewProxyCommand())) },
		"kube-scheduler":          func() { os.Exit(cli.Run(scheduler.NewSchedulerCommand())) },
		"kubelet":                 func() { os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background()))) },
	})
}
