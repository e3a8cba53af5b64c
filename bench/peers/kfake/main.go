// bench: franz-go's kfake as a peer: one broker on loopback that keeps its data in files.
//
//	kfake --data-dir DIR [--sync]      prints a line with localhost:<port> when ready
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	dataDir := flag.String("data-dir", "", "where it keeps its data")
	partitions := flag.Int("partitions", 1, "partitions of a topic that is not told how many")
	syncWrites := flag.Bool("sync", false, "fsync each append")
	flag.Parse()

	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(*partitions),
		kfake.AllowAutoTopicCreation(),
		kfake.DataDir(*dataDir),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	}
	if *syncWrites {
		options = append(options, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, port, _ := net.SplitHostPort(cluster.ListenAddrs()[0])
	fmt.Printf("ready on localhost:%s\n", port)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
	cluster.Close()
}
