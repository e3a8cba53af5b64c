import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../protocol/errors.ts'
import { SeededRandom } from '../../../src/runtime/random.ts'
import { groupId } from '../group-harness.ts'
import { ConsumerHarness, HarnessMember, type MemberOptions } from './consumer-harness.ts'

const sessionTimeoutMs = 6_000
/** Longer than any pause: who is put out for it may still work, and would have to find out by itself. */
const rebalanceTimeoutMs = 12_000

/** Who works on which partition, as the members were told; and the epochs that were seen. */
class Owners {
  readonly #owners = new Map<string, ChurnMember>()
  #groupEpoch = 0

  /** Fails when somebody else still works on one of them. */
  claim(member: ChurnMember, partitions: ReadonlySet<string>): void {
    for (const [partition, owner] of this.#owners) if (owner === member) this.#owners.delete(partition)
    for (const partition of partitions) {
      expect(this.#owners.get(partition)?.name ?? member.name).toBe(member.name)
      this.#owners.set(partition, member)
    }
  }

  /** Nobody commits for what another works on by now. */
  committed(partition: string, member: ChurnMember): void {
    expect(this.#owners.get(partition)?.name ?? member.name).toBe(member.name)
  }

  seen(groupEpoch: number): void {
    expect(groupEpoch).toBeGreaterThanOrEqual(this.#groupEpoch)
    this.#groupEpoch = groupEpoch
  }
}

/** A consumer: heartbeats, works on what it is told, gives back a while after it is told, commits what it works on. */
class ChurnMember {
  readonly name: string
  readonly #harness: ConsumerHarness
  readonly #owners: Owners
  readonly #random: SeededRandom
  readonly #member: HarnessMember
  #work = new Set<string>()
  /** What it worked on after its last heartbeat, also when it has stopped. */
  #lastWork: ReadonlySet<string> = new Set()
  /** By partition, the epoch in which it was told to take it. */
  #toldIn = new Map<string, number>()
  #silentSinceMs: number
  #hasJoined = false
  #lastEpoch = 0
  isStopped = false
  pausedUntilMs = 0

  constructor(harness: ConsumerHarness, owners: Owners, random: SeededRandom, name: string, options: MemberOptions) {
    this.#harness = harness
    this.#owners = owners
    this.#random = random
    this.name = name
    this.#member = new HarnessMember(harness, name, { rebalanceTimeoutMs, ...options })
    this.#silentSinceMs = harness.group.clock.now()
  }

  get instanceId(): string | undefined {
    return this.#member.options.instanceId
  }

  get work(): ReadonlySet<string> {
    return this.#work
  }

  /** A client that has not been heard for a session knows that it is out. */
  stopWorkWhenSilent(): void {
    if (this.#harness.group.clock.now() - this.#silentSinceMs >= sessionTimeoutMs) this.#workOn(new Set())
  }

  #workOn(partitions: Set<string>): void {
    this.#work = partitions
    this.#owners.claim(this, partitions)
  }

  /** Takes on more only when it has given back all that it was told to, which may take a while. */
  #follow(told: Set<string>): void {
    this.#toldIn = new Map(Array.from(told, (key) => [key, this.#toldIn.get(key) ?? this.#member.epoch]))
    const kept = [...this.#work].filter((key) => told.has(key))
    if (kept.length === this.#work.size) this.#workOn(told)
    else if (this.#random.fraction() < 0.6) this.#workOn(new Set(kept))
  }

  async step(): Promise<void> {
    const nowMs = this.#harness.group.clock.now()
    if (this.isStopped || nowMs < this.pausedUntilMs) return
    try {
      const earlier = this.#member.epoch
      if (!this.#hasJoined) await this.#member.join()
      else await this.#member.heartbeat({ topicPartitions: this.#listed(this.#work) })
      if (this.#hasJoined) expect(this.#member.epoch).toBeGreaterThanOrEqual(earlier)
      this.#hasJoined = true
      this.#lastEpoch = this.#member.epoch
      this.#silentSinceMs = nowMs
      this.#follow(new Set(this.#member.owned.flatMap(({ topicId, partitions }) => keysOf(topicId, partitions))))
      this.#lastWork = this.#work
      if (this.#random.fraction() < 0.5) await this.#commit(this.#member.epoch)
      // A commit on its way since the epoch before.
      if (this.#random.fraction() < 0.2) await this.#commit(earlier)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      this.#failed(error.kafkaError)
    }
  }

  #listed(partitions: ReadonlySet<string>) {
    return Array.from(partitions, (key) => {
      const [topicId, partition] = key.split('/')
      return { topicId: topicId!, partitions: [Number(partition)] }
    })
  }

  async #commit(memberEpoch: number): Promise<void> {
    for (const {
      topicId,
      partitions: [partitionIndex = 0],
    } of this.#listed(this.#lastWork)) {
      const name = this.#harness.topics.nameOf(topicId)
      if (name === undefined) continue
      const offset = { committedOffset: memberEpoch, committedLeaderEpoch: -1, committedMetadata: '' }
      const partitions = [{ partitionIndex, ...offset }]
      const rest = { groupInstanceId: null, retentionTimeMs: -1, knowsGroupIdNotFound: true }
      const topics = [{ name, topicId, partitions }]
      try {
        await this.#harness.group.run((shard) =>
          shard.commitOffsets({ groupId, memberId: this.name, generationId: memberEpoch, ...rest, topics }),
        )
        const key = `${topicId}/${partitionIndex}`
        this.#owners.committed(key, this)
        // One that came back under another id goes on with what it had.
        if (this.instanceId === undefined) expect(memberEpoch).toBeGreaterThanOrEqual(this.#toldIn.get(key) ?? 0)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        const expected = ['STALE_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID', 'NOT_COORDINATOR', 'GROUP_ID_NOT_FOUND']
        expect(expected).toContain(error.kafkaError)
      }
    }
  }

  #failed(error: string): void {
    if (error === 'NOT_COORDINATOR') return
    expect([
      'FENCED_MEMBER_EPOCH',
      'UNKNOWN_MEMBER_ID',
      'FENCED_INSTANCE_ID',
      'UNRELEASED_INSTANCE_ID',
      'GROUP_ID_NOT_FOUND',
    ]).toContain(error)
    this.#hasJoined = false
    this.#workOn(new Set())
    if (error === 'FENCED_INSTANCE_ID') this.isStopped = true
  }

  /** What it sent before it stopped may come late. */
  async commitLate(): Promise<void> {
    await this.#commit(this.#lastEpoch)
  }

  /** Gives all back and says so; a static one may say that it will be back. */
  async leave(memberEpoch: -1 | -2): Promise<void> {
    this.isStopped = true
    this.#workOn(new Set())
    await this.#member.leave(memberEpoch).catch(() => undefined)
  }

  /** Falls silent at once, and works on nothing any more. */
  crash(): void {
    this.isStopped = true
    this.#workOn(new Set())
  }
}

function keysOf(topicId: string, partitions: Iterable<number>): string[] {
  return Array.from(partitions, (partition) => `${topicId}/${partition}`)
}

async function churn(seed: number, failureRate: number): Promise<void> {
  const random = new SeededRandom(seed)
  const chance = (): number => random.fraction()
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(chance() * from.length)]
  const harness = new ConsumerHarness({
    seed,
    topics: { 'topic-a': 5, 'topic-b': 3 },
    configs: { sessionTimeoutMs: () => sessionTimeoutMs, assignmentIntervalMs: () => (seed % 2 === 0 ? 0 : 1_000) },
  })
  const idOf = (topic: string): string => harness.topics.idOf(topic)!
  const owners = new Owners()
  const members: ChurnMember[] = []
  let names = 0
  const start = (instanceId = chance() < 0.3 ? `i${names}` : undefined): void => {
    const byRegex = chance() < 0.3
    const subscription = byRegex
      ? { subscribedTopicRegex: 'topic-.*' }
      : { subscribedTopicNames: ['topic-a', 'topic-b'] }
    const options = { ...subscription, ...(instanceId === undefined ? {} : { instanceId }) }
    names += 1
    members.push(new ChurnMember(harness, owners, random, `m${names}`, options))
  }
  for (let step = 0; step < 150; step += 1) {
    const dice = chance()
    if (chance() < failureRate) harness.group.log.failNextWrite()
    const running = members.filter(({ isStopped }) => !isStopped)
    const member = pick(running)
    if (running.length < 2 || (dice < 0.12 && running.length < 8)) start()
    else if (member === undefined) continue
    else if (dice < 0.18) await member.leave(-1)
    else if (dice < 0.24) member.crash()
    else if (dice < 0.3 && member.instanceId !== undefined) {
      await member.leave(-2)
      start(member.instanceId)
    } else if (dice < 0.36) member.pausedUntilMs = harness.group.clock.now() + 7_500
    else if (dice < 0.4) await harness.group.restart()
    else if (dice < 0.44) harness.topics.put('topic-a', harness.topics.partitionCount(idOf('topic-a')) + 1)
    else if (dice < 0.46) {
      harness.topics.delete('topic-b')
      harness.topics.put('topic-b', 2 + Math.floor(chance() * 3))
    }
    for (const each of members) each.stopWorkWhenSilent()
    for (const each of members) await each.step()
    await pick(members)?.commitLate()
    await harness.group.advance(200 + Math.floor(chance() * 900))
    const described = await harness.describe().catch(() => undefined)
    if (described !== undefined) owners.seen(described.groupEpoch)
  }
  await settleDown(harness, members)
}

/** Left alone, every partition has an owner in the end. */
async function settleDown(harness: ConsumerHarness, members: readonly ChurnMember[]): Promise<void> {
  for (let round = 0; round < 60; round += 1) {
    for (const member of members) member.stopWorkWhenSilent()
    for (const member of members) await member.step()
    await harness.group.advance(1_000)
  }
  const all = [...harness.topics.names()].flatMap((name) => {
    const topicId = harness.topics.idOf(name)!
    return keysOf(topicId, Array.from({ length: harness.topics.partitionCount(topicId) }).keys())
  })
  const worked = members.flatMap(({ work }) => [...work])
  expect(worked.sort()).toEqual(all.sort())
  expect((await harness.describe()).groupState).toBe('Stable')
}

describe('a consumer group whose members come, go, crash and pause, while topics change and the coordinator restarts', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('keeps its promises, seed %i', (seed) => churn(seed, 0))
  it.each([11, 12, 13, 14])('keeps them on a log that fails, seed %i', (seed) => churn(seed, 0.2))
})
