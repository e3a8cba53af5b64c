/** Quotas as clients meet them: throttle times, empty answers, and connections that are not heard meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alterClientQuotas, createTopics, fetch, metadata, produce } from '../../protocol/messages/index.ts'
import { buildRecordBatch } from '../../protocol/records/index.ts'
import type { Api, DecodedResponse } from '../../protocol/schema/index.ts'
import { type RunningBroker, startBroker } from '../../src/broker.ts'
import { RawClient } from '../network/raw-client.ts'
import { answer, request } from '../server/serving.ts'

let broker: RunningBroker
let port: number
beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true })
  port = Number(broker.bootstrapServers.split(':')[1])
  const [topic] = (
    await ask('admin', createTopics, 7, {
      topics: [{ name: 'limited', numPartitions: 1, replicationFactor: 1 }],
      timeoutMs: 1_000,
    })
  ).topics
  expect(topic!.errorCode).toBe(0)
})
afterAll(() => broker.close())

/** On a connection of its own. */
async function ask<A extends Api>(
  clientId: string,
  api: A,
  version: number,
  body: object,
): Promise<DecodedResponse<A>> {
  const client = await RawClient.connect(port)
  client.send(request(api, version, body, { clientId }))
  const told = answer<DecodedResponse<A>>(api, version, await client.frame()).body
  client.destroy()
  return told
}

async function limit(clientId: string, key: string, value: number): Promise<void> {
  const entity = [{ entityType: 'client-id', entityName: clientId }]
  const { entries } = await ask('admin', alterClientQuotas, 1, {
    entries: [{ entity, ops: [{ key, value, remove: false }] }],
  })
  expect(entries[0]!.errorCode).toBe(0)
}

const records = buildRecordBatch({}, [{ timestamp: Date.now(), key: null, value: Buffer.alloc(10_000, 'v') }])
const producing = {
  acks: -1,
  timeoutMs: 1_000,
  topicData: [{ name: 'limited', partitionData: [{ index: 0, records }] }],
}
const fetching = {
  maxWaitMs: 0,
  minBytes: 0,
  maxBytes: 1_000_000,
  sessionId: 0,
  sessionEpoch: 0,
  topics: [{ topic: 'limited', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }],
}

/** Asks twice without waiting, and tells the first answer and how long the second one took. */
async function askTwice<A extends Api>(clientId: string, api: A, version: number, body: object) {
  const client = await RawClient.connect(port)
  const sentMs = performance.now()
  client.send(Buffer.concat([request(api, version, body, { clientId }), request(metadata, 9, {}, { clientId })]))
  const first = answer<DecodedResponse<A>>(api, version, await client.frame()).body
  await client.frame()
  const mutedMs = performance.now() - sentMs
  client.destroy()
  return { first, mutedMs }
}

describe('quotas', () => {
  it('throttle a producer, whose records are there all the same', async () => {
    await limit('producer', 'producer_byte_rate', 1_000)
    const { first, mutedMs } = await askTwice('producer', produce, 9, producing)
    expect(first.responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(first.throttleTimeMs).toBeGreaterThan(0)
    expect(first.throttleTimeMs).toBeLessThan(300)
    expect(mutedMs).toBeGreaterThan(first.throttleTimeMs - 5)
  })

  it('answer a throttled consumer with nothing, and with all when it asks again', async () => {
    await limit('consumer', 'consumer_byte_rate', 980)
    const { first, mutedMs } = await askTwice('consumer', fetch, 11, fetching)
    expect(first).toMatchObject({ errorCode: 0, sessionId: 0, responses: [] })
    expect(first.throttleTimeMs).toBeGreaterThan(0)
    expect(mutedMs).toBeGreaterThan(first.throttleTimeMs - 5)
    await limit('consumer', 'consumer_byte_rate', 1_000_000)
    const again = await ask('consumer', fetch, 11, fetching)
    expect(again).toMatchObject({ throttleTimeMs: 0, errorCode: 0 })
    expect(again.responses[0]!.partitions[0]!.records!.length).toBeGreaterThan(10_000)
  })

  it('leave other clients alone', async () => {
    expect(await ask('other', fetch, 11, fetching)).toMatchObject({ throttleTimeMs: 0, errorCode: 0 })
    expect((await ask('other', produce, 9, producing)).throttleTimeMs).toBe(0)
  })

  it('refuse topics to clients that know why, and let the others wait', async () => {
    await limit('creator', 'controller_mutation_rate', 0.01)
    const create = (name: string) => ({
      topics: [{ name, numPartitions: 1, replicationFactor: 1 }],
      timeoutMs: 1_000,
    })
    expect((await ask('creator', createTopics, 7, create('one'))).topics[0]!.errorCode).toBe(0)
    const refused = await ask('creator', createTopics, 7, create('two'))
    expect(refused.topics[0]!.errorCode).toBe(89)
    expect(refused.throttleTimeMs).toBeGreaterThan(80_000)
    const old = await ask('creator', createTopics, 5, create('three'))
    expect(old.topics[0]!.errorCode).toBe(0)
    expect(old.throttleTimeMs).toBeGreaterThan(180_000)
  })
})
