/**
 * One run of the storage simulation: a log directory on a simulated disk, worked on, crashed and opened again, all of it as a seed says.
 *
 *     const { failure, hash, lines } = await simulate(seed)
 *
 * A life is the time from one start of the process to its end. Operations (operations.ts) start in one life and may be cut off by its end;
 * what the logs answer goes into the models, and checks.ts compares the two.
 */
import { createHash } from 'node:crypto'
import { KafkaError } from '../../protocol/errors.ts'
import type { LocalPartitionLog } from '../../src/log/local-partition-log.ts'
import { LogDirectory, type LogDirectoryOptions } from '../../src/log/log-directory.ts'
import type { LogLimits } from '../../src/log/log-storage.ts'
import { type Clock, SimulatedClock } from '../../src/runtime/clock.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import { type Random, SeededRandom } from '../../src/runtime/random.ts'
import { SimulatedDisk } from '../../src/runtime/simulated-disk.ts'
import { SimulatedFileSystem } from '../../src/runtime/simulated-file-system.ts'
import { nextTurn } from '../../src/runtime/turns.ts'
import { Chance } from './chance.ts'
import { checkLog, checkProgress, checkRecoveryPoint } from './checks.ts'
import { damageTransactionIndex } from './disk-contents.ts'
import { operations } from './operations.ts'
import { resultOf, SimulationFailure, type SimulationResult } from './result.ts'
import { checkDeletion } from './retention-checks.ts'
import { randomConfig, randomLimits } from './settings.ts'
import { SimulatedPartition } from './simulated-partition.ts'

const startMs = 1_700_000_000_000
/** A promise that needs more than so many quiet turns and timers is stuck. */
const mostQuietTurns = 20
const mostTimersWaited = 200

/** For tests of the simulation itself: makes the storage worse than it may be. */
export interface Sabotage {
  readonly files?: (files: FileSystem) => FileSystem
  readonly log?: (log: LocalPartitionLog) => void
}

export interface SimulationOptions {
  /** Keep the lines of the trace. */
  readonly traces?: boolean
  readonly sabotage?: Sabotage
}

/** What one life has. */
export interface Life {
  readonly number: number
  readonly files: SimulatedFileSystem
  readonly directory: LogDirectory
}

export class Simulation {
  readonly chance: Chance
  readonly clock = new SimulatedClock(startMs)
  readonly partitions: SimulatedPartition[] = []
  readonly #random: Random
  readonly #limits: Partial<LogLimits>
  readonly #options: SimulationOptions
  readonly #hash = createHash('sha256')
  readonly lines: string[] = []
  #disk = new SimulatedDisk()
  #lives = 0
  life!: Life
  #underWay = new Set<Promise<void>>()
  #isClosing = false
  #failure: unknown

  constructor(seed: number, options: SimulationOptions) {
    this.#options = options
    this.#random = new SeededRandom(seed)
    this.chance = new Chance(new SeededRandom(seed ^ 0x5eed))
    this.#limits = randomLimits(this.chance)
    const count = this.chance.pick([1, 1, 1, 2, 3])
    for (let number = 0; number < count; number += 1) {
      const config = randomConfig(this.chance)
      this.partitions.push(new SimulatedPartition('topic', number, config, this.chance))
    }
  }

