/** What is small on its way and large when it is opened: arrays and compressed data. */
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import {
  alterPartitionReassignments,
  createTopics,
  getTelemetrySubscriptions,
  produce,
  pushTelemetry,
} from '../../protocol/messages/index.ts'
import { buildRecordBatch, crc32c } from '../../protocol/records/index.ts'
import type { Api } from '../../protocol/schema/index.ts'
import { Writer } from '../../protocol/schema/index.ts'
import { bombs } from '../protocol/records/bombs.ts'
import { anyRequest } from '../server/serving.ts'
import { ask, connected, isServed, startUnderTest } from './broker-under-test.ts'

const batchOverhead = 61

function bombBatch(name: string): Buffer {
  const { codec, bytes } = bombs[name]!()
  const small = buildRecordBatch({ codec }, [{ timestamp: 1, key: Buffer.from('k'), value: Buffer.from('v') }])
  const batch = Buffer.concat([small.subarray(0, batchOverhead), bytes])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(crc32c(batch.subarray(21)) >>> 0, 17)
  return batch
}

describe('an array', () => {
  it.each([
    ['of 2 billion elements', (writer: Writer) => writer.int32(0x7fffffff)],
    ['of as many elements as there are bytes', (writer: Writer) => writer.int32(1_000_000)],
    ['of less than no elements', (writer: Writer) => writer.int32(-2)],
  ])('%s ends its connection alone', async (_, write) => {
    const { ports, errors } = await startUnderTest()
    const writer = new Writer()
    writer.int16(-1)
    write(writer)
    const client = await connected(ports[0]!)
    client.send(anyRequest(createTopics.key, 1, Buffer.concat([writer.toBuffer(), Buffer.alloc(1_000_000, 0xff)])))
    await client.closed()
    expect(await isServed(ports[0]!)).toBe(true)
    expect(errors).toEqual([])
  })

  it('of 200,000 arrays, each with an empty one, is answered', async () => {
    const { ports, errors } = await startUnderTest()
    const partition = { partitionIndex: 0, replicas: [] }
    const topics = Array.from({ length: 2000 }, () => ({ name: 'absent', partitions: Array(100).fill(partition) }))
    const client = await connected(ports[0]!)
    const answered = await ask<{ responses: object[] }>(client, alterPartitionReassignments as Api, 0, { topics })
    expect(answered.responses.length).toBeGreaterThan(0)
    expect(await isServed(ports[0]!)).toBe(true)
    expect(errors).toEqual([])
  })
})

describe('compressed data that inflates to far more', () => {
  it.each(Object.keys(bombs))('in a compacted topic is refused: %s', async (name) => {
    const { ports, errors } = await startUnderTest({ 'message.max.bytes': '10000000' })
    const client = await connected(ports[0]!)
    const configs = [{ name: 'cleanup.policy', value: 'compact' }]
    await ask(client, createTopics as Api, 7, {
      topics: [{ name: 't', numPartitions: 1, replicationFactor: 1, configs }],
    })
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: bombBatch(name) }] }]
    const { responses } = await ask<{ responses: { partitionResponses: { errorCode: number }[] }[] }>(
      client,
      produce as Api,
      9,
      { acks: -1, timeoutMs: 1000, topicData },
    )
    const refusals = ['MESSAGE_TOO_LARGE', 'CORRUPT_MESSAGE', 'INVALID_RECORD'] as const
    expect(refusals.map(errorCode)).toContain(responses[0]!.partitionResponses[0]!.errorCode)
    expect(await isServed(ports[0]!)).toBe(true)
    expect(errors).toEqual([])
  })

  it('in PushTelemetry is refused', async () => {
    const { ports, errors } = await startUnderTest({ 'odradek.metrics.port': '0' })
    const client = await connected(ports[0]!)
    const { clientInstanceId, subscriptionId } = await ask<{ clientInstanceId: string; subscriptionId: number }>(
      client,
      getTelemetrySubscriptions as Api,
      0,
      {},
    )
    const metrics = gzipSync(Buffer.alloc(50_000_000))
    const body = { clientInstanceId, subscriptionId, terminating: false, compressionType: 1, metrics }
    const { errorCode: code } = await ask<{ errorCode: number }>(client, pushTelemetry as Api, 0, body)
    expect(code).toBe(errorCode('TELEMETRY_TOO_LARGE'))
    expect(await isServed(ports[0]!)).toBe(true)
    expect(errors).toEqual([])
  })
})
