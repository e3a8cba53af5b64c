/** test: classic groups: joining, syncing, heartbeats, leaving, of one and two members, dynamic and static; and their descriptions. */
import {
  deleteGroups,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  offsetCommit,
  syncGroup,
} from '../../../protocol/messages/index.ts'
import type { DecodedResponse, EncodableOf } from '../../../protocol/schema/index.ts'
import { consumerProtocolSubscription } from '../../../protocol/state/index.ts'
import { type Conversation, scenario } from '../conversation.ts'
import type { Peer } from '../peer.ts'

const firstStaticVersion = 5

type JoinBody = EncodableOf<(typeof joinGroup)['request']>
type Joined = DecodedResponse<typeof joinGroup>

/** Every version of these goes with one of JoinGroup: the same share of the way from its first to its last. */
function matching(broker: Conversation, api: Parameters<Conversation['versions']>[0], joinVersion: number): number {
  const versions = broker.versions(api)
  return versions[Math.min(joinVersion, versions.length - 1)]!
}

/** Kafka reads the topics of consumers' subscriptions. */
function subscription(userData: string): Buffer {
  return consumerProtocolSubscription.encodeVersioned(1, { topics: ['committed'], userData: Buffer.from(userData) })
}

const protocols = [
  { name: 'range', metadata: subscription('r') },
  { name: 'roundrobin', metadata: subscription('rr') },
]

function joining(groupId: string, memberId: string, rest: JoinBody = {}): JoinBody {
  return {
    groupId,
    memberId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    protocolType: 'consumer',
    protocols,
    ...rest,
  }
}

/** Joins as often as it takes to have a member id; the answers are kept. */
async function join(
  broker: Conversation,
  step: string,
  version: number,
  body: JoinBody,
  name: string,
  on?: Peer,
): Promise<Joined> {
  const first = await broker.ask(step, joinGroup, version, body, { on })
  if (first.memberId !== '') broker.masks.name(first.memberId, name)
  if (first.errorCode !== 79) return first
  return broker.ask(`${step}, with the id`, joinGroup, version, { ...body, memberId: first.memberId }, { on })
}

interface Member {
  readonly groupId: string
  readonly memberId: string
  readonly generationId: number
  readonly groupInstanceId?: string
}

class Group {
  readonly id: string
  readonly #broker: Conversation
  readonly #version: number

  constructor(broker: Conversation, id: string, version: number) {
    this.#broker = broker
    this.id = id
    this.#version = version
  }

  member({ memberId, generationId }: Joined, groupInstanceId?: string): Member {
    return { groupId: this.id, memberId, generationId, ...(groupInstanceId === undefined ? {} : { groupInstanceId }) }
  }

