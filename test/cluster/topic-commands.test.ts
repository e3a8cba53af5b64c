/** cluster: what creating topics and partitions refuses, in Kafka 4.3.1's words. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaError } from '../../protocol/errors.ts'
import type { Cluster } from '../../src/cluster/cluster.ts'
import type { NewPartitions, NewTopic } from '../../src/cluster/topic-commands.ts'
import { newTopic, openCluster } from './open-cluster.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = (await openCluster()).cluster
  await cluster.createTopics([newTopic('plain', { numPartitions: 2 }), newTopic('a.b')])
})
afterAll(() => cluster.close())

const manual = (...replicas: (readonly [number, readonly number[]])[]): Partial<NewTopic> => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: replicas.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
})
const config = (name: string, value: string | null): Partial<NewTopic> => ({ configs: [{ name, value }] })

describe('createTopics refuses', () => {
  const long = 'a'.repeat(250)
  const cases: readonly (readonly [string, Partial<NewTopic>, string, string])[] = [
    ['', {}, 'INVALID_TOPIC_EXCEPTION', 'Topic name is invalid: the empty string is not allowed'],
    ['.', {}, 'INVALID_TOPIC_EXCEPTION', "Topic name is invalid: '.' is not allowed"],
    ['..', {}, 'INVALID_TOPIC_EXCEPTION', "Topic name is invalid: '..' is not allowed"],
    [
      long,
      {},
      'INVALID_TOPIC_EXCEPTION',
      `Topic name is invalid: the length of '${long}' is longer than the max allowed length 249`,
    ],
    [
      'ä',
      {},
      'INVALID_TOPIC_EXCEPTION',
      "Topic name is invalid: 'ä' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    ],
    ['a_b', {}, 'INVALID_TOPIC_EXCEPTION', "Topic 'a_b' collides with existing topic: a.b"],
    ['plain', {}, 'TOPIC_ALREADY_EXISTS', "Topic 'plain' already exists."],
    ['__cluster_metadata', {}, 'INVALID_REQUEST', 'Creation of internal topic __cluster_metadata is prohibited.'],
    [
      'x',
      { replicationFactor: 3 },
      'INVALID_REPLICATION_FACTOR',
      'Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 broker(s) are registered or some brokers have all their log directories cordoned.',
    ],
    [
      'x',
      { replicationFactor: 0 },
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    ],
    ['x', { numPartitions: 0 }, 'INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.'],
    ['x', { numPartitions: 10_001 }, 'POLICY_VIOLATION', 'Excessively large number of partitions per request.'],
    [
      'x',
      { ...manual([0, [1]]), replicationFactor: 1 },
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    ],
    [
      'x',
      { ...manual([0, [1]]), numPartitions: 1 },
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    ],
    [
      'x',
      manual([0, [1]], [0, [1]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'Found multiple manual partition assignments for partition 0',
    ],
    [
      'x',
      manual([0, [1]], [2, [1]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'partitions should be a consecutive 0-based integer sequence',
    ],
    [
      'x',
      manual([0, []]),
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes an empty replica list.',
    ],
    [
      'x',
      manual([0, [7]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes broker 7, but no such broker is registered.',
    ],
    [
      'x',
      manual([0, [1, 1]]),
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes the broker 1 more than once.',
    ],
    ['x', config('foo.bar', '1'), 'INVALID_CONFIG', 'Unknown topic config name: foo.bar'],
    [
      'x',
      config('retention.ms', 'abc'),
      'INVALID_CONFIG',
      'Invalid value abc for configuration retention.ms: Not a number of type LONG',
    ],
    ['x', config('retention.ms', null), 'INVALID_CONFIG', 'Null value not supported for topic configs: retention.ms'],
  ]
  it.each(cases)('%.20s %j: %s', async (name, more, error, message) => {
    const before = cluster.metadata.endOffset
    let result: unknown
    try {
      ;[result] = await cluster.createTopics([newTopic(name, more)])
    } catch (thrown) {
      result = thrown
    }
    expect(result).toBeInstanceOf(KafkaError)
    expect([(result as KafkaError).kafkaError, (result as KafkaError).message]).toEqual([error, message])
    expect(cluster.metadata.endOffset).toBe(before)
  })

  it('a name that is asked for twice', async () => {
    const results = await cluster.createTopics([newTopic('dup'), newTopic('dup')])
    expect(results.map((each) => (each as KafkaError).message)).toEqual([
      'Duplicate topic name.',
      'Duplicate topic name.',
    ])
  })
})

describe('createPartitions refuses', () => {
  const cases: readonly (readonly [Partial<NewPartitions>, string, string])[] = [
    [{ name: 'nope' }, 'UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.'],
    [{ count: 2 }, 'INVALID_PARTITIONS', 'Topic already has 2 partition(s).'],
    [{ count: 1 }, 'INVALID_PARTITIONS', 'The topic plain currently has 2 partition(s); 1 would not be an increase.'],
    [
      { count: 4, assignments: [{ brokerIds: [1] }] },
      'INVALID_REPLICA_ASSIGNMENT',
      'Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.',
    ],
    [
      { assignments: [{ brokerIds: [9] }] },
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes broker 9, but no such broker is registered.',
    ],
    [
      { assignments: [{ brokerIds: [] }] },
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes an empty replica list.',
    ],
  ]
  it.each(cases)('%j: %s', async (wanted, error, message) => {
    const [result] = await cluster.createPartitions([{ name: 'plain', count: 3, assignments: null, ...wanted }])
    expect([result?.kafkaError, result?.message]).toEqual([error, message])
  })
})
