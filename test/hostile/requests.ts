/** test: whole requests of every API and version that is served, with bodies that a broker with the topics of `prepare` makes sense of. */
import { apiVersions, createTopics, fetch, metadata, produce } from '../../protocol/messages/index.ts'
import { buildRecordBatch, type Codec, crc32c } from '../../protocol/records/index.ts'
import type { Api, Field, Fields } from '../../protocol/schema/index.ts'
import { includesVersion } from '../../protocol/schema/index.ts'
import { handlers } from '../../src/handlers/index.ts'
import { RawClient } from '../network/raw-client.ts'
import { answer, request, requestBody } from '../server/serving.ts'
import type { Chance } from '../simulation/chance.ts'

const lasting = ['t-0', 't-1', 't-compacted']
const passing = ['d-0', 'd-1', 'd-2']
/** Of a topic that there is not. */
const absentId = 'c3RyYW5nZXItdGhhbi1pdA'
/** May be made and removed by whatever is sent. */
const makesTopics = new Set(['CreateTopics', 'DeleteTopics', 'CreatePartitions'])
const codecs: readonly Codec[] = ['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd']
const crcField = 17
const attributesField = 21

const groups = ['g-0', 'g-1', 'g-2']
const transactionalIds = ['x-0', 'x-1']
const strings: Readonly<Record<string, readonly string[]>> = {
  groupId: groups,
  groups,
  groupsNames: groups,
  groupIds: groups,
  key: ['g-0', 'x-0', 'producer_byte_rate', 'consumer_byte_rate'],
  coordinatorKeys: ['g-0', 'x-0'],
  transactionalId: transactionalIds,
  transactionalIds,
  v3AndBelowTransactionalId: transactionalIds,
  transactionalIdPattern: ['x-.*', '('],
  subscribedTopicRegex: ['t-.*', '('],
  memberId: ['', 'm-0', 'bWVtYmVyLW9mLWEtZ3JvdQ'],
  groupInstanceId: ['i-0'],
  instanceId: ['i-0'],
  protocolType: ['consumer'],
  protocolName: ['range'],
  serverAssignor: ['uniform', 'range'],
  statesFilter: ['Stable', 'Empty'],
  stateFilters: ['Ongoing'],
  typesFilter: ['classic', 'consumer'],
  mechanism: ['PLAIN', 'SCRAM-SHA-256'],
  clientSoftwareName: ['fuzz'],
  clientSoftwareVersion: ['1.0'],
  value: ['1000000', 'compact', 'delete'],
  configurationKeys: ['retention.ms', 'cleanup.policy'],
  resourceName: ['t-0', 't-1', '1', 'g-0', ''],
  principal: ['User:alice'],
  host: ['*'],
  entityType: ['user', 'client-id'],
  entityName: ['somebody'],
  match: ['somebody'],
  feature: ['group.version', 'transaction.version'],
  rackId: [''],
  clusterId: [''],
  path: ['/odradek'],
}
const numbers: Readonly<Record<string, readonly number[]>> = {
  acks: [1, -1],
  timeoutMs: [0, 100],
  maxWaitMs: [0, 10],
  minBytes: [0, 1],
  maxBytes: [1_000_000],
  partitionMaxBytes: [100_000],
  sessionTimeoutMs: [6000],
  rebalanceTimeoutMs: [100, 1000],
  transactionTimeoutMs: [1000],
  numPartitions: [1, 3, -1],
  replicationFactor: [1, -1],
  brokerIds: [1],
  replicas: [1],
  brokerId: [7],
  leaderEpoch: [-1, 0],
  currentLeaderEpoch: [-1, 0],
  lastFetchedEpoch: [-1],
  replicaId: [-1],
  timestamp: [-1, -2, -3, 0],
  sessionEpoch: [-1, 0, 1],
  producerEpoch: [0, 1, -1],
  iterations: [4096, 8192],
  count: [3, 4],
  value: [1e12],
}

/** A broker as the requests expect it: topics that last, with their ids. */
export interface Target {
  readonly topicIds: readonly string[]
}

/** Makes the topics. */
export async function prepare(port: number): Promise<Target> {
  const client = await RawClient.connect(port)
  const ask = async <T>(api: Api, version: number, body: object): Promise<T> => {
    client.send(request(api, version, body))
    return answer<T>(api, version, await client.frame()).body
  }
  const topics = lasting.map((name) => {
    const configs = name === 't-compacted' ? [{ name: 'cleanup.policy', value: 'compact' }] : []
    return { name, numPartitions: 2, replicationFactor: 1, configs }
  })
  await ask(createTopics as Api, 7, { topics })
  const described = await ask<{ topics: { topicId: string }[] }>(metadata as Api, 12, {
    topics: lasting.map((name) => ({ name })),
  })
  client.destroy()
  return { topicIds: described.topics.map(({ topicId }) => topicId) }
}

