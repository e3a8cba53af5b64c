/** test: consumer groups (KIP-848): heartbeats, epochs, static members, regular expressions, commits by epoch, and classic members in them. */
import {
  consumerGroupDescribe,
  consumerGroupHeartbeat,
  createPartitions,
  deleteGroups,
  deleteTopics,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  offsetCommit,
  offsetDelete,
  offsetFetch,
  syncGroup,
} from '../../../protocol/messages/index.ts'
import type { DecodedResponse, EncodableOf } from '../../../protocol/schema/index.ts'
import { consumerProtocolSubscription } from '../../../protocol/state/index.ts'
import { type Conversation, type CreatedTopic, scenario } from '../conversation.ts'

type HeartbeatBody = EncodableOf<(typeof consumerGroupHeartbeat)['request']>
type Beaten = DecodedResponse<typeof consumerGroupHeartbeat>
type JoinBody = EncodableOf<(typeof joinGroup)['request']>

/** Members name it, for its order is the same in every run. */
const serverAssignor = 'range'

/** One group, asked at one version of the heartbeat; every member's requests say what it owns. */
class Group {
  readonly id: string
  readonly #broker: Conversation
  readonly #version: number

  constructor(broker: Conversation, name: string, version: number) {
    this.#broker = broker
    this.#version = version
    this.id = `${name}-v${version}`
  }

  beat(step: string, body: HeartbeatBody): Promise<Beaten> {
    return this.#broker.ask(step, consumerGroupHeartbeat, this.#version, { groupId: this.id, ...body })
  }

  join(step: string, memberId: string, subscribedTopicNames: string[], more: HeartbeatBody = {}): Promise<Beaten> {
    const rest = { rebalanceTimeoutMs: 60_000, topicPartitions: [], serverAssignor, memberEpoch: 0 }
    return this.beat(step, { memberId, subscribedTopicNames, ...rest, ...more })
  }

  async describe(step: string): Promise<void> {
    const body = { groupIds: [this.id], includeAuthorizedOperations: true }
    await this.#broker.ask(step, consumerGroupDescribe, this.#version, body)
  }

  async told<A extends Parameters<Conversation['ask']>[1]>(
    step: string,
    api: A,
    version: number,
    body: EncodableOf<A['request']>,
  ): Promise<DecodedResponse<A>> {
    return this.#broker.ask(step, api, version, body, { toldAs: this.#version })
  }

  /** Beats until `accept` likes the answer: regular expressions are resolved a moment later. */
  until(body: HeartbeatBody, accept: (answer: Beaten) => boolean): Promise<Beaten> {
    return this.#broker.until(consumerGroupHeartbeat, this.#version, { groupId: this.id, ...body }, accept)
  }

  commit(step: string, topic: CreatedTopic, memberId: string, epoch: number, version = 9): Promise<unknown> {
    const partitions = [{ partitionIndex: 0, committedOffset: 3, committedMetadata: '' }]
    const topics = [{ name: topic.name, partitions }]
    const body = { groupId: this.id, memberId, generationIdOrMemberEpoch: epoch, topics }
    return this.told(step, offsetCommit, version, body)
  }

  fetch(step: string, topic: CreatedTopic, memberId: string | null, memberEpoch: number): Promise<unknown> {
    const topics = [{ name: topic.name, partitionIndexes: [0] }]
    return this.told(step, offsetFetch, 9, { groups: [{ groupId: this.id, memberId, memberEpoch, topics }] })
  }
}

function eachVersion(name: string, run: (group: Group, broker: Conversation, version: number) => Promise<void>) {
  return scenario(name, async (broker) => {
    await broker.coordinator()
    for (const version of broker.versions(consumerGroupHeartbeat)) {
      await run(new Group(broker, name.replaceAll(/\W/g, '-'), version), broker, version)
    }
  })
}

/** A topic that the group coordinator knows: Kafka's hears of it a moment after the broker. */
async function createTopic(
  broker: Conversation,
  name: string,
  configs: Record<string, string> = {},
  numPartitions = 1,
): Promise<CreatedTopic> {
  const topic = await broker.topic(name, configs, numPartitions)
  const probe = {
    groupId: `probe-of-${name}`,
    memberId: 'probe',
    rebalanceTimeoutMs: 1_000,
    subscribedTopicNames: [name],
    topicPartitions: [],
  }
  const isKnown = ({ assignment }: Beaten): boolean => (assignment?.topicPartitions.length ?? 0) > 0
  await broker.until(consumerGroupHeartbeat, 1, { ...probe, memberEpoch: 0 }, isKnown)
  await broker.quietly(consumerGroupHeartbeat, 1, { ...probe, memberEpoch: -1 })
  return topic
}

