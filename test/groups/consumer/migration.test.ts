import { beforeEach, describe, expect, it } from 'vitest'
import { consumerProtocolAssignment, consumerProtocolSubscription } from '../../../protocol/state/index.ts'
import type { Joined } from '../group-harness.ts'
import { ConsumerHarness, errorOf, type HarnessMember } from './consumer-harness.ts'

let consumer: ConsumerHarness

beforeEach(() => {
  consumer = new ConsumerHarness({ topics: { topic: 4 } })
})

/** A member as the classic consumer is: joins, syncs, and knows what it owns. */
class ClassicMember {
  joined: Joined | undefined
  owned: number[] = []
  readonly #instanceId: string | null

  constructor(instanceId: string | null = null) {
    this.#instanceId = instanceId
  }

  get memberId(): string {
    return this.joined?.memberId ?? ''
  }

  async join(): Promise<string> {
    const ownedPartitions = this.owned.length === 0 ? [] : [{ topic: 'topic', partitions: this.owned }]
    const metadata = consumerProtocolSubscription.encodeVersioned(1, {
      topics: ['topic'],
      userData: null,
      ownedPartitions,
    })
    const request = {
      memberId: this.memberId,
      groupInstanceId: this.#instanceId,
      protocols: [{ name: 'range', metadata }],
    }
    const joining = consumer.group.join({
      ...request,
      version: 3,
      rebalanceTimeoutMs: 20_000,
      sessionTimeoutMs: 10_000,
    })
    await consumer.group.settle()
    await consumer.group.advance(0)
    const joined = await joining
    if (joined.error === 'NONE') this.joined = joined
    return joined.error
  }

