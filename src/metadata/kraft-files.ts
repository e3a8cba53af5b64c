/**
 * metadata: what Kafka keeps beside the records: control records of the quorum, `quorum-state`, `bootstrap.checkpoint` and the
 * snapshots `<end offset, 20 digits>-<epoch, 10 digits>.checkpoint`.
 *
 *     snapshot:  control batch: SnapshotHeader [KRaftVersion KRaftVoters] | record batches | control batch: SnapshotFooter
 */
import {
  batchesIn,
  buildRecordBatch,
  type ControlRecordType,
  controlRecordTypeOf,
  controlRecordTypes,
  type RecordBatchView,
  type RecordToWrite,
  recordsOf,
  wholeBatchesEnd,
} from '../../protocol/records/index.ts'
import { type Decoded, type Fields, Reader } from '../../protocol/schema/index.ts'
import {
  kRaftVersionRecord,
  leaderChangeMessage,
  type StoredSchema,
  snapshotFooterRecord,
  snapshotHeaderRecord,
  votersRecord,
} from '../../protocol/state/index.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { MetadataRecord } from './metadata-record.ts'

export type Voter = Decoded<typeof votersRecord.fields>['voters'][number]

/** What the control records say of the quorum. */
export interface Quorum {
  /** 0: voters are configured; 1: they stand in the log (KIP-853). */
  kRaftVersion: number
  voters: readonly Voter[]
}

interface ControlRecord {
  readonly type: ControlRecordType
  readonly value: Buffer
}

export function kRaftVersion(version: number): ControlRecord {
  return { type: 'KRAFT_VERSION', value: kRaftVersionRecord.encodeBody(0, { kRaftVersion: version }) }
}

export function kRaftVoters(voters: readonly Voter[]): ControlRecord {
  return { type: 'KRAFT_VOTERS', value: votersRecord.encodeBody(0, { voters }) }
}

export function leaderChange(nodeId: number, voters: readonly number[]): ControlRecord {
  const value = leaderChangeMessage.encodeBody(0, {
    leaderId: nodeId,
    voters: voters.map((voterId) => ({ voterId })),
    grantingVoters: [{ voterId: nodeId }],
  })
  return { type: 'LEADER_CHANGE', value }
}

/** One control batch with several records, as the raft leader writes them. */
export function controlBatch(
  records: readonly ControlRecord[],
  position: { baseOffset: number; epoch: number; timestamp: number },
): Buffer {
  return buildRecordBatch(
    { baseOffset: position.baseOffset, partitionLeaderEpoch: position.epoch, isControl: true },
    records.map(
      ({ type, value }): RecordToWrite => ({
        timestamp: position.timestamp,
        key: Buffer.from([0, 0, 0, controlRecordTypes.indexOf(type)]),
        value,
      }),
    ),
  )
}

/** One batch of metadata records: applied wholly or not at all. */
export function recordBatch(
  records: readonly MetadataRecord[],
  position: { baseOffset: number; epoch: number; timestamp: number },
): Buffer {
  return buildRecordBatch(
    { baseOffset: position.baseOffset, partitionLeaderEpoch: position.epoch },
    records.map(({ bytes }): RecordToWrite => ({ timestamp: position.timestamp, key: null, value: bytes })),
  )
}

/** Takes over what a control batch says of the quorum. */
export function readControlBatch(batch: RecordBatchView, quorum: Quorum): void {
  for (const { key, value } of recordsOf(batch)) {
    if (value === null) continue
    const type = controlRecordTypeOf(key)
    if (type === 'KRAFT_VERSION') quorum.kRaftVersion = decodeBody(kRaftVersionRecord, value).kRaftVersion
    if (type === 'KRAFT_VOTERS') quorum.voters = decodeBody(votersRecord, value).voters
  }
}

/** A control record's body starts with its own version. */
function decodeBody<F extends Fields>(schema: StoredSchema<F>, value: Buffer): Decoded<F> {
  return schema.codec(value.readInt16BE(0)).decode(new Reader(value))
}