  get hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }

  async run(): Promise<void> {
    await this.recover()
    const count = this.chance.between(20, 90)
    for (let done = 0; done < count; done += 1) {
      if (this.chance.happens(0.04)) this.#armDeath(150)
      const operation = this.chance.weighted(operations)
      await operation.run(this)
      for (let turns = this.chance.pick([0, 0, 1, 3, 10]); turns > 0 && !this.isDead; turns -= 1) await this.turn()
      if (this.isDead) await this.afterDeath()
      else if (this.chance.happens(0.08)) await this.check()
    }
    this.#steady()
    if (!(await this.check())) await this.afterDeath()
    this.life.files.kill()
    await this.afterDeath()
    await this.check()
  }

  get isDead(): boolean {
    return this.life.files.isDead
  }

  end(): void {
    this.life.files.kill()
  }

  note(what: string): void {
    const line = `${this.clock.now() - startMs} ${what}`
    this.#hash.update(line)
    if (this.#options.traces === true) this.lines.push(line)
  }

  fail(what: string): never {
    throw new SimulationFailure(what)
  }

  /** Lets the event loop turn once. */
  async turn(): Promise<void> {
    await nextTurn()
    if (this.#failure !== undefined) throw this.#failure
    if (this.isDead || this.life.directory === undefined) return
    for (const partition of this.partitions) {
      if (partition.isOpening) continue
      checkProgress(this, partition)
      if (partition.log.recoveryPoint !== partition.seenRecoveryPoint) checkRecoveryPoint(this, partition)
    }
  }

  /** `work` goes on beside what follows. What it throws ends the run, if its life has not ended before. */
  track(work: Promise<void>): void {
    const { files } = this.life
    const tracked = work.catch((error: unknown) => {
      if (!files.isDead) this.#failure ??= error
    })
    this.#underWay.add(tracked)
    void tracked.then(() => this.#underWay.delete(tracked))
  }

  /** Time passes until `work` is done; undefined when the life ended before. */
  async wait<T>(work: Promise<T>): Promise<{ value: T } | { error: unknown } | undefined> {
    let outcome: { value: T } | { error: unknown } | undefined
    const { files } = this.life
    work.then(
      (value) => {
        outcome = { value }
      },
      (error: unknown) => {
        outcome = { error }
      },
    )
    await this.#until(() => outcome !== undefined)
    return files.isDead ? undefined : outcome
  }

  /** Waits for all that is under way. False when the life ended before. */
  async quiesce(): Promise<boolean> {
    await this.#until(() => this.#underWay.size === 0)
    for (let quiet = 0; quiet < 4 && !this.isDead; quiet += 1) {
      if (this.life.files.callsUnderWay > 0) quiet = 0
      await this.turn()
    }
    return !this.isDead
  }

  /** Compares all logs with their models. False when the life ended before. */
  async check(): Promise<boolean> {
    if (!(await this.quiesce())) return false
    for (const partition of this.partitions) {
      if (partition.isOffline) continue
      const outcome = await this.wait(checkLog(this, partition))
      if (outcome === undefined) return false
      if ('error' in outcome && !this.isExpected(outcome.error)) throw outcome.error
    }
    return true
  }

  /** Is `error` what a file system that fails, or the end of a life, leads to? */
  isExpected(error: unknown): boolean {
    if (!this.life.files.hasFailed && !this.#isClosing) return false
    return (error instanceof KafkaError && error.kafkaError === 'KAFKA_STORAGE_ERROR') || isSystemError(error)
  }

  /** Ends the life cleanly, if the file system lets it, and starts the next one. */
  async restart(): Promise<void> {
    const { files, directory } = this.life
    if (!this.chance.happens(0.3) && !(await this.quiesce())) return
    this.#isClosing = true
    const outcome = await this.wait(directory.close())
    if (outcome === undefined) return
    if ('error' in outcome && !this.isExpected(outcome.error)) throw outcome.error
    if (!(await this.quiesce())) return
    const isClean = 'value' in outcome && !files.hasFailed
    if (isClean) for (const { model } of this.partitions) model.isDurable(model.endOffset)
    this.note(isClean ? 'stopped cleanly' : 'stopped')
    files.kill()
    if (this.chance.happens(0.3)) this.#failPower()
    await this.recover()
  }

  /** The life has ended: what is left is recovered. */
  async afterDeath(): Promise<void> {
    if (this.chance.happens(0.5)) this.#failPower()
    await this.recover()
  }

  #failPower(): void {
    this.note('the power fails')
    this.#disk = this.#disk.afterPowerFailure(this.#random)
    for (const { model, config } of this.partitions) {
      model.survivingOffset = model.durableOffset
      if (!config.compacted) continue
      for (const entry of model.entries) if (entry.lastOffset >= model.durableOffset) entry.mayBeLost = true
    }
  }

  /** Starts lives until one has opened all partitions. */
  async recover(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      if (attempt > 20) this.fail('no start succeeds')
      const outcome = await this.#start(attempt)
      if (outcome === 'opened') break
      this.note(outcome)
      if (!this.isDead) this.life.files.kill()
      if (this.chance.happens(0.5)) this.#failPower()
    }
    for (const partition of this.partitions) this.#recovered(partition)
    if (await this.check()) return
    await this.afterDeath()
  }

  async #start(attempt: number): Promise<string> {
    this.#lives += 1
    this.#underWay = new Set()
    this.#isClosing = false
    const files = new SimulatedFileSystem(this.#disk, this.#random, (what) => this.note(what))
    this.#disk.capacityBytes = Number.MAX_SAFE_INTEGER
    this.life = { number: this.#lives, files, directory: undefined as unknown as LogDirectory }
    this.note(`life ${this.#lives} starts`)
    if (this.chance.happens(0.15)) damageTransactionIndex(this, this.#disk)
    if (attempt < 4 && this.chance.happens(0.25)) this.#armDeath(60)
    // The first start makes the directory, whose name is durable only where the one above it can be synced.
    if (this.#lives > 1 && attempt < 4 && this.chance.happens(0.1)) files.faults = { errors: 0.03 }
    const opened = await this.wait(LogDirectory.open(this.#directoryOptions(files)))
    if (opened === undefined) return 'died while it opened the directory'
    if ('error' in opened) {
      if (!this.isExpected(opened.error)) throw opened.error
      return 'could not open the directory'
    }
    const directory = opened.value
    const outcomes = await this.wait(
      Promise.allSettled(this.partitions.map((partition) => this.#openPartition(directory, partition))),
    )
    if (outcomes === undefined) return 'died while it opened partitions'
    if ('error' in outcomes) throw outcomes.error
    const failed = outcomes.value.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) {
      if (!this.isExpected(failed.reason)) throw failed.reason
      return 'could not open a partition'
    }
    this.life = { ...this.life, directory }
    files.faults = { errors: 0 }
    return 'opened'
  }

  /** As a partition is closed to lie in another log directory, and opened where it was because that did not work out. */
  async reopen(partition: SimulatedPartition): Promise<void> {
    if (!(await this.quiesce())) return
    const { directory } = this.life
    this.note(`close ${partition.name}`)
    partition.isOpening = true
    const reopening = async (): Promise<void> => {
      const isClosed = await directory.release(partition)
      this.note(`open ${partition.name}, which was ${isClosed ? '' : 'not '}closed properly`)
      await this.#openPartition(directory, partition)
    }
    const outcome = await this.wait(reopening())
    partition.isOpening = false
    if (outcome === undefined) return
    if ('value' in outcome) {
      this.#recovered(partition)
      return
    }
    if (!this.isExpected(outcome.error)) throw outcome.error
    partition.isOffline = true
  }

  async #openPartition(directory: LogDirectory, partition: SimulatedPartition): Promise<void> {
    partition.openings += 1
    const { topic, partition: number, config } = partition
    partition.log = await directory.openPartition({ topic, partition: number, config })
    this.#options.sabotage?.log?.(partition.log)
    partition.leaderEpoch = Math.max(partition.leaderEpoch, partition.log.leaderEpoch) + 1
    await partition.log.becomeLeader(partition.leaderEpoch)
    if (!partition.isTruncating) return
    await partition.log.flush()
    partition.isTruncating = false
  }

  #directoryOptions(files: SimulatedFileSystem): LogDirectoryOptions {
    const clock: Clock = {
      now: () => this.clock.now(),
      monotonicMs: () => this.clock.monotonicMs(),
      after: (delayMs, run) =>
        this.clock.after(delayMs, () => {
          if (!files.isDead) run()
        }),
    }
    const log = (_fields: object, message: string): void => this.note(`log: ${message}`)
    return {
      path: 'data',
      nodeId: 1,
      files: this.#options.sabotage?.files?.(files) ?? files,
      clock,
      random: this.#random,
      logger: { debug: log, info: log, warn: log, error: log },
      limits: this.#limits,
    }
  }

  #recovered(partition: SimulatedPartition): void {
    const { log, model, config } = partition
    const { logEndOffset, logStartOffset } = log
    this.note(`${partition.name} is open: ${logStartOffset} to ${logEndOffset}, recovery point ${log.recoveryPoint}`)
    if (logEndOffset < model.survivingOffset) {
      this.fail(`${partition.name} ends at ${logEndOffset}: records up to ${model.survivingOffset} were to survive`)
    }
    const isEmptied = logStartOffset === logEndOffset && logEndOffset <= model.endOffset
    if (!model.isBoundary(logEndOffset) && !isEmptied) {
      this.fail(
        `${partition.name} ends at ${logEndOffset}, where no batch ends; the last one ends at ${model.endOffset}`,
      )
    }
    if (logStartOffset < model.startFloor) {
      this.fail(`${partition.name} starts at ${logStartOffset}, behind it was deleted up to ${model.startFloor}`)
    }
    // A power failure may take the oldest segments, where nothing of them was durable: the log starts behind them then, as Kafka's does.
    if (model.durableOffset <= partition.seenLogStartOffset) {
      model.startCeiling = Math.max(model.startCeiling, logStartOffset)
    }
    // Retention may have counted what was lost then.
    if (logStartOffset > partition.seenLogStartOffset) {
      checkDeletion(this, partition)
      partition.seenLogStartOffset = logStartOffset
    }
    model.cut(logEndOffset)
    model.survives(logEndOffset)
    partition.isOffline = false
    partition.isAlwaysDurable = config.flushMessages === 1
    partition.seenLogStartOffset = Math.min(partition.seenLogStartOffset, logStartOffset)
    partition.seenRecoveryPoint = -1
    partition.seenProducers.clear()
    partition.producers.restart(model)
    partition.noteRetention()
  }

  #armDeath(calls: number): void {
    this.life.files.dieAfter(this.chance.below(calls))
  }

  /** From here on nothing goes wrong by itself. */
  #steady(): void {
    this.life.files.faults = { errors: 0 }
    this.life.files.dieAfter(Number.POSITIVE_INFINITY)
  }

  async #until(isDone: () => boolean): Promise<void> {
    let quiet = 0
    for (let timers = 0; !isDone() && !this.isDead; ) {
      await this.turn()
      quiet = this.life.files.callsUnderWay > 0 ? 0 : quiet + 1
      if (quiet < mostQuietTurns) continue
      quiet = 0
      timers += 1
      const dueMs = this.clock.nextDueMs()
      if (dueMs === undefined || timers > mostTimersWaited) this.fail('something never ends')
      await this.clock.advance(Math.max(0, dueMs - this.clock.now()))
    }
  }
}

function isSystemError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'EIO' || code === 'ENOSPC'
}

export function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  return resultOf(seed, new Simulation(seed, options))
}
