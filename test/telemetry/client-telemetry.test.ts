import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { codecs, compress } from '../../protocol/records/index.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { SeededRandom } from '../../src/runtime/random.ts'
import { ClientMetrics, maxSeriesPerClient } from '../../src/telemetry/client-metrics.ts'
import { ClientTelemetry, type TelemetryPeer } from '../../src/telemetry/client-telemetry.ts'
import { otlp, type WrittenMetric } from './otlp-writer.ts'

const noId = 'AAAAAAAAAAAAAAAAAAAAAA'
const maxBytes = 10_000

function open(...subscriptions: [name: string, configs: Record<string, string>][]) {
  const clock = new SimulatedClock()
  const metrics = new ClientMetrics()
  const configs = new Map(subscriptions.map(([name, values]) => [name, new Map(Object.entries(values))]))
  const telemetry = new ClientTelemetry({
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    maxBytes,
    maxInstances: 100,
    subscriptions: () => configs,
    receiver: metrics,
  })
  return { clock, metrics, configs, telemetry }
}

function peer(more: Partial<TelemetryPeer> = {}): TelemetryPeer & { close(): void } {
  const closed: (() => void)[] = []
  return {
    user: 'ANONYMOUS',
    client_id: 'app-1',
    client_software_name: 'apache-kafka-java',
    client_software_version: '4.3.1',
    client_source_address: '10.1.2.3',
    client_source_port: '50000',
    onClose: (listener) => {
      closed.push(listener)
      return () => {}
    },
    close: () => {
      for (const listener of closed) listener()
    },
    ...more,
  }
}

const everything: [string, Record<string, string>] = ['all', { metrics: '*', 'interval.ms': '1000' }]

/** Subscribes and pushes once. */
function push(opened: ReturnType<typeof open>, written: readonly WrittenMetric[], from = peer(), id = noId) {
  const { clientInstanceId, subscriptionId } = opened.telemetry.subscribe(id, from)
  const request = { clientInstanceId, subscriptionId, terminating: false, compressionType: 0, metrics: otlp(written) }
  opened.telemetry.push(request, from)
  return request
}

describe('subscriptions', () => {
  it('ask those clients that all their expressions match, as a whole, for what any of them wants, as often as one does', () => {
    const { telemetry } = open(
      ['java', { match: 'client_software_name=apache-kafka-java,client_software_version=4\\..*', metrics: 'b,a' }],
      ['app', { match: 'client_id=app', metrics: 'never' }],
      ['net', { match: 'client_source_address=10\\.1\\..*', metrics: 'c,a', 'interval.ms': '5000' }],
    )
    expect(telemetry.subscribe(noId, peer())).toMatchObject({
      requestedMetrics: ['a', 'b', 'c'],
      pushIntervalMs: 5_000,
    })
    const other = peer({ client_software_version: '3.9', client_source_address: '10.2.0.1' })
    expect(telemetry.subscribe(noId, other)).toMatchObject({ requestedMetrics: [], pushIntervalMs: 300_000 })
  })

  it('that change are a new one for every client, at once', () => {
    const { telemetry, configs } = open(everything)
    const first = telemetry.subscribe(noId, peer())
    expect(() => telemetry.subscribe(first.clientInstanceId, peer())).toThrow('throttling quota')
    configs.set('more', new Map([['interval.ms', '200']]))
    const second = telemetry.subscribe(first.clientInstanceId, peer())
    expect(second.subscriptionId).not.toBe(first.subscriptionId)
    expect(second.pushIntervalMs).toBe(200)
  })

  it('take an expression that takes no time with RE2, and leave out one that RE2 can not read', () => {
    const { telemetry } = open(
      ['slow', { match: 'client_id=(a+)+b', metrics: 'slow' }],
      ['unreadable', { match: 'client_id=(?!b).*', metrics: 'unreadable' }],
    )
    expect(telemetry.subscribe(noId, peer({ client_id: 'a'.repeat(5_000) })).requestedMetrics).toEqual([])
  })
})

