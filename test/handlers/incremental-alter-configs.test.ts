/** IncrementalAlterConfigs: the request itself, the right to alter, the answer; what may be set is tested with the cluster's commands. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { incrementalAlterConfigs } from '../../protocol/messages/incremental-alter-configs.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { incrementalAlterConfigsHandler } from '../../src/handlers/incremental-alter-configs.ts'
import { openAccess } from '../../src/security/access.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const [topicType, brokerType, loggerType, metricsType, groupType] = [2, 4, 8, 16, 32] as const
const [set, remove, append, subtract] = [0, 1, 2, 3] as const

let cluster: Cluster
let client: Client
beforeAll(async () => {
  const opened = await openCluster()
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
  await cluster.createTopics([newTopic('one'), newTopic('two')])
})
afterAll(() => cluster.close())

type Operation = readonly [name: string, configOperation: number, value: string | null]
type Resource = readonly [resourceType: number, resourceName: string, ...Operation[]]

async function ask(version: number, resources: readonly Resource[], validateOnly = false) {
  const { responses } = await client.ask(incrementalAlterConfigsHandler, incrementalAlterConfigs, version, {
    resources: resources.map(([resourceType, resourceName, ...operations]) => ({
      resourceType,
      resourceName,
      configs: operations.map(([name, configOperation, value]) => ({ name, configOperation, value })),
    })),
    validateOnly,
  })
  return responses.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])
}

const configsOf = (topic: string) => Object.fromEntries(cluster.dynamicConfigs.of('topic', topic))
const invalid = errorCode('INVALID_REQUEST')

describe('IncrementalAlterConfigs', () => {
  it.each([0, 1])('v%i sets, deletes, adds to lists and takes from them', async (version) => {
    const done = [[0, null]]
    const { cluster } = client.broker
    expect(
      await ask(version, [[topicType, 'one', ['retention.ms', set, '5'], ['cleanup.policy', append, 'compact']]]),
    ).toEqual(done)
    expect(configsOf('one')).toEqual({ 'retention.ms': '5', 'cleanup.policy': 'delete,compact' })
    expect(cluster.topicConfig('one').get('retention.ms')).toBe(5)
    expect(
      await ask(version, [[topicType, 'one', ['retention.ms', remove, null], ['cleanup.policy', subtract, 'delete']]]),
    ).toEqual(done)
    expect(configsOf('one')).toEqual({ 'cleanup.policy': 'compact' })
    expect(await ask(version, [[topicType, 'one', ['cleanup.policy', remove, null]]])).toEqual(done)
    expect(configsOf('one')).toEqual({})
  })

  it('changes nothing with validateOnly', async () => {
    expect(await ask(1, [[topicType, 'one', ['retention.ms', set, '5']]], true)).toEqual([[0, null]])
    expect(await ask(1, [[topicType, 'one', ['retention.ms', set, 'x']]], true)).toEqual([
      [40, 'Invalid value x for configuration retention.ms: Not a number of type LONG'],
    ])
    expect(configsOf('one')).toEqual({})
  })

  it('refuses a resource that comes twice, and changes the others', async () => {
    const twice = [invalid, 'Each resource must appear at most once.']
    expect(
      await ask(1, [
        [topicType, 'one', ['retention.ms', set, '1']],
        [topicType, 'two', ['retention.ms', set, '2']],
        [topicType, 'one', ['retention.ms', set, '3']],
      ]),
    ).toEqual([twice, [0, null], twice])
    expect([configsOf('one'), configsOf('two')]).toEqual([{}, { 'retention.ms': '2' }])
  })

  it.each<[Resource, string]>([
    [
      [topicType, 'one', ['retention.ms', set, '1'], ['retention.ms', remove, null]],
      'Error due to duplicate config keys',
    ],
    [
      [topicType, 'one', ['retention.ms', set, null], ['segment.ms', append, null], ['x', remove, null]],
      'Null value not supported for : retention.ms, segment.ms',
    ],
    [[topicType, 'one', ['retention.ms', 9, '1']], 'Unknown operations type 9'],
    [[topicType, 'one', ['retention.ms', -1, '1']], 'Unknown operations type -1'],
    [[99, 'one'], 'Unknown resource type 99'],
    [[0, ''], 'Unknown resource type 0'],
  ])('refuses %j', async (resource, message) => {
    expect(await ask(1, [resource])).toEqual([[invalid, message]])
  })

  it('asks for the right to alter', async () => {
    client.access = only('Topic:one:AlterConfigs', 'Group:group:AlterConfigs')
    const asked: Resource[] = [
      [topicType, 'one'],
      [topicType, 'two'],
      [topicType, 'nowhere'],
      [brokerType, '1'],
      [loggerType, '1'],
      [metricsType, 'subscription'],
      [groupType, 'group'],
      [groupType, 'other'],
    ]
    const codes = (await ask(1, asked)).map(([code]) => code)
    client.access = openAccess
    expect(codes).toEqual([0, 29, 29, 31, 31, 31, 0, 30])
  })

  it('answers with the error for each resource when the request fails as a whole', async () => {
    const many = Array.from({ length: 10_001 }, (_, index): Operation => [`key.${index}`, set, 'x'])
    const answer = [errorCode('POLICY_VIOLATION'), 'Unable to perform excessively large batch operation.']
    expect(
      await ask(1, [
        [brokerType, '1', ...many],
        [topicType, 'one'],
      ]),
    ).toEqual([answer, answer])
    const large = Array.from({ length: 200 }, (_, index): Operation => [`key.${index}`, set, 'x'.repeat(30_000)])
    expect(await ask(1, [[brokerType, '1', ...large]])).toEqual([answer])
    expect(cluster.dynamicConfigs.of('broker', '1').size).toBe(0)
    expect(await ask(1, [[topicType, 'one', ['retention.ms', set, '1']]])).toEqual([[0, null]])
  })
})
