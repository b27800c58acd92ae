// Package controllers is a kube-controller-manager with only the controllers that an application needs. The complete one includes
// a scheduler, a kubelet and every kind of volume.
package controllers

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/controller-manager/pkg/clientbuilder"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/controller/deployment"
	"k8s.io/kubernetes/pkg/controller/disruption"
	"k8s.io/kubernetes/pkg/controller/endpointslice"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/replicaset"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
	satokens "k8s.io/kubernetes/pkg/serviceaccount"
)

// Defaults of kube-controller-manager.
const (
	workers              = 5
	maxEndpointsPerSlice = 100
	namespaceResync      = 5 * time.Minute
	mapperResync         = 30 * time.Second
	garbageSync          = 30 * time.Second
	resync               = 12 * time.Hour
)

// Main runs the controllers, each as its own user, as with --use-service-account-credentials.
func Main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kube-controller-manager:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	flags := pflag.NewFlagSet("kube-controller-manager", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true // Such as --controllers.
	kubeconfig := flags.String("kubeconfig", "", "")
	rootCAFile := flags.String("root-ca-file", "", "")
	signingKey := flags.String("service-account-private-key-file", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	rootCA, err := os.ReadFile(*rootCAFile)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 20, 30
	tokens, err := tokenGenerator(*signingKey)
	if err != nil {
		return err
	}
	m := &manager{rootCA: rootCA, tokenGenerator: tokens}
	if err := m.connect(config); err != nil {
		return err
	}
	return m.run(ctx)
}

func tokenGenerator(keyFile string) (satokens.TokenGenerator, error) {
	key, err := keyutil.PrivateKeyFromFile(keyFile)
	if err != nil {
		return nil, err
	}
	return satokens.JWTTokenGenerator(satokens.LegacyIssuer, key)
}

// manager contains what the controllers share.
type manager struct {
	rootCA         []byte
	tokenGenerator satokens.TokenGenerator
	root           kubernetes.Interface // of the program's own user
	clients        clientbuilder.ControllerClientBuilder
	shared         informers.SharedInformerFactory
	metadata       metadatainformer.SharedInformerFactory
	mapper         *restmapper.DeferredDiscoveryRESTMapper
}

func (m *manager) connect(config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	m.root = client
	m.clients = clientbuilder.NewDynamicClientBuilder(rest.AnonymousClientConfig(config), client.CoreV1(), metav1.NamespaceSystem)
	m.shared = informers.NewSharedInformerFactory(client, resync)
	m.metadata = metadatainformer.NewSharedInformerFactory(metadataClient, resync)
	m.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	return nil
}

// run builds all controllers, and then starts them and their informers.
func (m *manager) run(ctx context.Context) error {
	informersStarted := make(chan struct{})
	var loops []func(context.Context)
	for name, build := range map[string]func(context.Context, kubernetes.Interface) (func(context.Context), error){
		"deployment-controller":              m.deployment,
		"replicaset-controller":              m.replicaSet,
		"endpointslice-controller":           m.endpointSlice,
		"disruption-controller":              m.disruption,
		"job-controller":                     m.job,
		"service-account-controller":         m.serviceAccount,
		"tokens-controller":                  m.tokens,
		"root-ca-cert-publisher":             m.rootCAPublisher,
		"namespace-controller":               m.namespace,
		"clusterrole-aggregation-controller": m.clusterRoleAggregation,
		"generic-garbage-collector": func(ctx context.Context, client kubernetes.Interface) (func(context.Context), error) {
			return m.garbageCollector(ctx, client, informersStarted)
		},
	} {
		client, err := m.clients.Client(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		loop, err := build(ctx, client)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		loops = append(loops, loop)
	}
	m.shared.Start(ctx.Done())
	m.metadata.Start(ctx.Done())
	close(informersStarted)

	group := new(errgroup.Group)
	for _, loop := range append(loops, m.refreshMapper) {
		group.Go(func() error {
			loop(ctx)
			return nil
		})
	}
	return group.Wait()
}

// refreshMapper discovers new CustomResourceDefinitions.
func (m *manager) refreshMapper(ctx context.Context) {
	wait.UntilWithContext(ctx, func(context.Context) { m.mapper.Reset() }, mapperResync)
}

func (m *manager) deployment(ctx context.Context, client kubernetes.Interface) (func(context.Context), error) {
	apps := m.shared.Apps().V1()
	c, err := deployment.NewDeploymentController(ctx, apps.Deployments(), apps.ReplicaSets(), m.shared.Core().V1().Pods(), client)
	return func(ctx context.Context) { c.Run(ctx, workers) }, err
}

func (m *manager) replicaSet(ctx context.Context, client kubernetes.Interface) (func(context.Context), error) {
	c := replicaset.NewReplicaSetController(ctx, m.shared.Apps().V1().ReplicaSets(), m.shared.Core().V1().Pods(), client, replicaset.BurstReplicas)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func (m *manager) endpointSlice(ctx context.Context, client kubernetes.Interface) (func(context.Context), error) {
	core := m.shared.Core().V1()
	c := endpointslice.NewController(ctx, core.Pods(), core.Services(), core.Nodes(), m.shared.Discovery().V1().EndpointSlices(),
		maxEndpointsPerSlice, client, 0)
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func (m *manager) disruption(ctx context.Context, client kubernetes.Interface) (func(context.Context), error) {
	config, err := m.clients.Config("disruption-controller")
	if err != nil {
		return nil, err
	}
	scales, err := scale.NewForConfig(config, m.mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(client.Discovery()))
	if err != nil {
		return nil, err
	}
	core, apps := m.shared.Core().V1(), m.shared.Apps().V1()
	c := disruption.NewDisruptionController(ctx, core.Pods(), m.shared.Policy().V1().PodDisruptionBudgets(), core.ReplicationControllers(),
		apps.ReplicaSets(), apps.Deployments(), apps.StatefulSets(), client, m.mapper, scales, client.Discovery())
	return c.Run, nil
}

func (m *manager) job(ctx context.Context, client kubernetes.Interface) (func(context.Context), error) {
	c, err := job.NewController(ctx, client, m.shared.Core().V1().Pods(), m.shared.Batch().V1().Jobs(), nil, nil)
	return func(ctx context.Context) { c.Run(ctx, workers) }, err
}

func (m *manager) serviceAccount(ctx context.Context, client kubernetes.Interface) (func(context.Context), error) {
	c, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), m.shared.Core().V1().ServiceAccounts(),
		m.shared.Core().V1().Namespaces(), client, serviceaccount.DefaultServiceAccountsControllerOptions())
	return func(ctx context.Context) { c.Run(ctx, 1) }, err
}

// tokens fills Secrets of the type service-account-token, as the program's own user: no other account has that permission.
func (m *manager) tokens(ctx context.Context, _ kubernetes.Interface) (func(context.Context), error) {
	core := m.shared.Core().V1()
	c, err := serviceaccount.NewTokensController(klog.FromContext(ctx), core.ServiceAccounts(), core.Secrets(), m.root,
		serviceaccount.TokensControllerOptions{TokenGenerator: m.tokenGenerator, RootCA: m.rootCA})
	return func(ctx context.Context) { c.Run(ctx, workers) }, err
}

func (m *manager) rootCAPublisher(_ context.Context, client kubernetes.Interface) (func(context.Context), error) {
	c, err := rootcacertpublisher.NewPublisher(m.shared.Core().V1().ConfigMaps(), m.shared.Core().V1().Namespaces(), client, m.rootCA)
	return func(ctx context.Context) { c.Run(ctx, 1) }, err
}

// namespace sends many requests, so it has a higher rate limit.
func (m *manager) namespace(ctx context.Context, _ kubernetes.Interface) (func(context.Context), error) {
	config, err := m.clients.Config("namespace-controller")
	if err != nil {
		return nil, err
	}
	config.QPS *= 20
	config.Burst *= 100
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	c := namespace.NewNamespaceController(ctx, client, metadataClient, client.Discovery().ServerPreferredNamespacedResources,
		m.shared.Core().V1().Namespaces(), namespaceResync, corev1.FinalizerKubernetes)
	return func(ctx context.Context) { c.Run(ctx, 2*workers) }, nil
}

func (m *manager) clusterRoleAggregation(_ context.Context, client kubernetes.Interface) (func(context.Context), error) {
	c := clusterroleaggregation.NewClusterRoleAggregation(m.shared.Rbac().V1().ClusterRoles(), client.RbacV1())
	return func(ctx context.Context) { c.Run(ctx, workers) }, nil
}

func (m *manager) garbageCollector(ctx context.Context, client kubernetes.Interface, started <-chan struct{}) (func(context.Context), error) {
	config, err := m.clients.Config("generic-garbage-collector")
	if err != nil {
		return nil, err
	}
	config.QPS *= 2
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	graph := garbagecollector.NewDependencyGraphBuilder(ctx, metadataClient, m.mapper, garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(m.shared, m.metadata), started)
	c, err := garbagecollector.NewComposedGarbageCollector(ctx, client, metadataClient, m.mapper, graph)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) {
		go c.Sync(ctx, client.Discovery(), garbageSync)
		c.Run(ctx, 4*workers, garbageSync)
	}, nil
}