describe('clients', () => {
  it('push once in each interval, or when they end', async () => {
    const opened = open(everything)
    const { telemetry, clock } = opened
    const request = push(opened, [{ name: 'org.apache.kafka.producer.sent', value: 1 }])
    expect(() => telemetry.push(request, peer())).toThrow('throttling quota')
    await clock.advance(1_000)
    telemetry.push(request, peer())
    telemetry.push({ ...request, terminating: true }, peer())
    await clock.advance(1_000)
    expect(() => telemetry.push(request, peer())).toThrow(expect.objectContaining({ kafkaError: 'INVALID_REQUEST' }))
  })

  it.each([1, 3])('may compress what they push with codec %i, and not too much of it', async (compressionType) => {
    const opened = open(everything)
    const { telemetry, metrics } = opened
    const pushed = (bytes: Buffer) => {
      const { clientInstanceId, subscriptionId } = telemetry.subscribe(noId, peer())
      const compressed = compress(codecs[compressionType]!, bytes)
      expect(compressed.length).toBeLessThan(maxBytes)
      telemetry.push(
        { clientInstanceId, subscriptionId, terminating: false, compressionType, metrics: compressed },
        peer(),
      )
    }
    pushed(otlp([{ name: 'a', value: 1 }]))
    expect(metrics.byName().get('kafka_client_a')).toHaveLength(1)
    expect(() => pushed(Buffer.alloc(1_000_000))).toThrow(
      expect.objectContaining({ kafkaError: 'TELEMETRY_TOO_LARGE' }),
    )
  })

  it('that push bombs or nonsense are told so in no time', () => {
    const { telemetry, metrics } = open(everything)
    const pushed = (bytes: Buffer, compressionType: number) => {
      const { clientInstanceId, subscriptionId } = telemetry.subscribe(noId, peer())
      telemetry.push({ clientInstanceId, subscriptionId, terminating: false, compressionType, metrics: bytes }, peer())
    }
    const bomb = gzipSync(Buffer.alloc(9_000_000))
    expect(bomb.length).toBeLessThan(maxBytes)
    expect(() => pushed(bomb, 1)).toThrow(expect.objectContaining({ kafkaError: 'TELEMETRY_TOO_LARGE' }))
    for (const type of [0, 1, 2, 3, 4]) {
      const nonsense = Buffer.from('nonsense that is nothing at all')
      expect(() => pushed(nonsense, type), `${type}`).toThrow(expect.objectContaining({ kafkaError: 'INVALID_RECORD' }))
    }
    expect(metrics.seriesCount).toBe(0)
  })

  it('are forgotten with their metrics when their connection ends, or they are not heard of', async () => {
    const opened = open(everything)
    const { telemetry, metrics, clock } = opened
    const closing = peer()
    push(opened, [{ name: 'a', value: 1 }], closing)
    push(opened, [{ name: 'a', value: 1 }])
    expect([telemetry.instanceCount, metrics.seriesCount]).toEqual([2, 2])
    closing.close()
    expect([telemetry.instanceCount, metrics.seriesCount]).toEqual([1, 1])
    await clock.advance(60_000)
    expect([telemetry.instanceCount, metrics.seriesCount]).toEqual([0, 0])
  })

  it('that invent ids are forgotten, the oldest first', () => {
    const { telemetry } = open(everything)
    for (let count = 0; count < 150; count += 1) telemetry.subscribe(noId, peer())
    expect(telemetry.instanceCount).toBe(100)
    telemetry.close()
  })
})

describe('what clients have pushed', () => {
  it('adds up where it is a difference, and is named and labelled by who it is of', async () => {
    const opened = open(everything)
    const written: WrittenMetric[] = [
      { name: 'org.apache.kafka.producer.record.send.total', value: 5, kind: 'delta', attributes: { 'node.id': '1' } },
      { name: 'other-thing', value: 2 },
    ]
    const request = push(opened, written, peer(), noId)
    await opened.clock.advance(1_000)
    opened.telemetry.push(request, peer())
    const found = opened.metrics.byName()
    expect(found.get('kafka_client_producer_record_send_total')).toEqual([
      {
        type: 'counter',
        value: 10,
        labels: {
          node_id: '1',
          client_instance_id: request.clientInstanceId,
          client_id: 'app-1',
          client_software_name: 'apache-kafka-java',
          client_software_version: '4.3.1',
          client_source_address: '10.1.2.3',
          user: 'ANONYMOUS',
        },
      },
    ])
    expect(found.get('kafka_client_other_thing')![0]).toMatchObject({ type: 'gauge', value: 2 })
  })

  it('can not pass for what another client or the broker tells', () => {
    const opened = open(everything)
    push(opened, [
      {
        name: 'kafka_server_kafkaserver_brokerstate',
        value: 0,
        attributes: { client_id: 'somebody', user: 'admin', '1 "x': 'y' },
      },
    ])
    const [series] = opened.metrics.byName().get('kafka_client_kafka_server_kafkaserver_brokerstate')!
    expect(series!.labels).toMatchObject({ client_id: 'app-1', user: 'ANONYMOUS', _1__x: 'y' })
  })

  it('is bounded for each client', () => {
    const opened = open(everything)
    const many = Array.from({ length: maxSeriesPerClient + 7 }, (_, index) => ({
      name: `metric-${index}`,
      value: index,
    }))
    const from = peer()
    opened.metrics.record({ ...from, client_instance_id: 'one' }, 'ANONYMOUS', otlp(many))
    expect([opened.metrics.seriesCount, opened.metrics.droppedPoints]).toEqual([maxSeriesPerClient, 7])
    opened.metrics.forget('one')
    expect(opened.metrics.seriesCount).toBe(0)
  })
})
