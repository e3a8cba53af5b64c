/** metadata: what Kafka keeps beside the records: control records of the quorum, and `quorum-state`. */
import {
  buildRecordBatch,
  type ControlRecordType,
  controlRecordTypeOf,
  controlRecordTypes,
  type RecordBatchView,
  type RecordToWrite,
  recordsOf,
} from '../../protocol/records/index.ts'
import { type Decoded, type Fields, Reader } from '../../protocol/schema/index.ts'
import { kRaftVersionRecord, leaderChangeMessage, type StoredSchema, votersRecord } from '../../protocol/state/index.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { MetadataRecord } from './metadata-record.ts'

export type Voter = Decoded<typeof votersRecord.fields>['voters'][number]

/** What the control records say of the quorum. */
export interface Quorum {
  /** 0: voters are configured; 1: they stand in the log (KIP-853). */
  kRaftVersion: number
  voters: readonly Voter[]
  /** Who voted when the last epoch began. */
  lastVoterIds: readonly number[]
}

export interface ControlRecord {
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
    if (type === 'KRAFT_VERSION') quorum.kRaftVersion = decodeControlBody(kRaftVersionRecord, value).kRaftVersion
    if (type === 'LEADER_CHANGE') {
      quorum.lastVoterIds = decodeControlBody(leaderChangeMessage, value).voters.map(({ voterId }) => voterId)
    }
    if (type === 'KRAFT_VOTERS') quorum.voters = decodeControlBody(votersRecord, value).voters
  }
}

/** A control record's body starts with its own version. */
export function decodeControlBody<F extends Fields>(schema: StoredSchema<F>, value: Buffer): Decoded<F> {
  return schema.codec(value.readInt16BE(0)).decode(new Reader(value))
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