function owning(topic: CreatedTopic, ...partitions: number[]) {
  return [{ topicId: topic.id, partitions }]
}

function subscription(topics: string[], ownedPartitions: { topic: string; partitions: number[] }[] = []): Buffer {
  return consumerProtocolSubscription.encodeVersioned(1, { topics, userData: null, ownedPartitions })
}

function classicJoin(groupId: string, memberId: string, metadata: Buffer, more: JoinBody = {}): JoinBody {
  return {
    groupId,
    memberId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata }],
    ...more,
  }
}

export const consumerGroupsScenarios = [
  eachVersion('requests that are not valid', async (group, broker, version) => {
    const topic = await createTopic(broker, `invalid-v${version}`)
    const names = [topic.name]
    const join = { memberId: 'm', memberEpoch: 0, rebalanceTimeoutMs: 1_000, topicPartitions: [] }
    const { memberId } = await group.join('without a member id', '', names)
    if (memberId !== null && memberId !== '') broker.masks.name(memberId, 'member id')
    await group.beat('without a member id in an epoch', { memberId: '', memberEpoch: 1 })
    await group.beat('without a member id, leaving', { memberId: '', memberEpoch: -1 })
    await group.beat('with a blank member id', { memberId: ' ', memberEpoch: 1 })
    await group.join('without a group', 'm', names, { groupId: '' })
    await group.join('with an empty instance', 'm', names, { instanceId: '' })
    await group.join('with an empty rack', 'm', names, { rackId: '' })
    await group.join('without a rebalance timeout', 'm', names, { rebalanceTimeoutMs: -1 })
    await group.join('with partitions', 'm', names, { topicPartitions: owning(topic, 0) })
    await group.join('without what it owns', 'm', names, { topicPartitions: null })
    await group.beat('without a subscription', join)
    await group.beat('static leave without an instance', { memberId: 'm', memberEpoch: -2 })
    await group.beat('in a negative epoch', { memberId: 'm', memberEpoch: -3 })
    await group.join('with an unknown assignor', 'm', names, { serverAssignor: 'nobody' })
    await group.join('with an empty assignor', 'm', names, { serverAssignor: '' })
    await group.join('with no topics', 'm', [])
    await group.join('with a topic that is not there', 'n', ['nowhere'])
  }),

  eachVersion('groups that are not there', async (group, broker, version) => {
    const topic = await createTopic(broker, `nowhere-v${version}`)
    await group.beat('heartbeat', { memberId: 'm', memberEpoch: 1 })
    await group.beat('leave', { memberId: 'm', memberEpoch: -1 })
    await group.beat('static leave', { memberId: 'm', memberEpoch: -2, instanceId: 'i' })
    await group.describe('described')
    await broker.ask('described without an id', consumerGroupDescribe, version, { groupIds: [''] })
    await broker.ask('none described', consumerGroupDescribe, version, { groupIds: [] })
    await group.commit('commit of a member', topic, 'm', 1)
    await group.fetch('fetch of a member', topic, 'm', 1)
  }),

  eachVersion('one member', async (group, broker, version) => {
    const topic = await createTopic(broker, `alone-v${version}`, {}, 2)
    const { memberEpoch: epoch } = await group.join('join', 'm', [topic.name], { rackId: 'rack' })
    await group.beat('nothing new', { memberId: 'm', memberEpoch: epoch })
    await group.beat('with what it owns', { memberId: 'm', memberEpoch: epoch, topicPartitions: owning(topic, 0, 1) })
    await group.join('all it has to say', 'm', [topic.name], {
      memberEpoch: epoch,
      topicPartitions: owning(topic, 0, 1),
    })
    await group.describe('described')
    await group.told('described as a classic group', describeGroups, 6, { groups: [group.id] })
    await group.told('listed', listGroups, 5, { typesFilter: ['Consumer'], statesFilter: ['stable'] })
    await group.beat('in a greater epoch', { memberId: 'm', memberEpoch: epoch + 1 })
    await group.beat('in the epoch before', { memberId: 'm', memberEpoch: 0, topicPartitions: [] })
    await group.beat('in a smaller epoch', { memberId: 'm', memberEpoch: epoch - 1 })
    await group.beat('of a stranger', { memberId: 'stranger', memberEpoch: 1 })
    await group.commit('commit', topic, 'm', epoch)
    await group.commit('commit in a greater epoch', topic, 'm', epoch + 1)
    await group.commit('commit in a smaller epoch', topic, 'm', epoch - 1)
    await group.commit('commit of a stranger', topic, 'stranger', epoch)
    await group.commit('commit of nobody', topic, '', -1)
    await group.commit('commit at an old version', topic, 'm', epoch, 8)
    await group.fetch('fetch', topic, 'm', epoch)
    await group.fetch('fetch in a greater epoch', topic, 'm', epoch + 1)
    await group.fetch('fetch in a smaller epoch', topic, 'm', epoch - 1)
    await group.fetch('fetch of a stranger', topic, 'stranger', epoch)
    await group.fetch('fetch of nobody', topic, null, -1)
    await group.fetch('fetch of nobody in an epoch', topic, null, 1)
    const partitions = [{ partitionIndex: 0 }]
    await group.told('offsets deleted', offsetDelete, 0, {
      groupId: group.id,
      topics: [{ name: topic.name, partitions }],
    })
    await group.told('deleted', deleteGroups, 2, { groupsNames: [group.id] })
    await group.beat('another rack', { memberId: 'm', memberEpoch: epoch, rackId: 'other' })
    await group.beat('another timeout', { memberId: 'm', memberEpoch: epoch, rebalanceTimeoutMs: 1_000 })
    await group.beat('other topics', { memberId: 'm', memberEpoch: epoch, subscribedTopicNames: [] })
    await group.beat('other topics, given back', { memberId: 'm', memberEpoch: epoch, topicPartitions: [] })
    await group.describe('described without topics')
    await group.beat('leave', { memberId: 'm', memberEpoch: -1 })
    await group.beat('leave again', { memberId: 'm', memberEpoch: -1 })
    await group.describe('described when left')
    await group.commit('commit of nobody when left', topic, '', -1)
    await group.told('offsets deleted when left', offsetDelete, 0, {
      groupId: group.id,
      topics: [{ name: topic.name, partitions }],
    })
    await group.told('deleted when left', deleteGroups, 2, { groupsNames: [group.id] })
    await group.describe('described when deleted')
  }),

  eachVersion('two members', async (group, broker, version) => {
    const topic = await createTopic(broker, `two-v${version}`, {}, 4)
    const first = await group.join('the first joins', 'a', [topic.name])
    const second = await group.join('the second joins', 'b', [topic.name])
    await group.describe('while the first has all')
    await group.beat('the second waits', { memberId: 'b', memberEpoch: second.memberEpoch })
    const told = await group.beat('the first hears', { memberId: 'a', memberEpoch: first.memberEpoch })
    await group.describe('while the first gives back')
    await group.beat('the first still has all', {
      memberId: 'a',
      memberEpoch: told.memberEpoch,
      topicPartitions: owning(topic, 0, 1, 2, 3),
    })
    await group.commit('commit while it gives back', topic, 'a', told.memberEpoch)
    const gave = await group.beat('the first gave back', {
      memberId: 'a',
      memberEpoch: told.memberEpoch,
      topicPartitions: owning(topic, 0, 1),
    })
    await group.commit('commit in the epoch before', topic, 'a', told.memberEpoch)
    await group.beat('the second gets them', { memberId: 'b', memberEpoch: second.memberEpoch })
    await group.beat('the second missed the answer', {
      memberId: 'b',
      memberEpoch: second.memberEpoch,
      topicPartitions: [],
    })
    await group.describe('both have theirs')
    await group.beat('the second leaves', { memberId: 'b', memberEpoch: -1 })
    await group.describe('the second left')
    await group.beat('the first gets all', { memberId: 'a', memberEpoch: gave.memberEpoch })
    await group.describe('one is left')
  }),

  eachVersion('a static member', async (group, broker, version) => {
    const topic = await createTopic(broker, `static-v${version}`, {}, 2)
    const instance = { instanceId: 'i' }
    const first = await group.join('join', 'a', [topic.name], instance)
    await group.join('another one joins', 'b', [topic.name], instance)
    await group.beat('heartbeat of another one', { memberId: 'b', memberEpoch: 1, ...instance })
    await group.beat('heartbeat of an unknown instance', { memberId: 'a', memberEpoch: 1, instanceId: 'stranger' })
    await group.beat('static leave of another one', { memberId: 'b', memberEpoch: -2, ...instance })
    await group.beat('leave of an unknown instance', { memberId: 'a', memberEpoch: -1, instanceId: 'stranger' })
    await group.beat('static leave', { memberId: 'a', memberEpoch: -2, ...instance })
    await group.describe('left for a while')
    await group.commit('commit in the epoch before', topic, 'a', first.memberEpoch)
    await group.beat('heartbeat of the one that left', { memberId: 'a', memberEpoch: first.memberEpoch, ...instance })
    const back = await group.join('it comes back', 'b', [topic.name], instance)
    await group.describe('it came back')
    await group.beat('heartbeat of the old one', { memberId: 'a', memberEpoch: first.memberEpoch, ...instance })
    await group.commit('commit of the old one', topic, 'a', first.memberEpoch)
    await group.commit('commit of the new one', topic, 'b', back.memberEpoch)
    await group.beat('leave for good', { memberId: 'b', memberEpoch: -1, ...instance })
    await group.describe('left for good')
  }),

  eachVersion('topics that change', async (group, broker, version) => {
    const topic = await createTopic(broker, `changing-v${version}`, {}, 1)
    const late = `late-v${version}`
    const first = await group.join('join', 'm', [topic.name, late])
    await broker.quietly(createPartitions, 3, {
      topics: [{ name: topic.name, count: 2, assignments: null }],
      timeoutMs: 10_000,
    })
    const beat = (epoch: number) => ({ memberId: 'm', memberEpoch: epoch })
    const grown = await group.until(beat(first.memberEpoch), ({ memberEpoch }) => memberEpoch > first.memberEpoch)
    await group.describe('the topic has grown')
    const created = await createTopic(broker, late)
    const more = await group.until(beat(grown.memberEpoch), ({ memberEpoch }) => memberEpoch > grown.memberEpoch)
    await group.describe('the other topic has come')
    await broker.quietly(deleteTopics, 6, { topics: [{ name: null, topicId: created.id }], timeoutMs: 10_000 })
    const all = { topicPartitions: owning(topic, 0, 1) }
    await group.until({ ...beat(more.memberEpoch), ...all }, ({ memberEpoch }) => memberEpoch > more.memberEpoch)
    await group.describe('the other topic has gone')
  }),

  scenario('a subscription by regular expression', async (broker) => {
    await broker.coordinator()
    const version = 1
    const group = new Group(broker, 'regex', version)
    const topic = await createTopic(broker, 'regex-a')
    await createTopic(broker, 'regex-b')
    await createTopic(broker, 'other-regex-a')
    const join = { memberId: 'm', memberEpoch: 0, rebalanceTimeoutMs: 60_000, topicPartitions: [], serverAssignor }
    for (const [name, regex] of Object.entries({
      open: 'a(',
      'a range': '[z-a]',
      'nothing to repeat': '*',
      repeated: 'a**',
      'looking ahead': '(?=a)',
      'a back reference': '(a)\\1',
      'too many': 'a{1001}',
      escaped: '\\',
      'named twice': '(?P<n>a)(?P<n>b)',
      'no class': '\\pX',
    })) {
      await group.beat(`not valid: ${name}`, { ...join, subscribedTopicRegex: regex })
    }
    const joined = await group.beat('join', { ...join, subscribedTopicRegex: 'regex-.*' })
    const beat = (epoch: number) => ({ memberId: 'm', memberEpoch: epoch })
    const found = await group.until(beat(joined.memberEpoch), ({ memberEpoch }) => memberEpoch > joined.memberEpoch)
    await group.describe('the topics are found')
    await group.beat('the same again', { ...beat(found.memberEpoch), subscribedTopicRegex: 'regex-.*' })
    const other = await group.join('another member with the same', 'n', [], {
      subscribedTopicNames: null,
      subscribedTopicRegex: 'regex-.*',
    })
    await group.describe('both subscribe by it')
    await group.beat('another member leaves', { memberId: 'n', memberEpoch: -1 })
    await group.beat('it has left', beat(other.memberEpoch))
    const owned = { topicPartitions: [] }
    const named = await group.until({ ...beat(found.memberEpoch), ...owned }, ({ errorCode }) => errorCode === 0)
    const empty = { subscribedTopicNames: [topic.name], subscribedTopicRegex: '' }
    await group.beat('a name instead', { ...beat(named.memberEpoch), ...owned, ...empty })
    await group.describe('subscribed by name')
    await group.beat('leave', { memberId: 'm', memberEpoch: -1 })
    await group.describe('left')
    await group.beat('join with neither', { ...join, subscribedTopicRegex: '' })
  }),

  eachVersion('a classic member in a consumer group', async (group, broker, version) => {
    const topic = await createTopic(broker, `mixed-v${version}`, {}, 2)
    const modern = await group.join('the consumer member', 'z', [topic.name])
    const asClassic = (memberId: string, owned: number[] = [], more: JoinBody = {}) =>
      classicJoin(
        group.id,
        memberId,
        subscription([topic.name], owned.length === 0 ? [] : [{ topic: topic.name, partitions: owned }]),
        more,
      )
    const other = { protocolType: 'connect' }
    await group.told('join of another protocol type', joinGroup, 9, asClassic('c', [], other))
    await group.told('join without protocols', joinGroup, 9, asClassic('c', [], { protocols: [] }))
    const unnamed = await group.told('join without a member id', joinGroup, 9, asClassic(''))
    broker.masks.name(unnamed.memberId, 'member id')
    const joined = await group.told('join', joinGroup, 9, asClassic('c'))
    await group.describe('while the consumer member has all')
    const member = { groupId: group.id, memberId: 'c', generationId: joined.generationId }
    const sync = { ...member, protocolType: 'consumer', protocolName: 'range', assignments: [] }
    await group.told('sync', syncGroup, 5, sync)
    await group.told('sync with another protocol', syncGroup, 5, { ...sync, protocolName: 'roundrobin' })
    await group.told('sync in another generation', syncGroup, 5, { ...sync, generationId: 99 })
    await group.told('heartbeat while it waits', heartbeat, 4, member)
    await group.told('heartbeat in another generation', heartbeat, 4, { ...member, generationId: 99 })
    await group.told('heartbeat of a stranger', heartbeat, 4, { ...member, memberId: 'stranger' })
    await group.told('classic heartbeat of the consumer member', heartbeat, 4, {
      ...member,
      memberId: 'z',
      generationId: modern.memberEpoch,
    })
    const told = await group.beat('the consumer member hears', { memberId: 'z', memberEpoch: modern.memberEpoch })
    const kept = owning(topic, 1)
    await group.beat('the consumer member gave back', {
      memberId: 'z',
      memberEpoch: told.memberEpoch,
      topicPartitions: kept,
    })
    await group.told('heartbeat when it is free', heartbeat, 4, member)
    const again = await group.told('join again', joinGroup, 9, asClassic('c'))
    const next = { ...sync, generationId: again.generationId }
    await group.told('sync again', syncGroup, 5, next)
    await group.told('heartbeat then', heartbeat, 4, { ...member, generationId: again.generationId })
    await group.commit('commit of the classic member', topic, 'c', again.generationId)
    await group.commit('commit in another generation', topic, 'c', 99)
    await group.commit('commit at an old version', topic, 'c', again.generationId, 5)
    await group.describe('both have theirs')
    await group.told('strangers leave', leaveGroup, 5, {
      groupId: group.id,
      members: [{ memberId: 'stranger' }, { memberId: '', groupInstanceId: 'stranger' }],
    })
    await group.told('the classic member leaves', leaveGroup, 5, { groupId: group.id, members: [{ memberId: 'c' }] })
    await group.describe('the classic member left')
    await group.told('classic heartbeat of the one that left', heartbeat, 4, member)
    await group.beat('leave', { memberId: 'z', memberEpoch: -1 })
    const classic = await group.told('join of an empty group', joinGroup, 3, asClassic(''))
    broker.masks.name(classic.memberId, 'classic member')
    await group.describe('it is a classic group')
  }),

  eachVersion('a classic group is upgraded and downgraded', async (group, broker, version) => {
    const topic = await createTopic(broker, `migrated-v${version}`, {}, 2)
    const metadata = subscription([topic.name])
    const joined = await group.told('a classic member joins', joinGroup, 3, classicJoin(group.id, '', metadata))
    broker.masks.name(joined.memberId, 'classic member')
    await group.beat('heartbeat of a classic group', { memberId: joined.memberId, memberEpoch: joined.generationId })
    await group.beat('leave of a classic group', { memberId: joined.memberId, memberEpoch: -1 })
    await group.describe('it is a classic group')
    const member = { groupId: group.id, memberId: joined.memberId, generationId: joined.generationId }
    const sync = { ...member, protocolType: 'consumer', protocolName: 'range' }
    await group.told('sync', syncGroup, 5, { ...sync, assignments: [] })
    const modern = await group.join('a consumer member joins', 'm', [topic.name])
    await group.describe('it is a consumer group')
    await group.told('it is no classic group', describeGroups, 6, { groups: [group.id] })
    await group.told('heartbeat of the classic member', heartbeat, 4, member)
    await group.told('sync of the classic member', syncGroup, 5, { ...sync, assignments: [] })
    const again = classicJoin(group.id, joined.memberId, metadata)
    const rejoined = await group.told('the classic member joins again', joinGroup, 9, again)
    const generation = { ...member, generationId: rejoined.generationId }
    await group.told('and syncs', syncGroup, 5, { ...sync, generationId: rejoined.generationId, assignments: [] })
    await group.commit('and commits', topic, joined.memberId, rejoined.generationId)
    await group.beat('the consumer member beats', { memberId: 'm', memberEpoch: modern.memberEpoch })
    await group.beat('the consumer member leaves', { memberId: 'm', memberEpoch: -1 })
    await group.describe('it is a classic group again')
    await group.told('described as such', describeGroups, 6, { groups: [group.id] })
    await group.told('the classic member has to join', heartbeat, 4, generation)
    const last = await group.told('and joins', joinGroup, 9, again)
    await group.told('it leads', describeGroups, 6, { groups: [group.id] })
    await group.told('and leaves', leaveGroup, 5, { groupId: group.id, members: [{ memberId: last.memberId }] })
  }),

  eachVersion('a group of another protocol is not upgraded', async (group, broker, version) => {
    const topic = await createTopic(broker, `connect-v${version}`)
    const connect = { protocolType: 'connect', protocols: [{ name: 'sessioned', metadata: Buffer.from('meta') }] }
    const body = classicJoin(group.id, '', Buffer.alloc(0), connect)
    const joined = await group.told('a worker joins', joinGroup, 3, body)
    broker.masks.name(joined.memberId, 'worker')
    await group.join('a consumer member joins', 'm', [topic.name])
    await group.told('the worker leaves', leaveGroup, 5, {
      groupId: group.id,
      members: [{ memberId: joined.memberId }],
    })
    await group.join('a consumer member joins the empty group', 'm', [topic.name])
    await group.describe('it is a consumer group')
  }),
]

export const consumerGroupsRestrictedScenarios = [
  eachVersion('as few as allowed', async (group, broker, version) => {
    const topic = await createTopic(broker, `few-v${version}`)
    const { memberEpoch } = await group.join('join', 'a', [topic.name])
    await group.join('one too many', 'b', [topic.name])
    await group.beat('the first beats', { memberId: 'a', memberEpoch })
    await group.join('with an assignor that is off', 'a', [topic.name], { serverAssignor: 'uniform' })
    const metadata = subscription([topic.name])
    await group.told('a classic member joins', joinGroup, 9, classicJoin(group.id, 'c', metadata))
    await group.beat('leave', { memberId: 'a', memberEpoch: -1 })
    const joined = await group.told('join of the empty group', joinGroup, 3, classicJoin(group.id, '', metadata))
    broker.masks.name(joined.memberId, 'classic member')
    await group.join('a consumer member joins', 'a', [topic.name])
  }),
]

export const classicOnlyScenarios = [
  eachVersion('the protocol is off', async (group, broker, version) => {
    const topic = await broker.topic(`off-v${version}`)
    await group.join('join', 'a', [topic.name])
    await group.describe('described')
  }),
]
