// interop: admin calls, as many as each client has.
import type { Client } from './client.ts'
import { assert, assertEqual } from './report.ts'
import { checkClient, eachClient, eventually, expectCode, type Run, text } from './run.ts'
import type { MethodName } from './wire.ts'

export async function admin(run: Run): Promise<void> {
  await eachClient(run, async (client) => {
    await topics(run, client)
    await offsets(run, client)
    await groupAdmin(run, client)
  })
}

/** A check for the clients that have what it needs. */
function checkAble(run: Run, client: Client, methods: MethodName[], behaviour: string, test: () => Promise<void>) {
  return client.can(...methods) ? checkClient(run, client, behaviour, test) : Promise.resolve(false)
}

async function topics(run: Run, client: Client): Promise<void> {
  const topic = `${run.prefix}admin-${client.name}`
  const call = client.call.bind(client)
  if (client.can('createTopic')) {
    await checkClient(run, client, 'creates a topic with configs', async () => {
      await call('createTopic', { topic, partitions: 2, configs: { 'retention.ms': '7200000' } })
      // Apache Kafka's brokers learn of a topic a moment after it is created.
      const retention = async () => (await run.hands.call('describeConfigs', { topic }))['retention.ms']?.value
      await eventually(retention, (value) => value === '7200000', 'retention.ms', 10_000)
    })
    await checkClient(run, client, 'is told that a topic exists already', () =>
      expectCode(36, 'TOPIC_ALREADY_EXISTS', call('createTopic', { topic, partitions: 2 })),
    )
    await checkClient(run, client, 'is told that a topic name is invalid', () =>
      expectCode(17, 'INVALID_TOPIC_EXCEPTION', call('createTopic', { topic: 'no/slashes', partitions: 1 })),
    )
    await checkClient(run, client, 'is told that a topic config is unknown', () =>
      expectCode(
        40,
        'INVALID_CONFIG',
        call('createTopic', { topic: `${topic}-x`, partitions: 1, configs: { nope: '1' } }),
      ),
    )
  } else {
    await run.hands.call('createTopic', { topic, partitions: 2, configs: { 'retention.ms': '7200000' } })
  }
  const described = (count: number) =>
    eventually(
      () => call('partitionCount', { topic }),
      (partitions) => partitions === count,
      'partitions',
      10_000,
    ).then(() => {})
  await checkAble(run, client, ['partitionCount'], "describes a topic's partitions", () => described(2))
  await checkAble(run, client, ['listTopics'], 'lists topics', async () => {
    const listed = async () => (await call('listTopics', {})).includes(topic)
    await eventually(listed, (found) => found, 'topic in the list', 10_000)
  })
  await checkAble(run, client, ['createPartitions'], 'adds partitions', async () => {
    await call('createPartitions', { topic, count: 4 })
    await described(4)
  })
  await checkAble(run, client, ['createPartitions'], 'is told that a topic cannot lose partitions', () =>
    expectCode(37, 'INVALID_PARTITIONS', call('createPartitions', { topic, count: 1 })),
  )
  await checkAble(run, client, ['describeConfigs'], "describes a topic's configs, told from defaults", async () => {
    const configs = await call('describeConfigs', { topic })
    assertEqual(configs['retention.ms'], { value: '7200000', isDefault: false }, 'retention.ms')
    assertEqual(configs['max.message.bytes'], { value: '1048588', isDefault: true }, 'max.message.bytes')
    assertEqual(configs['cleanup.policy'], { value: 'delete', isDefault: true }, 'cleanup.policy')
  })
  await checkAble(run, client, ['describeCluster'], 'describes the cluster', async () => {
    const cluster = await call('describeCluster', {})
    assert(cluster.brokers >= 1 && cluster.controller !== null, `got ${JSON.stringify(cluster)}`)
    if (cluster.brokers === 1)
      assertEqual(cluster.port, Number(run.broker.bootstrap.split(':').at(-1)), 'advertised port')
  })
  await checkAble(run, client, ['deleteTopic'], 'deletes a topic', async () => {
    await call('deleteTopic', { topic })
    const list = () => run.hands.call('listTopics', {})
    await eventually(list, (names) => !names.includes(topic), 'topics', 10_000)
  })
  await checkAble(run, client, ['deleteTopic'], 'is told that a topic to delete is unknown', () =>
    expectCode(3, 'UNKNOWN_TOPIC_OR_PARTITION', call('deleteTopic', { topic })),
  )
}

