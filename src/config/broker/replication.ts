/** config: broker configs of replicas. */

import { boolean, int, long, string } from '../config-definition.ts'
import { notYet, obeyed } from '../effects.ts'
import { atLeast } from '../validators.ts'

export const replicationConfigs = {
  'default.replication.factor': int(1, { effect: obeyed, documentation: 'The default replication factor per topic.' }),
  'min.insync.replicas': int(1, {
    valid: atLeast(1),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'Specifies the minimum number of in-sync replicas (including the leader) required for a write to succeed when a producer sets acks to "all" (or "-1").',
  }),
  'num.replica.alter.log.dirs.threads': int(null, {
    importance: 'HIGH',
    effect: notYet.replication,
    documentation: 'The number of threads that can move replicas between log directories, which may include disk I/O.',
  }),
  'num.replica.fetchers': int(1, {
    valid: atLeast(1),
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: notYet.replication,
    documentation: 'Number of fetcher threads used to replicate records from each source broker.',
  }),
  'replica.fetch.backoff.ms': int(1000, {
    valid: atLeast(0),
    effect: notYet.replication,
    documentation: 'The amount of time to sleep when fetch partition error occurs.',
  }),
  'replica.fetch.max.bytes': int(1_048_576, {
    valid: atLeast(0),
    effect: notYet.replication,
    documentation: 'The number of bytes of messages to attempt to fetch for each partition.',
  }),
  'replica.fetch.min.bytes': int(1, {
    importance: 'HIGH',
    effect: notYet.replication,
    documentation: 'Minimum bytes expected for each fetch response.',
  }),
  'replica.fetch.response.max.bytes': int(10_485_760, {
    valid: atLeast(0),
    effect: notYet.replication,
    documentation: 'Maximum bytes expected for the entire fetch response.',
  }),
  'replica.fetch.wait.max.ms': int(500, {
    importance: 'HIGH',
    effect: notYet.replication,
    documentation: 'The maximum wait time for each fetcher request issued by follower replicas.',
  }),
  'replica.high.watermark.checkpoint.interval.ms': long(5000, {
    importance: 'HIGH',
    effect: obeyed,
    documentation: 'The frequency with which the high watermark is saved out to disk',
  }),
  'replica.lag.time.max.ms': long(30000, {
    importance: 'HIGH',
    effect: notYet.replication,
    documentation:
      "If a follower hasn't sent any fetch requests or hasn't consumed up to the leader's log end offset for at least this time, the leader will remove the follower from ISR",
  }),
  'replica.selector.class': string(null, {
    effect: obeyed,
    documentation: 'The fully qualified class name that implements ReplicaSelector.',
  }),
  'replica.socket.receive.buffer.bytes': int(65536, {
    importance: 'HIGH',
    effect: notYet.replication,
    documentation: 'The socket receive buffer for network requests to the leader for replicating data',
  }),
  'replica.socket.timeout.ms': int(30000, {
    importance: 'HIGH',
    effect: notYet.replication,
    documentation: 'The socket timeout for network requests.',
  }),
  'unclean.leader.election.enable': boolean(false, {
    importance: 'HIGH',
    updateMode: 'cluster-wide',
    effect: obeyed,
    documentation:
      'Indicates whether to enable replicas not in the ISR set to be elected as leader as a last resort, even though doing so may result in data lossNote: In KRaft mode, when enabling this config dynamically, it needs to wait for the unclean leader election thread to trigger election periodically (default is 5 minutes).',
  }),
} as const