  /** `assigned`: by member id, from the leader of a classic group. */
  async sync(assigned: Record<string, number[]> = {}): Promise<string> {
    const assignments = Object.entries(assigned).map(([memberId, partitions]) => ({
      memberId,
      assignment: consumerProtocolAssignment.encodeVersioned(1, {
        assignedPartitions: [{ topic: 'topic', partitions }],
        userData: null,
      }),
    }))
    const { error, assignment } = await consumer.group
      .sync(this.joined!, {}, { assignments, groupInstanceId: this.#instanceId })
      .catch((problem: { kafkaError: string }) => ({ error: problem.kafkaError, assignment: Buffer.alloc(0) }))
    if (error !== 'NONE') return error
    this.owned = consumerProtocolAssignment
      .decodeVersioned(assignment)
      .assignedPartitions.flatMap(({ partitions }) => partitions)
    return error
  }

  async heartbeat(): Promise<string> {
    return consumer.group.heartbeat(this.joined!, this.#instanceId)
  }

  /** As clients do: heartbeats, and joins again when it is told to, giving up nothing of its own accord. */
  async step(): Promise<void> {
    if ((await this.heartbeat()) !== 'REBALANCE_IN_PROGRESS') return
    await this.join()
    const isLeader = this.joined!.leader === this.memberId
    await this.sync(isLeader ? { [this.memberId]: [0, 1, 2, 3] } : {})
  }

  async leave(): Promise<string[]> {
    return consumer.group.leave({ memberId: this.memberId })
  }
}

/** A classic group of one member that has the whole topic. */
async function classicGroup(): Promise<ClassicMember> {
  const member = new ClassicMember()
  await member.join()
  await member.sync({ [member.memberId]: [0, 1, 2, 3] })
  return member
}

/** A consumer group that a classic member has just joined. */
async function mixedGroup(): Promise<{ modern: HarnessMember; classic: ClassicMember }> {
  const modern = consumer.member('m')
  await modern.join()
  const classic = new ClassicMember()
  await classic.join()
  await classic.sync()
  return { modern, classic }
}

async function steps(...members: (ClassicMember | HarnessMember)[]): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    for (const member of members) await (member instanceof ClassicMember ? member.step() : member.heartbeat())
  }
}

function partitionsOf(member: ClassicMember | HarnessMember): number[] {
  const owned = member instanceof ClassicMember ? member.owned : member.owned.flatMap(({ partitions }) => partitions)
  return [...owned].sort()
}

describe('a classic group that a consumer member joins', () => {
  it('becomes a consumer group, whose classic members go on', async () => {
    const classic = await classicGroup()
    const modern = consumer.member('m')
    await modern.join()
    expect(partitionsOf(modern)).toEqual([])
    expect(await consumer.describe()).toMatchObject({
      groupState: 'Reconciling',
      members: [
        { memberId: classic.memberId, memberType: 0, memberEpoch: 1 },
        { memberId: 'm', memberType: 1 },
      ],
    })
    await steps(classic, modern)
    expect(partitionsOf(classic)).toHaveLength(2)
    expect([...partitionsOf(classic), ...partitionsOf(modern)].sort()).toEqual([0, 1, 2, 3])
    await consumer.group.restart()
    expect(await consumer.describe()).toMatchObject({
      groupState: 'Stable',
      members: [{ memberType: 0 }, { memberType: 1 }],
    })
    await steps(classic, modern)
  })

  it('tells those that wait in a rebalance to join again', async () => {
    const classic = await classicGroup()
    const waiting = consumer.group.join({ memberId: '', version: 3 })
    await consumer.group.settle()
    await consumer.member('m').join()
    expect((await waiting).error).toBe('REBALANCE_IN_PROGRESS')
    expect(await classic.join()).toBe('NONE')
  })

  it.each([
    ['the policy forbids it', { upgrades: false, downgrades: true }, 'online upgrade is disabled'],
    ['it is too large', undefined, 'the group size exceeds the consumer group maximum size'],
  ])('stays a classic group where %s', async (_why, migrationPolicy, reason) => {
    const classic = await classicGroup()
    if (migrationPolicy !== undefined) consumer.configs.migrationPolicy = migrationPolicy
    else consumer.configs.maxSize = 0
    expect(await errorOf(consumer.member('m').join())).toBe(
      `GROUP_ID_NOT_FOUND: Cannot upgrade classic group group to consumer group because ${reason}.`,
    )
    expect(await classic.heartbeat()).toBe('NONE')
  })

  it('stays a classic group where its subscriptions can not be read, or have data of another assignor', async () => {
    const member = new ClassicMember()
    await member.join()
    const withData = consumerProtocolAssignment.encodeVersioned(1, {
      assignedPartitions: [],
      userData: Buffer.from('x'),
    })
    await consumer.group.sync(
      member.joined!,
      {},
      { assignments: [{ memberId: member.memberId, assignment: withData }] },
    )
    expect(await errorOf(consumer.member('m').join())).toContain('an unsupported custom assignor is in use')
    await consumer.group.leave({ memberId: member.memberId })
    const joining = consumer.group.join({ version: 3, protocols: [{ name: 'range', metadata: Buffer.from([0]) }] })
    await consumer.group.advance(0)
    const unreadable = await joining
    expect(await errorOf(consumer.member('m').join())).toContain('the embedded consumer protocol is malformed')
    await consumer.group.leave({ memberId: unreadable.memberId })
  })

  it('is taken over when nobody is in it, whatever the policy', async () => {
    consumer.configs.migrationPolicy = { upgrades: false, downgrades: false }
    const classic = await classicGroup()
    await classic.leave()
    const modern = consumer.member('m')
    await modern.join()
    expect(partitionsOf(modern)).toEqual([0, 1, 2, 3])
    await modern.leave()
    expect(await classicGroup()).toMatchObject({ owned: [0, 1, 2, 3] })
    await consumer.group.restart()
    expect(await errorOf(consumer.describe())).toBe('GROUP_ID_NOT_FOUND: Group group is not a consumer group.')
  })
})

describe('a consumer group that classic members join', () => {
  it('gives them what the others have given back', async () => {
    const modern = consumer.member('m')
    await modern.join()
    const classic = new ClassicMember()
    expect(await classic.join()).toBe('NONE')
    expect(classic.joined).toMatchObject({ leader: '', members: [], generationId: 3, protocolName: 'range' })
    await classic.sync()
    expect(partitionsOf(classic)).toEqual([])
    expect(await classic.heartbeat()).toBe('NONE')
    await steps(modern, classic)
    expect(partitionsOf(classic)).toHaveLength(2)
    expect([...partitionsOf(classic), ...partitionsOf(modern)].sort()).toEqual([0, 1, 2, 3])
  })

  it('is refused where there is no migration, or no protocol in common', async () => {
    await consumer.member('m').join()
    consumer.configs.migrationPolicy = { upgrades: false, downgrades: false }
    expect(await new ClassicMember().join()).toBe('INCONSISTENT_GROUP_PROTOCOL')
    consumer.configs.migrationPolicy = { upgrades: true, downgrades: false }
    expect(await new ClassicMember().join()).toBe('NONE')
    const metadata = consumerProtocolSubscription.encodeVersioned(1, {
      topics: [],
      userData: null,
      ownedPartitions: [],
    })
    const other = await consumer.group.join({ version: 3, protocols: [{ name: 'other', metadata }] })
    expect(other.error).toBe('INCONSISTENT_GROUP_PROTOCOL')
    const broken = await consumer.group.join({ version: 3, protocols: [{ name: 'range', metadata: Buffer.from([0]) }] })
    expect(broken.error).toBe('INCONSISTENT_GROUP_PROTOCOL')
  })

  it('puts out those that do not sync, or do not join again in time', async () => {
    const modern = consumer.member('m')
    await modern.join()
    const classic = new ClassicMember()
    await classic.join()
    for (let passed = 0; passed < 3; passed += 1) {
      await consumer.group.advance(7_000)
      await classic.heartbeat()
    }
    expect(await classic.heartbeat()).toBe('UNKNOWN_MEMBER_ID')
    const late = new ClassicMember()
    await late.join()
    await late.sync()
    await modern.heartbeat({ subscribedTopicNames: ['topic', 'other'] })
    expect(await late.heartbeat()).toBe('REBALANCE_IN_PROGRESS')
    for (let passed = 0; passed < 3; passed += 1) {
      await consumer.group.advance(7_000)
      await late.heartbeat()
    }
    expect(await late.heartbeat()).toBe('UNKNOWN_MEMBER_ID')
    const silent = new ClassicMember()
    await silent.join()
    await silent.sync()
    await consumer.group.advance(11_000)
    expect(await silent.heartbeat()).toBe('UNKNOWN_MEMBER_ID')
  })

  it('becomes a classic group when the last consumer member leaves, which rebalances', async () => {
    const { modern, classic } = await mixedGroup()
    await steps(modern, classic)
    await modern.leave()
    expect(await consumer.group.state()).toBe('PreparingRebalance')
    expect(await classic.heartbeat()).toBe('REBALANCE_IN_PROGRESS')
    await classic.join()
    expect(classic.joined!.leader).toBe(classic.memberId)
    await classic.sync({ [classic.memberId]: [0, 1, 2, 3] })
    expect(partitionsOf(classic)).toEqual([0, 1, 2, 3])
    await consumer.group.restart()
    expect(await consumer.group.state()).toBe('Stable')
    expect(await classic.heartbeat()).toBe('NONE')
  })

  it('becomes one when the last consumer member is silent for too long', async () => {
    const { classic } = await mixedGroup()
    for (let passed = 0; passed < 6; passed += 1) {
      await consumer.group.advance(8_000)
      await classic.step()
    }
    expect(await errorOf(consumer.describe())).toContain('is not a consumer group')
  })

  it('becomes one whose silent members are out in time', async () => {
    const { modern } = await mixedGroup()
    await modern.leave()
    await consumer.group.advance(30_000)
    expect(await consumer.group.state()).toBe('Empty')
  })

  it('stays one where the policy forbids it', async () => {
    consumer.configs.migrationPolicy = { upgrades: true, downgrades: false }
    const { modern, classic } = await mixedGroup()
    await modern.leave()
    await steps(classic)
    expect(partitionsOf(classic)).toEqual([0, 1, 2, 3])
    expect(await consumer.describe()).toMatchObject({ groupState: 'Stable', members: [{ memberType: 0 }] })
  })

  it('becomes one without a rebalance when a static member comes back with the classic protocol', async () => {
    const modern = consumer.member('m', { instanceId: 'i' })
    await modern.join()
    await modern.leave(-2)
    const back = new ClassicMember('i')
    expect(await back.join()).toBe('NONE')
    expect(await consumer.group.state()).toBe('Stable')
    expect(await back.sync()).toBe('NONE')
    expect(partitionsOf(back)).toEqual([0, 1, 2, 3])
    await consumer.group.restart()
    expect(await back.heartbeat()).toBe('NONE')
  })

  it('keeps what a static classic member had when it comes back with the consumer protocol', async () => {
    const classic = new ClassicMember('i')
    await classic.join()
    await classic.sync({ [classic.memberId]: [0, 1, 2, 3] })
    const modern = consumer.member('m', { instanceId: 'i' })
    await modern.join()
    expect(partitionsOf(modern)).toEqual([0, 1, 2, 3])
    expect(await classic.heartbeat()).toBe('FENCED_INSTANCE_ID')
    expect(await consumer.describe()).toMatchObject({ members: [{ memberId: 'm', memberType: 1 }] })
  })
})
