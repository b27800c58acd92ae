package node

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// report updates the pod's status if it has changed.
func (p *pod) report(ctx context.Context) {
	updated := p.object.DeepCopy()
	status := &updated.Status
	status.Phase = p.phase()
	if status.StartTime == nil {
		status.StartTime = new(metav1.Now())
	}
	status.PodIP, status.PodIPs = p.address, []corev1.PodIP{{IP: p.address}}
	status.ContainerStatuses = nil
	ready := true
	for _, c := range p.containers {
		status.ContainerStatuses = append(status.ContainerStatuses, p.containerStatus(c))
		ready = ready && c.ready
	}
	for _, condition := range []struct {
		kind corev1.PodConditionType
		is   bool
	}{
		{corev1.PodScheduled, true},
		{corev1.PodInitialized, true},
		{corev1.ContainersReady, ready},
		{corev1.PodReady, ready},
	} {
		setCondition(status, condition.kind, condition.is)
	}
	if equality.Semantic.DeepEqual(p.object.Status, *status) {
		return
	}
	// On a conflict, the informer delivers a newer object, which triggers another attempt.
	if stored, err := p.node.client.CoreV1().Pods(p.namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{}); err == nil {
		p.object = stored
	}
}

func (p *pod) phase() corev1.PodPhase {
	policy := p.object.Spec.RestartPolicy
	started, finished, failed := 0, 0, 0
	for _, c := range p.containers {
		if c.process != nil || c.ended != nil {
			started++
		}
		if c.finished(policy) {
			finished++
			if c.ended.ExitCode != 0 {
				failed++
			}
		}
	}
	switch {
	case started < len(p.containers):
		return corev1.PodPending
	case finished < len(p.containers):
		return corev1.PodRunning
	case failed > 0:
		return corev1.PodFailed
	}
	return corev1.PodSucceeded
}

func (p *pod) containerStatus(c *container) corev1.ContainerStatus {
	status := corev1.ContainerStatus{
		Name:         c.spec.Name,
		Image:        c.spec.Image,
		Ready:        c.ready,
		Started:      &c.started,
		RestartCount: c.restarts,
	}
	if c.ended != nil {
		status.LastTerminationState.Terminated = c.ended
	}
	switch {
	case c.process != nil:
		status.ContainerID = fmt.Sprintf("process://%d", c.process.PID())
		status.State.Running = &corev1.ContainerStateRunning{StartedAt: c.since}
	case c.finished(p.object.Spec.RestartPolicy):
		status.State.Terminated, status.LastTerminationState.Terminated = c.ended, nil
	case p.problem != nil:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating", Message: p.problem.Error()}
	case c.waiting != nil:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CreateContainerError", Message: c.waiting.Error()}
	case c.ended != nil:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: c.ended.Message}
	default:
		status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	}
	return status
}

func setCondition(status *corev1.PodStatus, kind corev1.PodConditionType, is bool) {
	value := corev1.ConditionFalse
	if is {
		value = corev1.ConditionTrue
	}
	for i := range status.Conditions {
		if condition := &status.Conditions[i]; condition.Type == kind {
			if condition.Status != value {
				condition.Status, condition.LastTransitionTime = value, metav1.Now()
			}
			return
		}
	}
	status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: value, LastTransitionTime: metav1.Now()})
}
