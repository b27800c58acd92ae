module github.com/mijn-host-webhook/cert-manager-webhook-mijn-host/test/chart

go 1.26.8

require go.yaml.in/yaml/v3 v3.0.5
