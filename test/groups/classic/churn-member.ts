/**
 * test: a member as clients write them: joins, syncs, then heartbeats and commits until it is told to join again. Unlike a good client it
 * asks twice, falls asleep, dies between two requests and believes in generations that are over.
 */
import { KafkaError } from '../../../protocol/errors.ts'
import type { Random } from '../../../src/runtime/random.ts'
import { type GroupHarness, type Joined, protocols, subscription } from '../group-harness.ts'
import type { ChurnLedger } from './churn-ledger.ts'

export const partitionCount = 7
const sessionTimeoutMs = 10_000
const rebalanceTimeoutMs = 6_000
const heartbeatMs = 2_500
/** Errors that leave open what came of the request. */
const unsure = ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS']

export class ChurnMember {
  readonly #group: GroupHarness
  readonly #ledger: ChurnLedger
  readonly #random: Random
  readonly instanceId: string | null
  #memberId = ''
  /** The generation whose assignment it holds. */
  generation: Joined | undefined
  /** What it holds, as digits. */
  partitions = ''
  #subscription = 0
  #pausedUntilMs = 0
  /** Requests without an answer. */
  readonly #waiting = new Set<object>()
  longestWaitMs = 0
  isStopped = false
  /** No more mischief. */
  isGood = false

  constructor(group: GroupHarness, ledger: ChurnLedger, random: Random, instanceId: string | null) {
    this.#group = group
    this.#ledger = ledger
    this.#random = random
    this.instanceId = instanceId
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  pause(forMs: number): void {
    this.#pausedUntilMs = this.#group.clock.now() + forMs
  }

  async run(): Promise<void> {
    while (!this.isStopped) {
      await this.#sleep(Math.max(this.#random.fraction() * heartbeatMs, this.#pausedUntilMs - this.#group.clock.now()))
      if (this.isStopped) return
      try {
        this.#heed(await this.#turn())
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        this.#heed(error.kafkaError)
      }
    }
  }

  async leave(): Promise<void> {
    this.isStopped = true
    await this.#ask(() => this.#group.leave({ memberId: this.#memberId })).catch(() => [])
  }

  #turn(): Promise<string> {
    const { generation } = this
    if (generation === undefined) return this.#join()
    if (this.#dares(0.05)) {
      this.#subscription += 1
      return this.#join()
    }
    if (this.#dares(0.05)) return this.#commit({ ...generation, generationId: generation.generationId - 1 })
    return this.#random.fraction() < 0.5 ? this.#commit(generation) : this.#heartbeat(generation)
  }

  /** Joins, and where it may, syncs. */
  async #join(): Promise<string> {
    const before = this.#ledger.known
    const request = {
      memberId: this.#memberId,
      groupInstanceId: this.instanceId,
      rebalanceTimeoutMs,
      sessionTimeoutMs,
      protocols: protocols(['range'], subscription(['topic', `v${this.#subscription}`])),
    }
    if (this.#dares(0.05)) void this.#ask(() => this.#group.join(request)).catch(() => {})
    const joined = await this.#ask(() => this.#group.join(request))
    if (joined.error === 'MEMBER_ID_REQUIRED') {
      this.#memberId = joined.memberId
      return 'NONE'
    }
    if (joined.error !== 'NONE') return joined.error
    this.#memberId = joined.memberId
    this.#ledger.isCurrent(joined.generationId, before)
    if (this.#dares(0.1)) await this.#commit(joined)
    if (this.#dares(0.1)) await this.#sleep(this.#random.fraction() * 2 * rebalanceTimeoutMs)
    return this.isStopped ? 'NONE' : this.#sync(joined)
  }

  async #sync(joined: Joined): Promise<string> {
    const assignments: Record<string, string> = {}
    if (joined.leader === joined.memberId && !joined.skipAssignment) {
      const ids = joined.members.map(({ memberId }) => memberId)
      for (let partition = 0; partition < partitionCount; partition += 1) {
        const owner = ids[partition % ids.length]!
        assignments[owner] = `${assignments[owner] ?? ''}${partition}`
      }
    }
    const before = this.#ledger.known
    const sync = () => this.#group.sync(joined, assignments, { groupInstanceId: this.instanceId })
    if (this.#dares(0.05)) void this.#ask(sync).catch(() => {})
    const { error, assignment } = await this.#ask(sync)
    if (error !== 'NONE') return error
    this.generation = joined
    this.partitions = assignment.toString()
    this.#ledger.isCurrent(joined.generationId, before)
    this.#ledger.assigned(joined.generationId, this.partitions, this.instanceId ?? joined.memberId)
    return 'NONE'
  }

  async #heartbeat(generation: Joined): Promise<string> {
    const before = this.#ledger.known
    const error = await this.#ask(() => this.#group.heartbeat(generation, this.instanceId))
    if (error === 'NONE') this.#ledger.isCurrent(generation.generationId, before)
    return error
  }

  async #commit({ generationId }: Joined): Promise<string> {
    const identity = { memberId: this.#memberId, generationId, groupInstanceId: this.instanceId }
    const offset = this.#ledger.commits(generationId)
    const before = this.#ledger.known
    const error = await this.#ask(() => this.#group.commit({ 'topic-0': offset }, identity))
    if (error === 'NONE') this.#ledger.isCurrent(generationId, before)
    if (!unsure.includes(error)) this.#ledger.committed(offset, error === 'NONE' ? 'taken' : 'refused')
    // One that was to be refused means nothing.
    return generationId === this.generation?.generationId ? error : 'NONE'
  }

  #heed(error: string): void {
    if (error === 'NONE' || unsure.includes(error)) return
    this.generation = undefined
    this.partitions = ''
    if (error === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    if (error === 'FENCED_INSTANCE_ID') this.isStopped = true
  }

  #dares(chance: number): boolean {
    return !this.isGood && this.#random.fraction() < chance
  }

  async #ask<T>(request: () => Promise<T>): Promise<T> {
    const waiting = { sinceMs: this.#group.clock.now() }
    this.#waiting.add(waiting)
    try {
      return await request()
    } finally {
      this.#waiting.delete(waiting)
      this.longestWaitMs = Math.max(this.longestWaitMs, this.#group.clock.now() - waiting.sinceMs)
    }
  }

  #sleep(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#group.clock.after(forMs, resolve)
    })
  }
}