/** One of all that is served, in any of its versions; without its size. */
export function anyRequest(chance: Chance, target: Target): Buffer {
  const { api, versions } = chance.pick(handlers)
  const version = chance.between(versions.first, versions.last)
  const body = new Bodies(chance, api, version, target).struct(api.request.fields)
  const clientId = chance.pick(['fuzz', '', null])
  return requestBody(api, version, body, { correlationId: chance.below(1000), clientId })
}

/** Makes up one body after its schema. */
class Bodies {
  readonly #chance: Chance
  readonly #api: Api
  readonly #version: number
  readonly #target: Target

  constructor(chance: Chance, api: Api, version: number, target: Target) {
    this.#chance = chance
    this.#api = api
    this.#version = version
    this.#target = target
  }

  struct(fields: Fields): Record<string, unknown> {
    const body: Record<string, unknown> = {}
    for (const [name, field] of Object.entries(fields)) {
      const isThere =
        includesVersion(field.versions, this.#version) && (field.tag === undefined || this.#chance.happens(0.5))
      if (isThere) body[name] = this.#value(name, field)
    }
    return body
  }

  #value(name: string, field: Field<unknown>): unknown {
    const chance = this.#chance
    if (includesVersion(field.nullable, this.#version) && chance.happens(0.1)) return null
    switch (field.kind) {
      case 'array':
        return Array.from({ length: chance.pick([0, 1, 1, 1, 2]) }, () => this.#value(name, field.element!))
      case 'struct':
        return this.struct(field.fields!)
      case 'string':
        return this.#string(name)
      case 'uuid':
        return this.#api.name === 'DeleteTopics' ? absentId : chance.pick([...this.#target.topicIds, absentId])
      case 'bool':
        return chance.happens(0.5)
      case 'bytes':
        return chance.pick([Buffer.alloc(0), Buffer.from('\0alice\0wrong'), chance.random.bytes(chance.below(40))])
      case 'records':
        return anyRecords(chance)
      case 'int64':
        return BigInt(chance.pick([-1, 0, 1, 2]))
      case 'uint16':
      case 'uint32':
        return chance.below(3)
      default:
        return chance.pick(numbers[name] ?? [0, 0, 1, 2, -1])
    }
  }

  #string(name: string): string {
    const chance = this.#chance
    if (name in strings) return chance.pick(strings[name]!)
    if (makesTopics.has(this.#api.name)) return chance.pick(name === 'name' || name === 'topicNames' ? passing : ['x'])
    if (this.#api.name.includes('Configs') && name === 'name') return chance.pick(['retention.ms', 'max.message.bytes'])
    return chance.pick(
      ['topic', 'name', 'topicName'].includes(name) ? [...lasting, ...passing, 'absent'] : [...lasting, 'range'],
    )
  }
}

/** A batch as a producer makes it; one in three has other bytes inside, under a checksum that is right. */
function anyRecords(chance: Chance): Buffer {
  const producer = chance.happens(0.3) ? { producerId: 1n, producerEpoch: 0, baseSequence: chance.below(3) } : {}
  const records = Array.from({ length: chance.between(1, 4) }, (_, index) => ({
    timestamp: 1_700_000_000_000,
    key: chance.happens(0.8) ? Buffer.from(`key-${index}`) : null,
    value: Buffer.alloc(chance.below(200), 97),
  }))
  const batch = buildRecordBatch({ codec: chance.pick(codecs), ...producer }, records)
  if (!chance.happens(0.33)) return batch
  for (let changes = chance.between(1, 4); changes > 0; changes -= 1) {
    batch[chance.between(attributesField, batch.length - 1)] = chance.below(256)
  }
  batch.writeUInt32BE(crc32c(batch.subarray(attributesField)) >>> 0, crcField)
  return batch
}

export interface GoodRequest {
  readonly api: Api
  readonly version: number
  readonly body: object
}

const produceOne: GoodRequest = {
  api: produce as Api,
  version: 9,
  get body() {
    const records = buildRecordBatch({}, [{ timestamp: 1, key: null, value: Buffer.from('good') }])
    return { acks: -1, timeoutMs: 1000, topicData: [{ name: 'good', partitionData: [{ index: 0, records }] }] }
  },
}
const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }]
const fetchOne: GoodRequest = {
  api: fetch as Api,
  version: 12,
  body: { maxWaitMs: 100, minBytes: 1, topics: [{ topic: 'good', partitions }] },
}
const metadataOfTopic: GoodRequest = {
  api: metadata as Api,
  version: 12,
  body: { topics: [{ name: 'good' }], allowAutoTopicCreation: true },
}

/** What a good client asks, over and over. */
export const goodRequests: readonly GoodRequest[] = [
  { api: apiVersions as Api, version: 3, body: { clientSoftwareName: 'good', clientSoftwareVersion: '1' } },
  metadataOfTopic,
  produceOne,
]
/** What one asks that produces and fetches, when the topic is there. */
export const producedAndFetched: readonly GoodRequest[] = [produceOne, fetchOne]
