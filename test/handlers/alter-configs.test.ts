/** AlterConfigs: what is not named goes. The checks are those of IncrementalAlterConfigs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alterConfigs } from '../../protocol/messages/alter-configs.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { alterConfigsHandler } from '../../src/handlers/alter-configs.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const [topicType, brokerType, loggerType] = [2, 4, 8] as const

let cluster: Cluster
let client: Client
beforeAll(async () => {
  const opened = await openCluster()
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
  await cluster.createTopics([newTopic('one')])
})
afterAll(() => cluster.close())

type Resource = readonly [resourceType: number, resourceName: string, configs: Record<string, string | null>]

async function ask(version: number, resources: readonly Resource[], validateOnly = false) {
  const { responses } = await client.ask(alterConfigsHandler, alterConfigs, version, {
    resources: resources.map(([resourceType, resourceName, configs]) => ({
      resourceType,
      resourceName,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    })),
    validateOnly,
  })
  return responses
}

const configsOf = (topic: string) => Object.fromEntries(cluster.dynamicConfigs.of('topic', topic))

describe('AlterConfigs', () => {
  it.each([0, 1, 2])('v%i replaces all configs', async (version) => {
    const done = [{ errorCode: 0, errorMessage: null, resourceType: topicType, resourceName: 'one' }]
    expect(await ask(version, [[topicType, 'one', { 'retention.ms': '5', 'segment.ms': '6' }]])).toEqual(done)
    expect(configsOf('one')).toEqual({ 'retention.ms': '5', 'segment.ms': '6' })
    expect(await ask(version, [[topicType, 'one', { 'retention.ms': '7' }]], true)).toEqual(done)
    expect(await ask(version, [[topicType, 'one', { 'segment.ms': '8' }]])).toEqual(done)
    expect(configsOf('one')).toEqual({ 'segment.ms': '8' })
    expect(await ask(version, [[topicType, 'one', {}]])).toEqual(done)
    expect(configsOf('one')).toEqual({})
  })

  it('leaves a resource as it is when one of its configs is refused', async () => {
    await ask(2, [[topicType, 'one', { 'retention.ms': '5' }]])
    const results = await ask(2, [
      [topicType, 'one', { 'segment.ms': '5', 'segment.bytes': '1' }],
      [topicType, 'nowhere', {}],
      [brokerType, '', { 'log.segment.bytes': '2000000', 'min.insync.replicas': '1' }],
    ])
    expect(results.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
      [40, 'Invalid value 1 for configuration segment.bytes: Value must be at least 1048576'],
      [3, "The topic 'nowhere' does not exist."],
      [0, null],
    ])
    expect(configsOf('one')).toEqual({ 'retention.ms': '5' })
    expect(cluster.topicConfig('one').get('segment.bytes')).toBe(2_000_000)
    expect(await ask(2, [[brokerType, '', {}]])).toMatchObject([
      { errorCode: 40, errorMessage: 'Cluster-level min.insync.replicas cannot be removed while ELR is enabled.' },
    ])
  })

  it.each<[Resource, string]>([
    [[topicType, 'one', { 'retention.ms': null }], 'Null value not supported for : retention.ms'],
    [[loggerType, '1', { root: 'INFO' }], 'Unknown resource type 8'],
    [[loggerType, '', {}], 'Unknown resource type 8'],
  ])('refuses %j', async (resource, message) => {
    expect(await ask(2, [resource])).toMatchObject([{ errorCode: 42, errorMessage: message }])
  })

  it('asks for the right to alter', async () => {
    client.access = only()
    expect(await ask(2, [[topicType, 'one', {}]])).toMatchObject([{ errorCode: 29 }])
  })
})
