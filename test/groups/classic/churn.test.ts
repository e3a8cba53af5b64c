import { describe, expect, it } from 'vitest'
import { settle } from '../../../src/runtime/clock.ts'
import { SeededRandom } from '../../../src/runtime/random.ts'
import { GroupHarness } from '../group-harness.ts'
import { ChurnLedger } from './churn-ledger.ts'
import { ChurnMember, partitionCount } from './churn-member.ts'

const stepCount = 30
/** A rebalance takes its timeout at most, and members that fall silent are out after a session. */
const longestWaitMs = 45_000
/** Within it a group left in peace is stable: ghosts are out, and sleepers awake. */
const calmMs = 180_000

class Churn {
  readonly #random: SeededRandom
  readonly #group: GroupHarness
  readonly #ledger = new ChurnLedger()
  readonly #members = new Set<ChurnMember>()
  readonly #everyone: ChurnMember[] = []
  readonly #running: Promise<void>[] = []
  /** What a member was told and must not be. */
  #failure: unknown
  readonly #failureRate: number

  constructor(seed: number, failureRate: number) {
    this.#random = new SeededRandom(seed)
    this.#group = new GroupHarness({ seed, initialRebalanceDelayMs: seed % 3 === 0 ? 3_000 : 0 })
    this.#failureRate = failureRate
  }

  async run(): Promise<void> {
    for (let step = 0; step < stepCount; step += 1) {
      if (this.#random.fraction() < this.#failureRate) this.#group.log.failNextWrite()
      await this.#act()
      await this.#advance(500 + Math.floor(this.#random.fraction() * 4_000))
      await this.#fetch()
      for (const member of [...this.#members]) if (member.isStopped) this.#members.delete(member)
    }
    await this.#calm()
    await this.#survivesRestart()
    await this.#ends()
  }

  async #act(): Promise<void> {
    const chance = this.#random.fraction()
    const member = [...this.#members][Math.floor(this.#random.fraction() * this.#members.size)]
    if (member === undefined || this.#members.size < 2 || chance < 0.25) {
      this.#start(this.#random.fraction() < 0.4 ? `i${this.#everyone.length}` : null)
    } else if (chance < 0.35) {
      this.#members.delete(member)
      void member.leave()
    } else if (chance < 0.45) {
      this.#members.delete(member)
      member.isStopped = true // crashes
    } else if (chance < 0.6) member.pause(15_000)
    else if (chance < 0.75) {
      // The same again while the first may still live; a dynamic member comes as another one.
      if (this.#random.fraction() < 0.5) member.isStopped = true
      this.#start(member.instanceId)
    } else if (chance < 0.8 && member.instanceId !== null) {
      void this.#group.leave({ memberId: '', groupInstanceId: member.instanceId }).catch(() => [])
    } else if (chance < 0.9) await this.#group.restart()
  }

  #start(instanceId: string | null): void {
    const member = new ChurnMember(this.#group, this.#ledger, this.#random, instanceId)
    this.#members.add(member)
    this.#everyone.push(member)
    const running = member.run().catch((error: unknown) => {
      this.#failure ??= error
    })
    this.#running.push(running)
  }

  /** @throws what a member ran into meanwhile */
  async #advance(byMs: number): Promise<void> {
    await this.#group.advance(byMs)
    if (this.#failure !== undefined) throw this.#failure
  }

  async #fetch(): Promise<void> {
    const before = this.#ledger.known
    try {
      const offsets = await this.#group.offsets()
      this.#ledger.fetched(offsets['topic-0'], before)
    } catch (error) {
      expect(error).toMatchObject({ kafkaError: 'NOT_COORDINATOR' })
    }
  }

  /** Left in peace, all who live come to own all partitions, each once. */
  async #calm(): Promise<void> {
    for (const member of this.#members) member.isGood = true
    for (let passedMs = 0; passedMs < calmMs && !(await this.#isCalm()); passedMs += 10_000) await this.#advance(10_000)
    expect(await this.#group.state()).toBe('Stable')
    expect(await this.#isCalm()).toBe(true)
    const owned = this.#living.flatMap(({ partitions }) => [...partitions]).sort()
    expect(owned).toEqual(Array.from({ length: partitionCount }, (_, partition) => String(partition)))
  }

  get #living(): ChurnMember[] {
    return [...this.#members].filter(({ isStopped }) => !isStopped)
  }

  /** The living are the members of one generation. */
  async #isCalm(): Promise<boolean> {
    const living = this.#living
    const current = living[0]?.generation?.generationId
    if (current === undefined || living.some(({ generation }) => generation?.generationId !== current)) return false
    const { groupState, members } = await this.#group.describe()
    return groupState === 'Stable' && members.length === living.length
  }

  async #survivesRestart(): Promise<void> {
    const before = [await this.#group.describe(), await this.#group.offsets()]
    await this.#group.restart()
    expect([await this.#group.describe(), await this.#group.offsets()]).toEqual(before)
  }

  async #ends(): Promise<void> {
    for (const member of this.#everyone) member.isStopped = true
    await this.#advance(30_000)
    expect(await this.#group.state()).toBe('Empty')
    await settle()
    for (const member of this.#everyone) {
      expect(member.isWaiting, 'a request without an answer').toBe(false)
      expect(member.longestWaitMs).toBeLessThan(longestWaitMs)
    }
    await Promise.all(this.#running)
  }
}

/** Runs the seeds one after the other. To repeat one alone: `CHURN_SEED=<seed> npx vitest run test/groups/classic/churn.test.ts`. */
async function churn(firstSeed: number, count: number, failureRate: number): Promise<void> {
  const wanted = process.env.CHURN_SEED
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    if (wanted !== undefined && Number(wanted) !== seed) continue
    try {
      await new Churn(seed, failureRate).run()
    } catch (error) {
      throw new Error(`CHURN_SEED=${seed} fails: ${(error as Error).message}`, { cause: error })
    }
  }
}

/** For machines that have much else to do. */
const timeoutMs = 120_000

describe('a group whose members come, go, crash, pause, ask twice and come back', () => {
  it.each([0, 20, 40, 60, 80, 100])('keeps its promises, 20 seeds from %i', (seed) => churn(seed, 20, 0), timeoutMs)
  it.each([1_000, 1_020, 1_040, 1_060])(
    'keeps them on a log that fails, 20 seeds from %i',
    (seed) => churn(seed, 20, 0.3),
    timeoutMs,
  )
})