export interface Snapshot {
  /** The offset of the first record that it does not hold. */
  readonly endOffset: number
  readonly epoch: number
  readonly content: Buffer
}

const snapshotName = /^(\d{20})-(\d{10})\.checkpoint$/

/** The newest snapshot in `directory` that is whole; `onBroken` hears of newer ones that are not. */
export async function newestSnapshot(
  files: FileSystem,
  directory: string,
  onBroken: (path: string) => void,
): Promise<Snapshot | undefined> {
  const names = (await files.list(directory)).filter((name) => snapshotName.test(name)).reverse()
  for (const name of names) {
    const [, endOffset, epoch] = snapshotName.exec(name) ?? []
    const path = `${directory}/${name}`
    const content = await files.readFile(path)
    if (isWhole(content)) return { endOffset: Number(endOffset), epoch: Number(epoch), content }
    onBroken(path)
  }
  return undefined
}

/** Every batch with a good checksum, and a footer at the end. */
function isWhole(content: Buffer): boolean {
  if (wholeBatchesEnd(content) !== content.length) return false
  let hasFooter = false
  for (const batch of batchesIn(content)) {
    if (!batch.isCrcValid()) return false
    hasFooter = false
    if (!batch.isControl) continue
    for (const { key } of recordsOf(batch)) hasFooter = controlRecordTypeOf(key) === 'SNAPSHOT_FOOTER'
  }
  return hasFooter
}

/** The bytes of a snapshot file. */
export function snapshotContent(
  records: readonly MetadataRecord[],
  quorumRecords: readonly ControlRecord[],
  timestamp: number,
): Buffer {
  const header: ControlRecord = {
    type: 'SNAPSHOT_HEADER',
    value: snapshotHeaderRecord.encodeBody(0, { lastContainedLogTimestamp: 0 }),
  }
  const footer: ControlRecord = { type: 'SNAPSHOT_FOOTER', value: snapshotFooterRecord.encodeBody(0, {}) }
  const first = controlBatch([header, ...quorumRecords], { baseOffset: 0, epoch: 0, timestamp })
  let nextOffset = 1 + quorumRecords.length
  const batches = [first]
  if (records.length > 0) {
    batches.push(recordBatch(records, { baseOffset: nextOffset, epoch: 0, timestamp }))
    nextOffset += records.length
  }
  batches.push(controlBatch([footer], { baseOffset: nextOffset, epoch: 0, timestamp }))
  return Buffer.concat(batches)
}

export function snapshotPath(directory: string, endOffset: number, epoch: number): string {
  return `${directory}/${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}.checkpoint`
}

/** `quorum-state`: JSON, in the form of data_version 0 (configured voters) or 1. */
export async function readQuorumState(
  files: FileSystem,
  directory: string,
): Promise<{ leaderEpoch: number } | undefined> {
  const path = `${directory}/quorum-state`
  if (!(await files.exists(path))) return undefined
  const text = (await files.readFile(path)).toString('utf8')
  try {
    const { leaderEpoch } = JSON.parse(text) as { leaderEpoch?: unknown }
    return typeof leaderEpoch === 'number' ? { leaderEpoch } : undefined
  } catch {
    return undefined // torn or edited: the epoch in the log counts
  }
}

export async function writeQuorumState(
  files: FileSystem,
  directory: string,
  state: { leaderId: number; leaderEpoch: number; kRaftVersion: number },
): Promise<void> {
  const { leaderId, leaderEpoch } = state
  const content =
    state.kRaftVersion > 0
      ? { leaderId, leaderEpoch, votedId: -1, votedDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA', data_version: 1 }
      : {
          clusterId: '',
          leaderId,
          leaderEpoch,
          votedId: -1,
          appliedOffset: 0,
          currentVoters: [{ voterId: leaderId }],
          data_version: 0,
        }
  await files.replaceFile(`${directory}/quorum-state`, JSON.stringify(content))
}
