/** /metrics and /health of a running broker, and what clients push to it. */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  apiVersions,
  getTelemetrySubscriptions,
  incrementalAlterConfigs,
  pushTelemetry,
} from '../../protocol/messages/index.ts'
import type { Api, DecodedResponse } from '../../protocol/schema/index.ts'
import { type BrokerOptions, type RunningBroker, startBroker } from '../../src/broker.ts'
import { RawClient } from '../network/raw-client.ts'
import { answer, request } from '../server/serving.ts'
import { otlp } from '../telemetry/otlp-writer.ts'
import { client } from './kafkajs.ts'

async function start(options: BrokerOptions = {}): Promise<RunningBroker> {
  const broker = await startBroker({ port: 0, memory: true, ...options })
  onTestFinished(() => broker.close())
  return broker
}

async function connected(broker: RunningBroker) {
  const raw = await RawClient.connect(Number(broker.bootstrapServers.split(':')[1]))
  onTestFinished(() => raw.destroy())
  return async <A extends Api>(api: A, version: number, body: object): Promise<DecodedResponse<A>> => {
    raw.send(request(api, version, body, { clientId: 'app' }))
    return answer<DecodedResponse<A>>(api, version, await raw.frame()).body
  }
}

async function metricsOf(broker: RunningBroker): Promise<string[]> {
  const response = await fetch(`${broker.metricsUrl}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain')
  return (await response.text()).split('\n')
}

describe('metrics', () => {
  it('are served nowhere unless they are asked for, and clients are not told to push any', async () => {
    const broker = await start()
    expect(broker.metricsUrl).toBeUndefined()
    const ask = await connected(broker)
    const { apiKeys } = await ask(apiVersions, 2, {})
    expect(apiKeys.filter(({ apiKey }) => apiKey === 71 || apiKey === 72)).toEqual([])
  })

  it('tell of topics, requests, groups, partitions and the controller by the names of the JMX exporter', async () => {
    const broker = await start({ metricsPort: 0 })
    expect(broker.metricsUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const kafka = client(broker)
    const producer = kafka.producer()
    await producer.connect()
    onTestFinished(() => producer.disconnect())
    await producer.send({ topic: 'measured', messages: ['a', 'b', 'c'].map((value) => ({ value })) })
    const consumer = kafka.consumer({ groupId: 'readers' })
    await consumer.connect()
    onTestFinished(() => consumer.disconnect())
    await consumer.subscribe({ topic: 'measured', fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      consumer.run({ eachMessage: async () => resolve() }).catch(reject)
    })
    const lines = await metricsOf(broker)
    const readingOf = (series: string): number =>
      Number(lines.find((line) => line.startsWith(`${series} `))?.slice(series.length))
    expect(readingOf('kafka_server_brokertopicmetrics_messagesin_total{topic="measured"}')).toBe(3)
    expect(readingOf('kafka_server_brokertopicmetrics_messagesin_total')).toBe(3)
    expect(readingOf('kafka_server_brokertopicmetrics_bytesin_total{topic="measured"}')).toBeGreaterThan(60)
    expect(readingOf('kafka_server_brokertopicmetrics_bytesout_total{topic="measured"}')).toBeGreaterThan(60)
    expect(lines.join('\n')).toMatch(/kafka_network_requestmetrics_requests_total\{request="Produce",version="\d+"\} 1/)
    expect(readingOf('kafka_network_requestmetrics_totaltimems_count{request="Produce"}')).toBe(1)
    expect(readingOf('kafka_network_requestmetrics_errors_total{request="Produce",error="NONE"}')).toBe(1)
    expect(readingOf('kafka_server_replicamanager_leadercount')).toBe(51)
    expect(readingOf('kafka_controller_kafkacontroller_activecontrollercount')).toBe(1)
    expect(readingOf('kafka_controller_kafkacontroller_globaltopiccount')).toBe(2)
    expect(readingOf('kafka_log_log_size{topic="measured",partition="0"}')).toBeGreaterThan(60)
    expect(readingOf('kafka_log_log_logendoffset{topic="measured",partition="0"}')).toBe(3)
    expect(readingOf('kafka_coordinator_group_groupmetadatamanager_numgroupsstable')).toBe(1)
    expect(readingOf('kafka_server_group_coordinator_metrics_group_count{protocol="classic",state="Stable"}')).toBe(1)
    expect(readingOf('kafka_server_socket_server_metrics_connection_count{listener="PLAINTEXT"}')).toBeGreaterThan(1)
    expect(readingOf('kafka_server_kafkaserver_brokerstate')).toBe(3)
    const admin = kafka.admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    await consumer.disconnect()
    await admin.deleteTopics({ topics: ['measured'] })
    expect((await metricsOf(broker)).filter((line) => line.includes('"measured"'))).toEqual([])
  })

  it('count elections of leaders that were not in sync', async () => {
    const broker = await start({ metricsPort: 0, brokers: 2 })
    const admin = client(broker).admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    await admin.createTopics({ topics: [{ topic: 'one', replicaAssignment: [{ partition: 0, replicas: [2] }] }] })
    await broker.broker(2).stop()
    await broker.broker(2).start()
    const counted = (await metricsOf(broker)).filter((line) => line.startsWith('kafka_controller_controllerstats_'))
    expect(counted).toEqual([
      'kafka_controller_controllerstats_uncleanleaderelections_total 0',
      'kafka_controller_controllerstats_electionfromeligibleleaderreplicas_total 1',
    ])
  })

  it('show what clients push, when a subscription asks them for it', async () => {
    const broker = await start({ metricsPort: 0 })
    const ask = await connected(broker)
    const { apiKeys } = await ask(apiVersions, 3, { clientSoftwareName: 'tester', clientSoftwareVersion: '1.0' })
    expect(apiKeys.map(({ apiKey }) => apiKey)).toEqual(expect.arrayContaining([71, 72]))
    const configs = [
      { name: 'metrics', configOperation: 0, value: '*' },
      { name: 'match', configOperation: 0, value: 'client_software_name=test.*' },
    ]
    await ask(incrementalAlterConfigs, 1, {
      resources: [{ resourceType: 16, resourceName: 'testers', configs }],
    })
    const wanted = await ask(getTelemetrySubscriptions, 0, { clientInstanceId: 'AAAAAAAAAAAAAAAAAAAAAA' })
    expect(wanted).toMatchObject({ errorCode: 0, requestedMetrics: ['*'] })
    const metrics = otlp([{ name: 'org.apache.kafka.producer.sent', value: 4, kind: 'delta' }], { rack: 'a"b\n' })
    const { clientInstanceId, subscriptionId } = wanted
    const pushed = await ask(pushTelemetry, 0, { clientInstanceId, subscriptionId, metrics })
    expect(pushed.errorCode).toBe(0)
    const line = (await metricsOf(broker)).find((each) => each.startsWith('kafka_client_producer_sent{'))
    expect(line).toContain('client_software_name="tester"')
    expect(line).toContain('client_id="app"')
    expect(line).toContain('rack="a\\"b\\n"')
    expect(line).toMatch(/ 4$/)
  })

  it('are two pages, and no others', async () => {
    const broker = await start({ metricsPort: 0 })
    const health = await fetch(`${broker.metricsUrl}/health`)
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }])
    expect((await fetch(`${broker.metricsUrl}/other`)).status).toBe(404)
    expect((await fetch(`${broker.metricsUrl}/metrics`, { method: 'POST' })).status).toBe(405)
    const url = broker.metricsUrl!
    await broker.close()
    await expect(fetch(`${url}/health`)).rejects.toThrow()
  })

  it('on a port that is taken are one readable line', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as AddressInfo
    await expect(start({ metricsPort: port })).rejects.toThrow(
      `The metrics endpoint failed to bind to 127.0.0.1:${port}: Address already in use.`,
    )
  })
})
