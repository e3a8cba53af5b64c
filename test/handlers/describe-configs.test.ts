/** DescribeConfigs: every kind of resource, with sources, synonyms and documentation, and Kafka 4.3.1's refusals. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorCode } from '../../protocol/errors.ts'
import { describeConfigs } from '../../protocol/messages/describe-configs.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import { describeConfigsHandler, maxRepetitions } from '../../src/handlers/describe-configs.ts'
import { openAccess } from '../../src/security/access.ts'
import { newTopic, openCluster } from '../cluster/open-cluster.ts'
import { Client, only } from './ask.ts'

const topicType = 2
const brokerType = 4
const loggerType = 8
const clientMetricsType = 16
const groupType = 32

let cluster: Cluster
let client: Client
beforeAll(async () => {
  const opened = await openCluster({ settings: { 'log.segment.bytes': '2000000' } })
  cluster = opened.cluster
  client = new Client(opened.brokers[0]!)
  await cluster.createTopics([newTopic('one', { configs: [{ name: 'retention.ms', value: '100' }] })])
})
afterAll(() => cluster.close())

async function ask(
  version: number,
  resource: [type: number, name: string, keys?: string[] | null],
  more: { includeSynonyms?: boolean; includeDocumentation?: boolean } = {},
) {
  const [resourceType, resourceName, configurationKeys = null] = resource
  const { results } = await client.ask(describeConfigsHandler, describeConfigs, version, {
    resources: [{ resourceType, resourceName, configurationKeys }],
    ...more,
  })
  return results[0]!
}

describe('DescribeConfigs', () => {
  it('shows a resource as often as it is named, up to where its answer would be out of proportion', async () => {
    const whole = { resourceType: brokerType, resourceName: '1', configurationKeys: null }
    const some = { ...whole, configurationKeys: ['log.segment.bytes'] }
    const shown = async (resources: (typeof whole | typeof some)[]): Promise<number[]> => {
      const { results } = await client.ask(describeConfigsHandler, describeConfigs, 4, { resources })
      return results.map(({ configs }) => configs.length)
    }
    const [all] = await shown([whole])
    expect(all).toBeGreaterThan(100)
    expect(await shown([whole, some, { ...whole, configurationKeys: [] }, some])).toEqual([all, 1, all, 1])
    const bounded = await shown([some, ...Array(20_000).fill(whole), some])
    expect(bounded).toEqual([1, ...Array(maxRepetitions + 1).fill(all), 1])
  })

  it.each([0, 1, 2, 3, 4])('v%i shows all configs of a topic', async (version) => {
    const result = await ask(version, [topicType, 'one'], { includeSynonyms: true, includeDocumentation: true })
    expect(result).toMatchObject({ errorCode: 0, errorMessage: '', resourceType: topicType, resourceName: 'one' })
    expect(result.configs).toHaveLength(33)
    const shown = new Map(result.configs.map((config) => [config.name, config]))
    const own = shown.get('retention.ms')
    const inherited = shown.get('segment.bytes')
    expect([own?.value, inherited?.value]).toEqual(['100', '2000000'])
    if (version === 0) expect([own?.isDefault, shown.get('segment.ms')?.isDefault]).toEqual([false, true])
    else expect([own?.configSource, inherited?.configSource]).toEqual([1, 4])
    if (version >= 1) {
      expect(own?.synonyms).toEqual([{ name: 'retention.ms', value: '100', source: 1 }])
      expect(inherited?.synonyms).toEqual([
        { name: 'log.segment.bytes', value: '2000000', source: 4 },
        { name: 'log.segment.bytes', value: '1073741824', source: 5 },
      ])
    }
    if (version >= 3)
      expect(own).toMatchObject({ configType: 5, documentation: expect.stringContaining('retain a log') })
  })

  it('shows only the keys that are asked for; an empty list asks for all', async () => {
    const some = await ask(4, [topicType, 'one', ['retention.ms', 'nope']])
    expect(some.configs.map(({ name, synonyms, documentation }) => [name, synonyms, documentation])).toEqual([
      ['retention.ms', [], null],
    ])
    expect((await ask(4, [topicType, 'one', []])).configs).toHaveLength(33)
  })

  it('shows this broker, what is set for all brokers, and its logger', async () => {
    const broker = await ask(4, [brokerType, '1', ['log.segment.bytes', 'ssl.key.password']])
    expect(broker.configs).toMatchObject([
      { name: 'log.segment.bytes', value: '2000000', configSource: 4, readOnly: false },
      { name: 'ssl.key.password', value: null, isSensitive: true },
    ])
    const ofAll = await ask(4, [brokerType, ''])
    expect(ofAll.errorCode).toBe(0)
    // All that a new cluster has of them.
    expect(ofAll.configs).toMatchObject([{ name: 'min.insync.replicas', value: '1', configSource: 3 }])
    expect(ofAll.configs).toHaveLength(1)
    // A logger has no documentation, and it is shown whether it is asked for or not.
    expect((await ask(4, [loggerType, '1'])).configs).toMatchObject([
      { name: 'root', configSource: 6, documentation: '' },
    ])
  })

  it('shows groups and client metrics subscriptions, also ones that are not there', async () => {
    const group = await ask(4, [groupType, 'g', ['consumer.session.timeout.ms']], { includeSynonyms: true })
    expect(group.configs).toMatchObject([
      { value: '45000', configSource: 5, synonyms: [{ name: 'group.consumer.session.timeout.ms', source: 5 }] },
    ])
    expect((await ask(4, [clientMetricsType, 's'])).configs.map(({ name }) => name)).toEqual([
      'interval.ms',
      'match',
      'metrics',
    ])
  })

  it.each([
    [topicType, 'nope', 'UNKNOWN_TOPIC_OR_PARTITION', ''],
    [topicType, '', 'INVALID_TOPIC_EXCEPTION', 'Topic name is invalid: the empty string is not allowed'],
    [brokerType, '7', 'INVALID_REQUEST', 'Unexpected broker id, expected 1 or empty string, but received 7'],
    [brokerType, 'abc', 'INVALID_REQUEST', 'Broker id must be an integer, but it is: abc'],
    [loggerType, '7', 'INVALID_REQUEST', 'Unexpected broker id, expected 1 but received 7'],
    [loggerType, '', 'INVALID_REQUEST', 'Broker id must not be empty'],
    [groupType, '', 'INVALID_REQUEST', 'Group name must not be empty'],
    [clientMetricsType, '', 'INVALID_REQUEST', 'Client metrics subscription name must not be empty'],
  ] as const)('refuses type %i named %j: %s', async (type, name, error, message) => {
    const result = await ask(4, [type, name])
    expect([result.errorCode, result.errorMessage, result.configs]).toEqual([errorCode(error), message, []])
  })

  it('refuses a type that does not exist', async () => {
    expect((await ask(4, [99, 'x'])).errorCode).toBe(errorCode('INVALID_REQUEST'))
  })

  it('needs the right to describe configs', async () => {
    client.access = only()
    expect((await ask(4, [topicType, 'one'])).errorCode).toBe(errorCode('TOPIC_AUTHORIZATION_FAILED'))
    expect((await ask(4, [brokerType, '1'])).errorCode).toBe(errorCode('CLUSTER_AUTHORIZATION_FAILED'))
    client.access = openAccess
  })
})
