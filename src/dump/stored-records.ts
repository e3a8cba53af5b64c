/**
 * dump: the records of Kafka's internal topics and control records, decoded by the schemas of protocol/state: whatever is declared there
 * is known here. What can't be decoded says why, and is shown as bytes.
 */
import { type ControlRecordType, controlRecordTypeOf } from '../../protocol/records/index.ts'
import { Reader } from '../../protocol/schema/index.ts'
import * as classicGroups from '../../protocol/state/classic-groups.ts'
import * as clusterMetadata from '../../protocol/state/cluster-metadata.ts'
import * as consumerGroups from '../../protocol/state/consumer-groups.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  endTxnMarker,
  keyType,
  kRaftVersionRecord,
  leaderChangeMessage,
  readMetadataFrame,
  type StoredSchema,
  snapshotFooterRecord,
  snapshotHeaderRecord,
  transactionLogKey,
  transactionLogValue,
  votersRecord,
} from '../../protocol/state/index.ts'
import * as offsets from '../../protocol/state/offsets.ts'
import * as shareGroups from '../../protocol/state/share-groups.ts'
import * as shareState from '../../protocol/state/share-state.ts'
import * as streamsGroups from '../../protocol/state/streams-groups.ts'
import type { Fields } from './entry.ts'

// biome-ignore lint/suspicious/noExplicitAny: schemas of every shape; what they decode is shown, never used
type AnySchema = StoredSchema<any>

/** More than a broker lets a group or a metadata record have. */
const largestDecodedBytes = 8 * 1024 * 1024

interface Stored {
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** A type that later Kafkas may have added is shown by its number alone. */
class CoordinatorDecoder {
  readonly #keys = new Map<number, AnySchema>()
  readonly #values = new Map<number, AnySchema>()

  constructor(schemas: readonly AnySchema[]) {
    for (const schema of schemas) (schema.name.endsWith('Key') ? this.#keys : this.#values).set(schema.type, schema)
  }

  decode({ key, value }: Stored): Fields {
    if (key === null) return {}
    const type = keyType(key)
    const keySchema = this.#keys.get(type)
    if (keySchema === undefined) return { decodedKey: { type } }
    const decodedKey = { name: keySchema.name, type, data: keySchema.decodeKey(key) }
    const valueSchema = this.#values.get(type)
    if (value === null || valueSchema === undefined) return { decodedKey }
    try {
      return { decodedKey, decodedValue: versioned(valueSchema, value) }
    } catch (error) {
      return { decodedKey, undecodable: (error as Error).message }
    }
  }
}

function versioned(schema: AnySchema, value: Buffer): Fields {
  const data: Fields = schema.decodeVersioned(value)
  return {
    name: schema.name,
    version: value.readInt16BE(0),
    data: schema === classicGroups.groupMetadataValue ? withConsumerProtocol(data) : data,
  }
}

/** What consumers of a classic group have put into it, readable; of other protocols only its members know. */
function withConsumerProtocol(group: Fields): Fields {
  if (group.protocolType !== 'consumer') return group
  const members = group.members as (Fields & { subscription: Buffer; assignment: Buffer })[]
  return {
    ...group,
    members: members.map((member) => ({
      ...member,
      subscription: decodedOrBytes(consumerProtocolSubscription, member.subscription),
      assignment: decodedOrBytes(consumerProtocolAssignment, member.assignment),
    })),
  }
}

function decodedOrBytes(schema: AnySchema, bytes: Buffer): unknown {
  try {
    return schema.decodeVersioned(bytes)
  } catch {
    return bytes // of a later version, or another language's own form
  }
}

const schemasOf = (module: Fields): AnySchema[] => Object.values(module) as AnySchema[]

const metadataByType = new Map(schemasOf(clusterMetadata).map((schema) => [schema.type, schema]))

function decodeMetadata({ value }: Stored): Fields {
  if (value === null) return {}
  const { type, version, body } = readMetadataFrame(value)
  const schema = metadataByType.get(type)
  if (schema === undefined) return { decodedValue: { type, version } }
  return { decodedValue: { name: schema.name, type, version, data: schema.codec(version).decode(body) } }
}

const groupDecoder = new CoordinatorDecoder(
  [offsets, classicGroups, consumerGroups, shareGroups, streamsGroups].flatMap(schemasOf),
)
const transactionDecoder = new CoordinatorDecoder([transactionLogKey, transactionLogValue])
const shareStateDecoder = new CoordinatorDecoder(schemasOf(shareState))

const decoders = new Map<string, (record: Stored) => Fields>([
  ['__consumer_offsets', (record) => groupDecoder.decode(record)],
  ['__transaction_state', (record) => transactionDecoder.decode(record)],
  ['__share_group_state', (record) => shareStateDecoder.decode(record)],
  ['__cluster_metadata', decodeMetadata],
])

/** `decodedKey`, `decodedValue` or `undecodable` of a record of an internal topic; nothing for other topics. */
export function decodeStored(topic: string | undefined, record: Stored): Fields {
  const decode = topic === undefined ? undefined : decoders.get(topic)
  if (decode === undefined) return {}
  return orUndecodable(record, () => decode(record))
}

const controlBodies: Partial<Record<ControlRecordType, AnySchema>> = {
  LEADER_CHANGE: leaderChangeMessage,
  SNAPSHOT_HEADER: snapshotHeaderRecord,
  SNAPSHOT_FOOTER: snapshotFooterRecord,
  KRAFT_VERSION: kRaftVersionRecord,
  KRAFT_VOTERS: votersRecord,
}

/** `controlType` and its value decoded. */
export function decodeControl(record: Stored): Fields {
  const { key, value } = record
  let controlType: ControlRecordType | 'UNKNOWN' | undefined
  const decoded = orUndecodable(record, () => {
    controlType = controlRecordTypeOf(key)
    if (controlType === 'UNKNOWN' || value === null) return {}
    const version = new Reader(value).int16()
    if (controlType === 'ABORT' || controlType === 'COMMIT') {
      return { decodedValue: { name: endTxnMarker.name, version, data: endTxnMarker.decodeVersioned(value) } }
    }
    const schema = controlBodies[controlType]!
    // The body of the others starts with its own version.
    return { decodedValue: { name: schema.name, version, data: schema.codec(version).decode(new Reader(value)) } }
  })
  return controlType === undefined ? decoded : { controlType, ...decoded }
}

function orUndecodable({ key, value }: Stored, decode: () => Fields): Fields {
  const size = Math.max(key?.length ?? 0, value?.length ?? 0)
  if (size > largestDecodedBytes) return { undecodable: `${size} bytes are too many for a record of this topic` }
  try {
    return decode()
  } catch (error) {
    return { undecodable: (error as Error).message }
  }
}