async function offsets(run: Run, client: Client): Promise<void> {
  if (!client.can('topicOffsets') && !client.can('offsetsByTime')) return
  const topic = `${run.prefix}offsets-${client.name}`
  const start = Date.now() - 60_000
  await run.hands.call('createTopic', { topic, partitions: 2 })
  // Ten records a second apart in one gzip batch, so that the answer lies inside a compressed batch.
  const records = Array.from({ length: 10 }, (_, index) => ({
    partition: 0,
    key: null,
    value: text(`record-${index}`),
    headers: [],
    timestamp: start + index * 1000,
  }))
  await run.hands.call('produce', { topic, codec: 'gzip', records })
  await checkAble(run, client, ['topicOffsets'], "fetches a topic's first and last offsets", async () => {
    assertEqual(
      await client.call('topicOffsets', { topic }),
      [
        { partition: 0, low: 0, high: 10 },
        { partition: 1, low: 0, high: 0 },
      ],
      'offsets',
    )
  })
  await checkAble(run, client, ['offsetsByTime'], 'finds offsets by time, inside a compressed batch too', async () => {
    const at = async (timestamp: number) =>
      (await client.call('offsetsByTime', { topic, partitions: 2, timestamp })).slice(0, 1)
    assertEqual(await at(start - 1), [0], 'offset before the first')
    assertEqual(await at(start + 4000), [4], 'offset at the fifth')
    assertEqual(await at(start + 4001), [5], 'offset after the fifth')
    const [past] = await at(start + 10_000)
    assert(past === -1 || past === 10, `offset past the last: expected -1 or the end, got ${past}`)
  })
}

async function groupAdmin(run: Run, client: Client): Promise<void> {
  const topic = `${run.prefix}group-admin-${client.name}`
  const group = `${topic}-group`
  const call = client.call.bind(client)
  const assignor = client.description.assignors[0]
  if (!assignor) return
  await run.hands.call('createTopic', { topic, partitions: 2 })
  await run.hands.call('produce', {
    topic,
    codec: 'none',
    records: [0, 1].map((partition) => ({ partition, key: null, value: text('record'), headers: [] })),
  })
  const member = `${group}-member`
  await checkAble(run, client, ['describeGroup'], 'describes a group with a member', async () => {
    await call('join', { group, topic, assignor, member })
    await eventually(
      () => call('describeGroup', { group }),
      ({ state, members }) => state.toLowerCase() === 'stable' && members === 1,
      'group',
      20_000,
    )
    await eventually(
      () => call('received', { member }),
      (values) => values.length >= 2,
      'records',
      20_000,
    )
  })
  await checkAble(run, client, ['deleteGroup'], 'is told that a group is not empty', () =>
    expectCode(68, 'NON_EMPTY_GROUP', call('deleteGroup', { group })),
  )
  await checkAble(run, client, ['listGroups'], 'lists groups', async () => {
    const found = (await call('listGroups', {})).find((listed) => listed.group === group)
    assertEqual(found?.protocolType, 'consumer', 'protocol type of the group')
  })
  if (client.can('describeGroup')) await call('leave', { member }).catch(() => null)
  await checkAble(run, client, ['describeGroup'], 'describes a group that its members have left', async () => {
    const described = await call('describeGroup', { group })
    assertEqual([described.state.toLowerCase(), described.members], ['empty', 0], 'state and members')
  })
  await checkAble(run, client, ['commit', 'committed'], 'commits offsets for a group and fetches them', async () => {
    const committed = [
      { partition: 0, offset: 1, metadata: '' },
      { partition: 1, offset: 0, metadata: '' },
    ]
    await call('commit', { group, topic, offsets: committed })
    assertEqual(await call('committed', { group, topic, partitions: 2 }), committed, 'committed offsets')
  })
  await checkAble(run, client, ['deleteGroup'], 'deletes a group with its offsets', async () => {
    await call('deleteGroup', { group })
    const groups = await run.hands.call('listGroups', {})
    assert(!groups.some((listed) => listed.group === group), 'the group is still listed')
  })
  await checkAble(run, client, ['deleteGroup'], 'is told that a group to delete is unknown', () =>
    expectCode(69, 'GROUP_ID_NOT_FOUND', call('deleteGroup', { group })),
  )
}
