package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// WebhookPods returns the webhook's pods.
func (c *Cluster) WebhookPods(ctx context.Context) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := c.Client.List(ctx, &list, client.MatchingLabels{"app.kubernetes.io/component": "webhook", "app.kubernetes.io/name": "mijn-host-webhook"})
	return list.Items, err
}

// WebhookPID returns the process ID of the webhook. Exactly one must be running.
func (c *Cluster) WebhookPID() (int, error) {
	executables, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return 0, err
	}
	for _, link := range executables {
		process := filepath.Dir(link)
		if executable, _ := os.Readlink(link); executable != c.Program("webhook") {
			continue
		}
		// The processes of pods have their working directory in the cluster's directory.
		if dir, _ := os.Readlink(filepath.Join(process, "cwd")); strings.HasPrefix(dir, c.Dir+"/") {
			return strconv.Atoi(filepath.Base(process))
		}
	}
	return 0, errors.New("the webhook is not running")
}

// WebhookMemory returns the anonymous memory of the webhook in bytes. This excludes pages of the executable, which the
// kernel can drop at any time.
func (c *Cluster) WebhookMemory() (int, error) {
	pid, err := c.WebhookPID()
	if err != nil {
		return 0, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "RssAnon:"); found {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			return kib << 10, err
		}
	}
	return 0, errors.New("RssAnon not found in /proc")
}
