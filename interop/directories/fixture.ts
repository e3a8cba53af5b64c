// interop: the data directory that a stopped Kafka 4.3.1 left (test/fixtures/kafka-4.3.1), and what is known of it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import type { Seen, SeenPartition } from './probe.ts'

type KnownPartition = {
  logStartOffset: number
  logEndOffset: number
  lastStableOffset: number
  dataRecordsFromStart: number
  readCommittedRecords: number
  sha256: string
}

type Known = { partitions: Record<string, KnownPartition>; committedOffsets: Seen['groups'] }

/** Extracts it to `directory`/data. */
export function unpackFixture(root: string, directory: string): void {
  mkdirSync(directory, { recursive: true })
  const archive = `${root}/test/fixtures/kafka-4.3.1/data-dir-4.3.1.tar.gz`
  const { status, stderr } = spawnSync('tar', ['xzf', archive, '-C', directory], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tar: ${stderr}`)
}

/** What its JSON says, of partitions that clients can read, in the probe's form. */
export function knownOfFixture(root: string): {
  partitions: Record<string, Partial<SeenPartition>>
  groups: Seen['groups']
} {
  const known = JSON.parse(readFileSync(`${root}/test/fixtures/kafka-4.3.1/data-dir-4.3.1.json`, 'utf8')) as Known
  const partitions = Object.entries(known.partitions)
    .filter(([name]) => name !== '__cluster_metadata-0')
    .map(([name, one]) => {
      const { logStartOffset, logEndOffset, lastStableOffset, readCommittedRecords } = one
      const seen = { logStartOffset, highWatermark: logEndOffset, lastStableOffset, readCommittedRecords }
      const records = { records: one.dataRecordsFromStart }
      // It is over what the segments hold, which is more than is served where the log start is within one.
      return [name, { ...seen, ...records, ...(logStartOffset === 0 ? { sha256: one.sha256 } : {}) }] as const
    })
  const groups = Object.entries(known.committedOffsets).map(([group, offsets]) => {
    const committed = Object.entries(offsets).map(([partition, { offset, leaderEpoch, metadata }]) => {
      return [partition, { offset, leaderEpoch, metadata }] as const
    })
    return [group, Object.fromEntries(committed)] as const
  })
  return { partitions: Object.fromEntries(partitions), groups: Object.fromEntries(groups) }
}

/** Its topics' own configs, as Kafka 4.3.1 described them on this very directory. */
export const configsOfFixture: Seen['configs'] = {
  __consumer_offsets: { 'cleanup.policy': 'compact', 'compression.type': 'producer', 'segment.bytes': '104857600' },
  __share_group_state: {
    'cleanup.policy': 'delete',
    'compression.type': 'producer',
    'min.insync.replicas': '1',
    'retention.ms': '-1',
    'segment.bytes': '104857600',
  },
  __transaction_state: {
    'cleanup.policy': 'compact',
    'compression.type': 'uncompressed',
    'min.insync.replicas': '1',
    'segment.bytes': '104857600',
    'unclean.leader.election.enable': 'false',
  },
  'append-time': { 'message.timestamp.type': 'LogAppendTime' },
  big: { 'index.interval.bytes': '4096', 'retention.ms': '-1', 'segment.bytes': '1048576' },
  codecs: { 'retention.ms': '-1' },
  compacted: {
    'cleanup.policy': 'compact',
    'delete.retention.ms': '864000000',
    'min.cleanable.dirty.ratio': '0.01',
    'min.compaction.lag.ms': '0',
    'segment.ms': '1000',
  },
  empty: { 'cleanup.policy': 'delete,compact', 'retention.ms': '1234567' },
  idempotent: { 'retention.ms': '-1' },
  'server-zstd': { 'compression.type': 'zstd', 'retention.ms': '-1' },
  timed: { 'index.interval.bytes': '0', 'retention.ms': '-1', 'segment.ms': '60000' },
  trimmed: { 'retention.ms': '-1', 'segment.ms': '60000' },
  txn: { 'retention.ms': '-1' },
  'txn-open': { 'retention.ms': '-1' },
}
