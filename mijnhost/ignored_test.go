package mijnhost_test

import (
	"time"

	"github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/internal/apiclient"
)

// ignored is an Observer that does nothing, for embedding.
type ignored struct{}

func (ignored) CallStarted()                                      {}
func (ignored) CallEnded(apiclient.Operation, int, time.Duration) {}
func (ignored) Retried(apiclient.Operation)                       {}
func (ignored) CooledDown(time.Duration)                          {}
func (ignored) LeftOverAtRisk()                                   {}
