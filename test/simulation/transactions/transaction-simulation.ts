/**
 * One run of the transaction simulation: a broker's whole domain on a simulated disk and simulated time, producers, zombies and readers on
 * connections that lose things, crashes at any call of the file system; all of it as a seed says.
 *
 *     const { failure, hash, lines } = await simulateTransactions(seed)
 *
 * A life is the time from one start of the broker to its end; producers and readers live on. When the producers are through and every timeout is
 * over, all transactions have ended, readers get to the end of every partition, and have seen of each transaction all or nothing.
 */
import { createHash } from 'node:crypto'
import { listTransactions } from '../../../protocol/messages/list-transactions.ts'
import { consumerOffsetsTopic } from '../../../src/cluster/topic.ts'
import { listTransactionsHandler } from '../../../src/handlers/list-transactions.ts'
import { type Cancel, type Clock, SimulatedClock } from '../../../src/runtime/clock.ts'
import { type Random, SeededRandom } from '../../../src/runtime/random.ts'
import { SimulatedDisk } from '../../../src/runtime/simulated-disk.ts'
import { SimulatedFileSystem } from '../../../src/runtime/simulated-file-system.ts'
import { nextTurn } from '../../../src/runtime/turns.ts'
import { Chance } from '../chance.ts'
import { resultOf, SimulationFailure, type SimulationResult } from '../result.ts'
import { SimulatedProducer } from './producer.ts'
import { OffsetReader, PartitionReader } from './readers.ts'
import { type Sabotage, SimulatedBroker } from './simulated-broker.ts'
import { dataTopic, inputTopic } from './topics.ts'
import { TransactionLedger } from './transaction-ledger.ts'

const startMs = 1_700_000_000_000
/** So many turns without a call to the file system, and nothing goes on before time does. */
const quietTurns = 6
const longestRunMs = 3_600_000
/** Longer than every transaction's timeout, and than the coordinator takes to notice. */
const untilAllEndedMs = 120_000
const endedStates: readonly string[] = ['Empty', 'CompleteCommit', 'CompleteAbort']

export interface TransactionSimulationOptions {
  /** Keep the lines of the trace. */
  readonly traces?: boolean
  readonly sabotage?: Sabotage
}

export class TransactionSimulation {
  readonly chance: Chance
  readonly clock = new SimulatedClock(startMs)
  readonly partitions: number
  readonly ledger = new TransactionLedger((what) => this.fail(what))
  readonly lines: string[] = []
  lossRate: number
  /** Undefined between two lives. */
  broker: SimulatedBroker | undefined
  readonly #random: Random
  readonly #options: TransactionSimulationOptions
  readonly #hash = createHash('sha256')
  readonly #transactionalIds: readonly string[]
  readonly #isDurable: boolean
  readonly #settings: Record<string, string>
  readonly #topicConfigs: Record<string, string>
  readonly #stableOffsets = new Map<string, number>()
  #disk = new SimulatedDisk()
  #files!: SimulatedFileSystem
  #lives = 0
  #livesLeft: number
  #failure: unknown

  constructor(seed: number, options: TransactionSimulationOptions) {
    this.#options = options
    this.#random = new SeededRandom(seed)
    this.chance = new Chance(new SeededRandom(seed ^ 0x7ace))
    const { chance } = this
    this.partitions = chance.between(1, 3)
    this.#transactionalIds = ['alpha', 'beta', 'gamma'].slice(0, chance.between(1, 3))
    this.#livesLeft = chance.pick([0, 1, 3, 6])
    this.lossRate = chance.pick([0, 0.05, 0.2, 0.3])
    this.#isDurable = chance.happens(0.5)
    this.#topicConfigs = chance.happens(0.5) ? {} : { 'segment.ms': String(chance.pick([500, 10_000])) }
    this.#settings = {
      'offsets.topic.num.partitions': String(chance.between(1, 2)),
      'offsets.topic.replication.factor': '1',
      'transaction.state.log.num.partitions': String(chance.between(1, 2)),
      'transaction.state.log.replication.factor': '1',
      'transaction.state.log.min.isr': '1',
      // What was acknowledged survives power failures then, and only then.
      ...(this.#isDurable && { 'log.flush.interval.messages': '1' }),
    }
  }