  sync(step: string, member: Member, assigned: Record<string, string> = {}, rest: object = {}, on?: Peer) {
    const assignments = Object.entries(assigned).map(([memberId, text]) => ({
      memberId,
      assignment: Buffer.from(text),
    }))
    const version = matching(this.#broker, syncGroup, this.#version)
    const body = { ...member, protocolType: 'consumer', protocolName: 'range', assignments, ...rest }
    return this.#broker.ask(step, syncGroup, version, body, { on, toldAs: this.#version })
  }

  heartbeat(step: string, member: Member, on?: Peer) {
    return this.#broker.ask(step, heartbeat, matching(this.#broker, heartbeat, this.#version), member, {
      on,
      toldAs: this.#version,
    })
  }

  leave(step: string, members: { memberId: string; groupInstanceId?: string | null }[], on?: Peer) {
    const version = matching(this.#broker, leaveGroup, this.#version)
    const body = { groupId: this.id, memberId: members[0]?.memberId ?? '', members }
    return this.#broker.ask(step, leaveGroup, version, body, { on, toldAs: this.#version })
  }

  describe(step: string) {
    const version = matching(this.#broker, describeGroups, this.#version)
    return this.#broker.ask(
      step,
      describeGroups,
      version,
      { groups: [this.id], includeAuthorizedOperations: true },
      { toldAs: this.#version },
    )
  }

  /** Waits until the group is in `state`. */
  async reaches(state: string, on?: Peer): Promise<void> {
    const asked = { groups: [this.id] }
    await this.#broker.until(describeGroups, 4, asked, ({ groups }) => groups[0]!.groupState === state, on)
  }

  commit(step: string, member: Member) {
    const partitions = [{ partitionIndex: 0, committedOffset: 3, committedMetadata: '' }]
    const version = matching(this.#broker, offsetCommit, this.#version)
    return this.#broker.ask(
      step,
      offsetCommit,
      Math.min(version, 9),
      {
        groupId: this.id,
        generationIdOrMemberEpoch: member.generationId,
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId ?? null,
        topics: [{ name: `committed-${this.id.replace(/-v\d+$/, '')}`, partitions }],
      },
      { toldAs: this.#version },
    )
  }
}

async function eachVersion(
  broker: Conversation,
  name: string,
  run: (group: Group, version: number) => Promise<void>,
  from = 0,
): Promise<void> {
  await broker.coordinator()
  await broker.topic(`committed-${name}`)
  for (const version of broker.versions(joinGroup, from)) {
    await run(new Group(broker, `${name}-v${version}`, version), version)
  }
}

export const groupsScenarios = [
  scenario('one member', async (broker) => {
    await eachVersion(broker, 'one', async (group, version) => {
      await group.describe('before')
      const joined = await join(broker, 'join', version, joining(group.id, ''), 'member')
      const member = group.member(joined)
      await group.describe('joined')
      await group.heartbeat('heartbeat before sync', member)
      await group.commit('commit before sync', member)
      await group.sync('sync', member, { [member.memberId]: 'all of it' })
      await group.sync('sync again', member)
      await group.describe('synced')
      await group.heartbeat('heartbeat', member)
      await group.heartbeat('heartbeat of another generation', { ...member, generationId: 7 })
      await group.heartbeat('heartbeat of an unknown member', { ...member, memberId: 'unknown' })
      await group.heartbeat('heartbeat of no member', { ...member, memberId: '' })
      await group.sync('sync of another generation', { ...member, generationId: 7 })
      await group.sync('sync of an unknown member', { ...member, memberId: 'unknown' })
      await group.commit('commit', member)
      await group.commit('commit of another generation', { ...member, generationId: 7 })
      await group.commit('commit of an unknown member', { ...member, memberId: 'unknown' })
      await group.commit('commit of no member', { ...member, memberId: '', generationId: -1 })
      await broker.ask('join again unchanged', joinGroup, version, joining(group.id, member.memberId))
      await group.heartbeat('heartbeat of the old generation', member)
      await group.leave('an unknown member leaves', [{ memberId: 'unknown' }])
      await group.leave('the member leaves', [{ memberId: member.memberId }])
      await group.leave('it leaves again', [{ memberId: member.memberId }])
      await group.heartbeat('heartbeat after that', member)
      await group.sync('sync after that', member)
      await group.commit('commit after that', member)
      await group.commit('commit of no member after that', { ...member, memberId: '', generationId: -1 })
      await broker.ask('join with the old id', joinGroup, version, joining(group.id, member.memberId))
      await group.describe('left')
    })
  }),

  scenario('refused joins', async (broker) => {
    await eachVersion(broker, 'refused', async (group, version) => {
      const ask = (step: string, rest: JoinBody, memberId = '') =>
        broker.ask(step, joinGroup, version, joining(group.id, memberId, rest))
      await ask('no group', { groupId: '' })
      await ask('too short a session', { sessionTimeoutMs: 5_999 })
      await ask('too long a session', { sessionTimeoutMs: 1_800_001 })
      await ask('a negative session', { sessionTimeoutMs: -1 })
      await ask('an unknown member', {}, 'unknown')
      await ask('no protocol type', { protocolType: '' })
      await ask('no protocols', { protocols: [] })
      await group.describe('nothing came of it')
      const joined = await join(broker, 'one that may', version, joining(group.id, ''), 'member')
      await group.sync('its sync', group.member(joined))
      await ask('another protocol type', { protocolType: 'connect' })
      await ask('other protocols', { protocols: [{ name: 'sticky', metadata: subscription('s') }] })
      await ask('no protocols there', { protocols: [] })
      await ask('an unknown member there', {}, 'unknown')
      await group.leave('it leaves', [{ memberId: joined.memberId }])
    })
  }),

  scenario('two members', async (broker) => {
    await eachVersion(broker, 'two', async (group, version) => {
      const second = broker.connect()
      const joined = await join(broker, 'the first joins', version, joining(group.id, ''), 'first')
      await group.sync('the first syncs', group.member(joined), { [joined.memberId]: 'all of it' })
      const parked = join(broker, 'the second joins', version, joining(group.id, ''), 'second', second)
      await group.reaches('PreparingRebalance')
      await group.heartbeat('the first hears of it', group.member(joined))
      await group.commit('the first commits meanwhile', group.member(joined))
      await group.sync('the first syncs meanwhile', group.member(joined))
      await group.describe('a rebalance is prepared')
      const again = await broker.ask('the first joins again', joinGroup, version, joining(group.id, joined.memberId))
      const other = await parked
      await group.describe('both have joined')
      await group.heartbeat('the first waits for its assignment', group.member(again))
      await group.commit('the first commits before it is assigned', group.member(again))
      const waiting = group.sync('the second syncs', group.member(other), {}, {}, second)
      const assigned = { [again.memberId]: 'first half', [other.memberId]: 'second half' }
      await group.sync('the leader syncs', group.member(again), assigned)
      await waiting
      await group.describe('both are assigned')
      await group.sync('the second syncs again', group.member(other))
      await group.heartbeat('the second is alive', group.member(other))
      await group.heartbeat('the old generation', group.member(joined))
      const rejoining = broker.ask(
        'a follower joins again unchanged',
        joinGroup,
        version,
        joining(group.id, other.memberId),
        { on: second },
      )
      await rejoining
      const leading = broker.ask(
        'the leader joins again unchanged',
        joinGroup,
        version,
        joining(group.id, again.memberId),
      )
      await group.reaches('PreparingRebalance', second)
      await group.leave('the second leaves', [{ memberId: other.memberId }], second)
      const alone = await leading
      await group.sync('the first is alone', group.member(alone), { [alone.memberId]: 'all again' })
      await group.describe('one is left')
      await group.leave('the first leaves', [{ memberId: alone.memberId }])
      second.close()
    })
  }),

  scenario('sync with wrong protocols', async (broker) => {
    await eachVersion(broker, 'wrong', async (group, version) => {
      const joined = await join(broker, 'join', version, joining(group.id, ''), 'member')
      const member = group.member(joined)
      await group.sync('another type', member, {}, { protocolType: 'connect' })
      await group.sync('another protocol', member, {}, { protocolName: 'roundrobin' })
      await group.sync('no protocol', member, {}, { protocolName: null })
      await group.sync('no type', member, {}, { protocolType: null })
      await group.sync('an assignment for a stranger', member, { stranger: 'all' })
      await group.describe('synced')
      await group.leave('it leaves', [{ memberId: joined.memberId }])
    })
  }),

  scenario('other kinds of groups', async (broker) => {
    await eachVersion(broker, 'connect', async (group, version) => {
      const body = joining(group.id, '', {
        protocolType: 'connect',
        protocols: [{ name: 'sessioned', metadata: Buffer.from('c') }],
      })
      const joined = await join(broker, 'join', version, body, 'member')
      await group.sync('sync', group.member(joined), {}, { protocolType: 'connect', protocolName: 'sessioned' })
      await group.describe('synced')
      await group.leave('it leaves', [{ memberId: joined.memberId }])
      await group.describe('left')
      await join(broker, 'a consumer joins the empty group', version, joining(group.id, ''), 'consumer')
    })
  }),

  scenario('votes', async (broker) => {
    await eachVersion(broker, 'votes', async (group, version) => {
      const second = broker.connect()
      const joined = await join(broker, 'the first joins', version, joining(group.id, ''), 'first')
      await group.sync('the first syncs', group.member(joined))
      const other = [{ name: 'sticky', metadata: subscription('s') }, protocols[1]!]
      const parked = join(
        broker,
        'the second joins',
        version,
        joining(group.id, '', { protocols: other }),
        'second',
        second,
      )
      await group.reaches('PreparingRebalance')
      await broker.ask('the first joins again', joinGroup, version, joining(group.id, joined.memberId))
      const { memberId } = await parked
      await group.leave('both leave', [{ memberId }, { memberId: joined.memberId }])
      second.close()
    })
  }),

  scenario('a static member', async (broker) => {
    await eachVersion(
      broker,
      'static',
      async (group, version) => {
        const instance = { groupInstanceId: 'instance' }
        const joined = await join(broker, 'join', version, joining(group.id, '', instance), 'member')
        const member = group.member(joined, 'instance')
        await group.sync('sync', member, { [member.memberId]: 'all of it' })
        await group.describe('synced')
        await group.heartbeat('heartbeat', member)
        const again = await join(
          broker,
          'it comes back without an id',
          version,
          joining(group.id, '', instance),
          'new member',
        )
        await group.describe('it came back')
        await group.heartbeat('heartbeat of the fenced one', member)
        await group.sync('sync of the fenced one', member)
        await group.commit('commit of the fenced one', member)
        await broker.ask('join of the fenced one', joinGroup, version, joining(group.id, member.memberId, instance))
        await group.heartbeat('heartbeat of an unknown instance', { ...member, groupInstanceId: 'stranger' })
        await broker.ask(
          'join of an unknown instance with an id',
          joinGroup,
          version,
          joining(group.id, 'unknown', { groupInstanceId: 'stranger' }),
        )
        const current = group.member(again, 'instance')
        await group.heartbeat('heartbeat of the new one', current)
        await group.sync('sync of the new one', current)
        await group.commit('commit of the new one', current)
        const changed = { ...instance, protocols: [{ name: 'range', metadata: subscription('changed') }] }
        const third = await join(
          broker,
          'it comes back with another subscription',
          version,
          joining(group.id, '', changed),
          'third',
        )
        await group.sync('its sync', group.member(third, 'instance'), { [third.memberId]: 'all again' })
        await group.leave('the fenced one leaves', [{ memberId: member.memberId, groupInstanceId: 'instance' }])
        await group.leave('an unknown instance leaves', [{ memberId: '', groupInstanceId: 'stranger' }])
        await group.leave('by its instance', [{ memberId: '', groupInstanceId: 'instance' }])
        await group.describe('left')
      },
      firstStaticVersion,
    )
  }),

  scenario('static and dynamic members leave together', async (broker) => {
    await eachVersion(
      broker,
      'together',
      async (group, version) => {
        const second = broker.connect()
        const joined = await join(broker, 'one', version, joining(group.id, '', { groupInstanceId: 'one' }), 'one')
        const parked = join(broker, 'two', version, joining(group.id, ''), 'two', second)
        await group.reaches('PreparingRebalance')
        await broker.ask(
          'one again',
          joinGroup,
          version,
          joining(group.id, joined.memberId, { groupInstanceId: 'one' }),
        )
        const { memberId } = await parked
        await group.leave('all and more', [
          { memberId, groupInstanceId: null },
          { memberId: '', groupInstanceId: 'one' },
          { memberId: 'stranger', groupInstanceId: null },
        ])
        await group.leave('nobody', [])
        await group.describe('left')
        second.close()
      },
      firstStaticVersion,
    )
  }),

  scenario('lists, descriptions and deletion', async (broker) => {
    await broker.coordinator()
    await broker.topic('committed-simple')
    const joined = await join(broker, 'join', 9, joining('listed', ''), 'member')
    const member = new Group(broker, 'listed', 9).member(joined)
    await new Group(broker, 'listed', 9).sync('sync', member, { [member.memberId]: 'all' })
    await new Group(broker, 'simple', 9).commit('commit', { groupId: 'simple', memberId: '', generationId: -1 })
    const listed = (step: string, body: object, from = 0) => broker.every(step, listGroups, body, { from })
    await listed('in a state', { statesFilter: ['Empty'] }, 4)
    await listed('in a state in other letters', { statesFilter: ['stable'] }, 4)
    await listed('in a state that is none', { statesFilter: ['Busy'] }, 4)
    await listed('of a type', { statesFilter: ['Stable'], typesFilter: ['classic'] }, 5)
    await listed('of another type', { typesFilter: ['consumer'] }, 5)
    await listed('of a type that is none', { typesFilter: ['Busy'] }, 5)
    await broker.every('described', describeGroups, { groups: ['listed', 'simple', 'missing', ''] })
    await broker.every('described with operations', describeGroups, {
      groups: ['listed', 'missing'],
      includeAuthorizedOperations: true,
    })
    await broker.every('none described', describeGroups, { groups: [] })
    await broker.every('not deleted', deleteGroups, { groupsNames: ['listed', 'missing', ''] })
    await broker.every('none deleted', deleteGroups, { groupsNames: [] })
    for (const version of broker.versions(deleteGroups)) {
      const groupId = `simple-v${version}`
      await new Group(broker, groupId, 9).commit(`commit to be deleted at v${version}`, {
        groupId,
        memberId: '',
        generationId: -1,
      })
      await broker.ask('deleted', deleteGroups, version, { groupsNames: [groupId] })
      await broker.ask('deleted again', deleteGroups, version, { groupsNames: [groupId] })
      await broker.ask('deleted twice', deleteGroups, version, { groupsNames: [groupId, groupId] })
    }
  }),

  scenario('groups that are not there', async (broker) => {
    await eachVersion(broker, 'nowhere', async (group) => {
      const member = { groupId: group.id, memberId: 'any', generationId: 1 }
      await group.heartbeat('heartbeat', member)
      await group.sync('sync', member)
      await group.leave('leave', [{ memberId: 'any' }])
      await group.commit('commit of a member', member)
      await group.commit('commit of a member without a generation', { ...member, generationId: -1 })
      await group.commit('commit of no member with a generation', { ...member, memberId: '' })
      await group.heartbeat('heartbeat without a group', { ...member, groupId: '' })
      await group.sync('sync without a group', { ...member, groupId: '' })
    })
  }),
]
