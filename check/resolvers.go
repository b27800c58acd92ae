package check

import (
	"net"
	"os"
	"strings"
)

const resolverFile = "/etc/resolv.conf"

// systemResolvers are the resolvers of this system, as host:port.
func systemResolvers() ([]string, error) {
	text, err := os.ReadFile(resolverFile)
	if err != nil {
		return nil, err
	}
	return resolversIn(string(text)), nil
}

// resolversIn are the resolvers that a file in the form of resolv.conf(5) names.
func resolversIn(text string) []string {
	var resolvers []string
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == "nameserver" {
			resolvers = append(resolvers, net.JoinHostPort(words[1], dnsPort))
		}
	}
	return resolvers
}