  get hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }

  groupOf(transactionalId: string): string {
    return `group-${transactionalId}`
  }

  async run(): Promise<void> {
    await this.#recover()
    const producers = this.#spawn(Promise.all(this.#transactionalIds.map((id) => this.#produce(id))))
    const readers = Array.from({ length: this.partitions }, (_, partition) => new PartitionReader(this, partition))
    const offsets = this.#transactionalIds.map((id) => new OffsetReader(this, id))
    let isOver = false
    const reading = this.#spawn(Promise.all([...readers, ...offsets].map((each) => each.run(() => isOver))))
    await this.#until(producers, longestRunMs)
    this.#livesLeft = 0
    this.lossRate = 0
    this.note('the producers are through')
    await this.#until(this.#spawn(this.sleep(untilAllEndedMs)), 2 * untilAllEndedMs)
    isOver = true
    await this.#until(reading, longestRunMs)
    await this.#until(this.#spawn(this.#checkEnd(readers, offsets)), longestRunMs)
  }

  /** Nothing of it goes on. */
  end(): void {
    this.broker = undefined
    this.#files.kill()
  }

  // ---- what clients use

  note(what: string): void {
    const line = `${this.clock.now() - startMs} ${what}`
    this.#hash.update(line)
    if (this.#options.traces === true) this.lines.push(line)
  }

  fail(what: string): never {
    throw new SimulationFailure(what)
  }

  /** The broker threw what no client may be the cause of. */
  broke(error: unknown): void {
    this.#failure ??= error
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.clock.after(delayMs, run)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve))
  }

  // ---- producers

  /** Producers of one transactional id, one after the other; some start while the one before still believes that it is alone. */
  async #produce(transactionalId: string): Promise<void> {
    const { chance } = this
    const running: Promise<void>[] = []
    for (let instance = chance.between(1, 3); instance > 0; instance -= 1) {
      const producer = new SimulatedProducer(this, transactionalId, instance)
      const run = producer.run(chance.between(1, 5))
      running.push(run)
      const isPatient = chance.happens(0.6)
      await (isPatient ? run : Promise.race([run, this.sleep(chance.pick([100, 2000, 20_000]))]))
    }
    await Promise.all(running)
  }

  // ---- lives

  async #recover(): Promise<void> {
    for (;;) {
      this.#lives += 1
      this.note(`life ${this.#lives} starts`)
      const files = new SimulatedFileSystem(this.#disk, this.#random, (what) => this.note(what))
      this.#files = files
      if (this.#lives > 1 && this.#livesLeft > 0 && this.chance.happens(0.3)) this.#armDeath(400)
      const opened = this.#open(files)
      let broker: SimulatedBroker | undefined
      const waiting = this.#spawn(
        Promise.race([
          opened.then((each) => {
            broker = each
          }),
          files.died,
        ]),
      )
      await this.#until(waiting, longestRunMs, false)
      if (!files.isDead && broker !== undefined) {
        this.broker = broker
        return
      }
      this.#afterDeath()
    }
  }

  async #open(files: SimulatedFileSystem): Promise<SimulatedBroker> {
    const clock: Clock = {
      now: () => this.clock.now(),
      monotonicMs: () => this.clock.monotonicMs(),
      after: (delayMs, run) =>
        this.clock.after(delayMs, () => {
          if (!files.isDead) run()
        }),
    }
    const log = (fields: object, message: string): void => {
      const { error } = fields as { error?: unknown }
      this.note(`log: ${message}${error === undefined ? '' : ` (${String(error)})`}`)
    }
    const logger = { debug: log, info: log, warn: log, error: log }
    const { sabotage } = this.#options
    const broker = await SimulatedBroker.open({
      files,
      clock,
      random: this.#random,
      logger,
      settings: this.#settings,
      sabotage,
    })
    await broker.createTopic(dataTopic, this.partitions, this.#topicConfigs)
    await broker.createTopic(inputTopic, 1)
    await broker.createInternalTopics()
    return broker
  }

  #armDeath(calls: number): void {
    this.#livesLeft -= 1
    this.#files.dieAfter(this.chance.below(calls))
  }

  #afterDeath(): void {
    this.broker = undefined
    if (!this.#isDurable || this.chance.happens(0.5)) return
    this.note('the power fails')
    this.#disk = this.#disk.afterPowerFailure(this.#random)
  }

  async #stop(): Promise<void> {
    const { broker } = this
    this.#livesLeft -= 1
    this.broker = undefined
    this.note('the broker stops')
    let isClosed = false
    const closing = broker!.close().then(() => {
      isClosed = true
    })
    await this.#until(this.#spawn(Promise.race([closing, this.#files.died])), longestRunMs, false)
    this.note(isClosed ? 'it has stopped' : 'it has died')
    this.#files.kill()
  }

  // ---- time

  /** Ends the run when it fails. */
  #spawn(work: Promise<unknown>): Promise<void> {
    return work.then(
      () => {},
      (error: unknown) => {
        this.#failure ??= error
      },
    )
  }

  /** Turns, and time, go on until `work` is done; lives end and begin meanwhile, if they may. */
  async #until(work: Promise<void>, longestMs: number, isAlive = true): Promise<void> {
    let isDone = false
    void work.then(() => {
      isDone = true
    })
    const deadlineMs = this.clock.now() + longestMs
    let quiet = 0
    while (!isDone) {
      await this.#turn()
      if (isAlive) await this.#maybeEndLife()
      quiet = this.#files.callsUnderWay > 0 ? 0 : quiet + 1
      if (quiet < quietTurns || isDone) continue
      quiet = 0
      const dueMs = this.clock.nextDueMs()
      if (dueMs === undefined || dueMs > deadlineMs) this.fail('something never ends')
      await this.clock.advance(Math.max(0, dueMs - this.clock.now()))
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  async #turn(): Promise<void> {
    await nextTurn()
    if (this.#failure !== undefined) throw this.#failure
    this.#checkStableOffsets()
  }

  async #maybeEndLife(): Promise<void> {
    if (this.#files.isDead) {
      this.#afterDeath()
      await this.#recover()
      return
    }
    if (this.#livesLeft === 0 || !this.chance.happens(0.004)) return
    if (this.chance.happens(0.8)) {
      this.#armDeath(100)
      return
    }
    await this.#stop()
    await this.#recover()
  }

  // ---- checks

  /** The last stable offset never goes back, not even with a crash. */
  #checkStableOffsets(): void {
    if (this.broker === undefined || this.#files.isDead) return
    for (const { index, log } of this.broker.partitionsOf(dataTopic)) {
      const name = `${dataTopic}-${index}`
      const { lastStableOffset, highWatermark } = log
      const before = this.#stableOffsets.get(name) ?? 0
      if (lastStableOffset < before) {
        this.fail(`the last stable offset of ${name} went back from ${before} to ${lastStableOffset}`)
      }
      if (lastStableOffset > highWatermark)
        this.fail(`the last stable offset of ${name} is ahead of the high watermark`)
      this.#stableOffsets.set(name, lastStableOffset)
    }
  }

  async #checkEnd(readers: readonly PartitionReader[], offsets: readonly OffsetReader[]): Promise<void> {
    await this.#checkAllEnded()
    for (const reader of readers) {
      for (;;) if (!(await reader.read())) break
      const again = new PartitionReader(this, reader.partition)
      for (;;) if (!(await again.read())) break
      const end = this.broker!.partitionsOf(dataTopic)[reader.partition]!.log.logEndOffset
      if (reader.position !== end) this.fail(`a reader of ${reader.name} got to ${reader.position} of ${end}`)
      const [seen, seenAgain] = [reader, again].map(({ records }) => JSON.stringify(records))
      if (seen !== seenAgain) this.fail(`a second reader of ${reader.name} saw ${seenAgain}, the first one ${seen}`)
    }
    this.#checkWhole(readers)
    for (const reader of offsets) await this.#checkOffset(reader)
  }

  async #checkAllEnded(): Promise<void> {
    const broker = this.broker!
    const { transactionStates } = await broker.client.ask(listTransactionsHandler, listTransactions, 0, {
      stateFilters: [],
      producerIdFilters: [],
    })
    for (const { transactionalId, transactionState } of transactionStates) {
      if (!endedStates.includes(transactionState)) this.fail(`${transactionalId} is still ${transactionState}`)
    }
    for (const { topic, index, log } of [
      ...broker.partitionsOf(dataTopic),
      ...broker.partitionsOf(consumerOffsetsTopic),
    ]) {
      const { lastStableOffset, logEndOffset } = log
      if (lastStableOffset === logEndOffset) continue
      this.fail(`the last stable offset of ${topic}-${index} hangs at ${lastStableOffset}, it ends at ${logEndOffset}`)
    }
  }

  /** Of each transaction all records were seen, or none. */
  #checkWhole(readers: readonly PartitionReader[]): void {
    const seen = new Map<number, Map<string, number>>()
    for (const { name, records } of readers) {
      for (const { transaction } of records) {
        const counts = seen.get(transaction) ?? new Map<string, number>()
        counts.set(name, (counts.get(name) ?? 0) + 1)
        seen.set(transaction, counts)
      }
    }
    for (const transaction of this.ledger.transactions) {
      const counts = seen.get(transaction.number)
      if (counts === undefined && transaction.fate !== 'committed' && !transaction.isSeen) continue
      for (const [name, count] of transaction.records) {
        const found = counts?.get(name) ?? 0
        if (found !== count) this.fail(`of ${transaction} ${found} of ${count} records were seen in ${name}`)
      }
    }
  }

  /** The last transaction of which records were seen has moved it. */
  async #checkOffset(reader: OffsetReader): Promise<void> {
    for (let attempt = 0; !(await reader.read()); attempt += 1) {
      if (attempt > 100) this.fail(`the offset of ${reader.transactionalId} stays unstable`)
      await this.sleep(100)
    }
    const moved = this.ledger.transactions.findLast(
      ({ transactionalId, commitsOffset, isSeen }) =>
        transactionalId === reader.transactionalId && commitsOffset && isSeen,
    )
    const expected = moved?.number ?? -1
    if (reader.last !== expected)
      this.fail(`the offset of ${reader.transactionalId} is ${reader.last}, not ${expected}`)
  }
}

export function simulateTransactions(
  seed: number,
  options: TransactionSimulationOptions = {},
): Promise<SimulationResult> {
  return resultOf(seed, new TransactionSimulation(seed, options))
}
