import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../protocol/errors.ts'
import { settle } from '../../../src/runtime/clock.ts'
import { SeededRandom } from '../../../src/runtime/random.ts'
import { GroupHarness, type Joined } from '../group-harness.ts'

const partitionCount = 7
const heartbeatMs = 1_000

/** Who owns which partitions in which generation, and who has committed, as the members were told. */
class Owners {
  readonly #byGeneration = new Map<string, string>()
  #latestCommit = 0

  /** Fails when somebody else has been given the partition in this generation. */
  claim(generationId: number, partition: string, owner: string): void {
    const key = `${generationId}/${partition}`
    expect(this.#byGeneration.get(key) ?? owner).toBe(owner)
    this.#byGeneration.set(key, owner)
  }

  /** Commits are answered in the order in which they were taken: a generation that is over commits no more. */
  committed(generationId: number): void {
    expect(generationId).toBeGreaterThanOrEqual(this.#latestCommit)
    this.#latestCommit = generationId
  }
}

/** A member as clients write them: joins, syncs, then heartbeats and commits until it is told to join again. */
class Member {
  readonly #group: GroupHarness
  readonly #owners: Owners
  readonly #instanceId: string | null
  #memberId = ''
  /** The generation whose assignment it holds. */
  generation: Joined | undefined
  /** Set while it awaits an answer. */
  #since: number | undefined
  longestWaitMs = 0
  isStopped = false
  #pausedUntilMs = 0

  constructor(group: GroupHarness, owners: Owners, instanceId: string | null) {
    this.#group = group
    this.#owners = owners
    this.#instanceId = instanceId
  }

  pause(forMs: number): void {
    this.#pausedUntilMs = this.#group.clock.now() + forMs
  }

  get waitingMs(): number {
    return this.#since === undefined ? 0 : this.#group.clock.now() - this.#since
  }

  async run(): Promise<void> {
    while (!this.isStopped) {
      await this.#sleep(Math.max(heartbeatMs, this.#pausedUntilMs - this.#group.clock.now()))
      if (this.isStopped) return
      try {
        if (this.generation === undefined) await this.#join()
        else await this.#heartbeat(this.generation)
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        this.#handle(error.kafkaError)
      }
    }
  }

  async leave(): Promise<void> {
    this.isStopped = true
    await this.#await(this.#group.leave({ memberId: this.#memberId })).catch(() => [])
  }

  async #join(): Promise<void> {
    const request = { memberId: this.#memberId, groupInstanceId: this.#instanceId, rebalanceTimeoutMs: 6_000 }
    const joined = await this.#await(this.#group.join({ ...request, sessionTimeoutMs: 10_000 }))
    if (joined.error !== 'NONE') {
      if (joined.error === 'MEMBER_ID_REQUIRED') this.#memberId = joined.memberId
      this.#handle(joined.error)
      return
    }
    this.#memberId = joined.memberId
    const assignments: Record<string, string> = {}
    if (joined.leader === joined.memberId && !joined.skipAssignment) {
      const ids = joined.members.map(({ memberId }) => memberId)
      for (let partition = 0; partition < partitionCount; partition += 1) {
        const owner = ids[partition % ids.length]!
        assignments[owner] = `${assignments[owner] ?? ''}${partition}`
      }
    }
    const more = { groupInstanceId: this.#instanceId }
    const synced = await this.#await(this.#group.sync(joined, assignments, more))
    if (synced.error !== 'NONE') return this.#handle(synced.error)
    this.generation = joined
    const owner = this.#instanceId ?? joined.memberId
    for (const partition of synced.assignment.toString()) this.#owners.claim(joined.generationId, partition, owner)
  }

  async #heartbeat(generation: Joined): Promise<void> {
    const identity = {
      memberId: this.#memberId,
      generationId: generation.generationId,
      groupInstanceId: this.#instanceId,
    }
    const committed = await this.#await(this.#group.commit({ 'topic-0': generation.generationId }, identity))
    if (committed === 'NONE') this.#owners.committed(generation.generationId)
    this.#handle(await this.#await(this.#group.heartbeat(generation, this.#instanceId)))
  }

  #handle(error: string): void {
    if (error === 'NONE' || error === 'NOT_COORDINATOR') return
    this.generation = undefined
    if (error === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    if (error === 'FENCED_INSTANCE_ID') this.isStopped = true
  }

  async #await<T>(answer: Promise<T>): Promise<T> {
    this.#since = this.#group.clock.now()
    try {
      return await answer
    } finally {
      this.longestWaitMs = Math.max(this.longestWaitMs, this.waitingMs)
      this.#since = undefined
    }
  }

  #sleep(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#group.clock.after(forMs, resolve)
    })
  }
}

async function churn(seed: number, failureRate: number): Promise<void> {
  const random = new SeededRandom(seed)
  const group = new GroupHarness({ seed })
  const owners = new Owners()
  const members = new Set<Member>()
  const everyone: Member[] = []
  const running: Promise<void>[] = []
  let instances = 0
  const start = (): void => {
    const instanceId = random.fraction() < 0.3 ? `i${instances++}` : null
    const member = new Member(group, owners, instanceId)
    members.add(member)
    everyone.push(member)
    running.push(member.run())
  }
  const any = (): Member | undefined => [...members][Math.floor(random.fraction() * members.size)]
  for (let step = 0; step < 60; step += 1) {
    const chance = random.fraction()
    const member = any()
    if (random.fraction() < failureRate) group.log.failNextWrite()
    if (members.size < 2 || chance < 0.3) start()
    else if (member === undefined) continue
    else if (chance < 0.45) {
      members.delete(member)
      void member.leave()
    } else if (chance < 0.55) {
      members.delete(member)
      member.isStopped = true // crashes
    } else if (chance < 0.7) member.pause(15_000)
    else if (chance < 0.73) await group.restart()
    await group.advance(500 + Math.floor(random.fraction() * 4_000))
    for (const each of [...members]) if (each.isStopped) members.delete(each)
  }
  await group.advance(60_000)
  expect(await group.state()).toBe('Stable')
  for (const member of members) {
    expect(member.waitingMs).toBe(0)
    expect(member.generation).toBeDefined()
  }
  // A rebalance is over after the rebalance timeout, and those who fell silent are out after a session.
  for (const member of everyone) expect(Math.max(member.longestWaitMs, member.waitingMs)).toBeLessThan(45_000)
  for (const member of members) member.isStopped = true
  await group.advance(20_000)
  await settle()
  await Promise.all(running)
}

describe('a group whose members come, go, crash and pause', () => {
  it.each([1, 2, 3, 4, 5, 6])('keeps its promises, seed %i', (seed) => churn(seed, 0))
  it.each([11, 12, 13])('keeps them on a log that fails, seed %i', (seed) => churn(seed, 0.3))
})
