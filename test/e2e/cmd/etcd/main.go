// Command etcd is etcd itself. Its own command would be called "server", after the last part of its import path.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
