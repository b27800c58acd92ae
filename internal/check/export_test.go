package check

// NewNetworkOf returns a Network that uses these resolvers.
func NewNetworkOf(resolvers ...string) *Network { return &Network{resolvers: resolvers, port: dnsPort} }
