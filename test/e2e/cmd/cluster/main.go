// Command cluster contains the programs of the test cluster. The name it is started by selects one.
package main

import (
	"maps"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/certmanager"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/controllers"
	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/e2e/multicall"
)

func main() {
	programs := map[string]func(){
		"etcd":                    func() { etcdmain.Main(os.Args) },
		"kube-apiserver":          func() { os.Exit(cli.Run(apiserver.NewAPIServerCommand())) },
		"kube-controller-manager": controllers.Main,
		"kubectl":                 runKubectl,
	}
	maps.Copy(programs, certmanager.Programs())
	multicall.Run(programs)
}

// runKubectl is kubectl's main.
func runKubectl() {
	_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
