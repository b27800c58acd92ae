package mijnhost_test

import (
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/mijnhost"
)

// ignored is an Observer to build others on.
type ignored struct{}

func (ignored) CallStarted()                                     {}
func (ignored) CallEnded(mijnhost.Operation, int, time.Duration) {}
func (ignored) Retried(mijnhost.Operation)                       {}
func (ignored) CooledDown(time.Duration)                         {}
func (ignored) SiblingRestored()                                 {}
func (ignored) ForeignAtRisk()                                   {}
