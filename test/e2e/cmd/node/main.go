//go:build kubelet

// Command node contains the programs of a real node, and a kube-controller-manager with all controllers. The name it is started
// by selects one. It is separate from the test cluster because volume drivers and the scheduler add half as much code. The build
// tag keeps linters from compiling it.
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
