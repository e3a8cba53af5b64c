/** test: a broker whose configs allow little: no automatic creation, no deletion, small messages, groups of one. */
import {
  createTopics,
  deleteTopics,
  describeConfigs,
  describeGroups,
  heartbeat,
  joinGroup,
  metadata,
  offsetCommit,
  produce,
  syncGroup,
} from '../../../protocol/messages/index.ts'
import { batch, type Conversation, longAgo, scenario } from '../conversation.ts'

const timeoutMs = 5_000
const firstStaticVersion = 5
const joining = {
  memberId: '',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  protocolType: 'any',
  protocols: [{ name: 'one', metadata: Buffer.from('m') }],
}

/** Joins with the id that the first answer gives, where it gives one. */
async function join(broker: Conversation, step: string, version: number, groupId: string): Promise<void> {
  const first = await broker.ask(step, joinGroup, version, { ...joining, groupId })
  if (first.errorCode !== 79) return
  await broker.ask(`${step}, with the id`, joinGroup, version, { ...joining, groupId, memberId: first.memberId })
}

export const restrictedScenarios = [
  scenario('topics', async (broker) => {
    const asked = { topics: [{ name: 'missing' }], allowAutoTopicCreation: true }
    await broker.every('a missing topic', metadata, asked)
    await broker.every('a bad name', metadata, { ...asked, topics: [{ name: 'bad name' }] })
    await broker.every('still missing', metadata, asked)
    const topic = await broker.topic('lasting')
    await broker.every('deletion', deleteTopics, {
      topicNames: ['lasting', 'missing'],
      topics: [{ name: 'lasting' }, { topicId: topic.id }],
      timeoutMs,
    })
    for (const version of broker.versions(createTopics)) {
      const name = `default-v${version}`
      const topics = [{ name, numPartitions: -1, replicationFactor: -1 }]
      await broker.ask('default numbers', createTopics, version, { topics, timeoutMs })
      await broker.ready(name, 3)
    }
    const configurationKeys = ['max.message.bytes', 'message.timestamp.type', 'retention.ms']
    const resources = [{ resourceType: 2, resourceName: 'lasting', configurationKeys }]
    await broker.every('where configs come from', describeConfigs, { resources, includeSynonyms: true })
  }),

  scenario('records', async (broker) => {
    for (const version of broker.versions(produce)) {
      const { name, id } = await broker.topic(`small-v${version}`)
      const send = (step: string, records: Buffer) => {
        const topicData = [{ name, topicId: id, partitionData: [{ index: 0, records }] }]
        return broker.ask(step, produce, version, { acks: -1, timeoutMs, topicData })
      }
      await send('too large', batch(1, { valueBytes: 500 }))
      await send('its time is told', batch(2))
      await send('whatever the client says', batch(2, { timestampType: 'LogAppendTime', logAppendTimeMs: longAgo }))
    }
  }),

  scenario('groups', async (broker) => {
    await broker.coordinator()
    for (const version of broker.versions(joinGroup)) {
      const groupId = `full-v${version}`
      const ask = (step: string, sessionTimeoutMs: number) =>
        broker.ask(step, joinGroup, version, { ...joining, groupId, sessionTimeoutMs })
      await ask('too short a session', 99)
      await ask('too long a session', 20_001)
      await join(broker, 'the first', version, groupId)
      await join(broker, 'one too many', version, groupId)
    }
  }),

  scenario('groups that are too large to be stored', async (broker) => {
    await broker.coordinator()
    for (const version of broker.versions(joinGroup, firstStaticVersion)) {
      const groupId = `large-v${version}`
      const asked = { ...joining, groupId, groupInstanceId: 'instance' }
      const member = { groupId, groupInstanceId: 'instance' }
      const state = async (step: string) =>
        broker.ask(step, describeGroups, 5, { groups: [groupId] }, { toldAs: version })
      const { memberId } = await broker.ask('join', joinGroup, version, asked)
      broker.masks.name(memberId, 'member')
      const sync = (step: string, generationId: number, bytes: number) => {
        const assignments = [{ memberId, assignment: Buffer.alloc(bytes, 'a') }]
        const body = { ...member, memberId, generationId, protocolType: 'any', protocolName: 'one', assignments }
        return broker.ask(step, syncGroup, 5, body, { toldAs: version })
      }
      await sync('too large an assignment', 1, 500)
      await state('after that')
      await broker.ask('join again', joinGroup, version, { ...asked, memberId })
      await sync('an assignment that fits', 2, 10)
      const large = [{ name: 'one', metadata: Buffer.alloc(500, 'm') }]
      await broker.ask('it comes back with too large a subscription', joinGroup, version, {
        ...asked,
        protocols: large,
      })
      const body = { ...member, memberId, generationId: 2 }
      await broker.ask('heartbeat of the old id', heartbeat, 4, body, { toldAs: version })
      await state('as before')
    }
  }),

  scenario('offset metadata', async (broker) => {
    await broker.coordinator()
    const topic = await broker.topic('short')
    for (const version of broker.versions(offsetCommit)) {
      for (const committedMetadata of ['ten bytes.', 'eleven byte', 'ä'.repeat(6)]) {
        const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata }]
        await broker.ask(`of ${committedMetadata}`, offsetCommit, version, {
          groupId: `short-v${version}`,
          topics: [{ name: topic.name, topicId: topic.id, partitions }],
        })
      }
    }
  }),
]
