/**
 * log: a partition's log that can be moved to another log directory while it is used. For everybody it stays the same log: what is asked of
 * it while it is closed here and opened there waits.
 */
import type { KafkaError } from '../../protocol/errors.ts'
import type { LocalPartitionLog } from './local-partition-log.ts'
import type { LogConfig } from './log-config.ts'
import type {
  AbortedTransaction,
  AppendOrigin,
  AppendResult,
  EpochEndOffset,
  Isolation,
  PartitionLog,
  ProducerState,
  ReadOptions,
  ReadResult,
  TimestampAndOffset,
  TransactionAppend,
  VerificationGuard,
  VerifyingProducer,
} from './partition-log.ts'

export class MovableLog implements PartitionLog {
  #log: LocalPartitionLog
  /** Resolves when the move under way has ended, either way. */
  #move: Promise<void> | undefined
  readonly #listeners = new Set<() => void>()
  #stopListening: () => void
  /** Set while the log moved. */
  #config: LogConfig | undefined
  #isHeld = false

  constructor(log: LocalPartitionLog) {
    this.#log = log
    this.#stopListening = this.#listen()
  }

  /** Where it is now; another one after each move. */
  get current(): LocalPartitionLog {
    return this.#log
  }

  /** Runs `reopen`, which closes the log and opens it elsewhere, or here again, with nobody using it. Rejects with what `reopen` threw. */
  async move(reopen: (log: LocalPartitionLog) => Promise<LocalPartitionLog>): Promise<void> {
    if (this.#move !== undefined) throw new Error(`${this.topic}-${this.partition} is being moved already`)
    let moved!: () => void
    this.#move = new Promise((resolve) => {
      moved = resolve
    })
    try {
      await this.#log.idle()
      const { highWatermark } = this.#log
      this.#log = await reopen(this.#log)
      this.#log.holdHighWatermark(this.#isHeld, highWatermark)
      this.#stopListening()
      this.#stopListening = this.#listen()
      if (this.#config !== undefined) this.#log.applyConfig(this.#config)
    } finally {
      this.#config = undefined
      this.#move = undefined
      moved()
      this.#advanced()
    }
  }

  get topic(): string {
    return this.#log.topic
  }

  get partition(): number {
    return this.#log.partition
  }

  get logStartOffset(): number {
    return this.#log.logStartOffset
  }

  get lastStableOffset(): number {
    return this.#log.lastStableOffset
  }

  get highWatermark(): number {
    return this.#log.highWatermark
  }

  get logEndOffset(): number {
    return this.#log.logEndOffset
  }

  get leaderEpoch(): number {
    return this.#log.leaderEpoch
  }

  get sizeInBytes(): number {
    return this.#log.sizeInBytes
  }

  /** That it is closed for the sake of a move is none. */
  get failure(): KafkaError | undefined {
    return this.#move === undefined ? this.#log.failure : undefined
  }

  append(records: Buffer, origin: AppendOrigin, transaction?: TransactionAppend): Promise<AppendResult> {
    if (this.#move !== undefined) return this.#move.then(() => this.append(records, origin, transaction))
    return this.#log.append(records, origin, transaction)
  }

  checkAppend(records: Buffer, transaction?: TransactionAppend): void {
    this.#log.checkAppend(records, transaction)
  }

  /** One that is given before a move is void after it: the producer has its batch verified again. */
  startVerification(producer: VerifyingProducer): VerificationGuard | undefined {
    return this.#log.startVerification(producer)
  }

  /** While the log moves: what is opened then is told. */
  holdHighWatermark(isHeld: boolean): void {
    this.#isHeld = isHeld
    if (this.#move === undefined) this.#log.holdHighWatermark(isHeld)
  }

  read(fromOffset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    if (this.#move !== undefined) return this.#move.then(() => this.read(fromOffset, options))
    const log = this.#log
    const result = log.read(fromOffset, options)
    if (!(result instanceof Promise)) return result
    return result.catch((error: unknown) => this.#again(log, error, () => this.read(fromOffset, options)))
  }

  offsetForTimestamp(timestampMs: number, isolation: Isolation): Promise<TimestampAndOffset | undefined> {
    return this.#run((log) => log.offsetForTimestamp(timestampMs, isolation))
  }

  offsetOfMaxTimestamp(): Promise<TimestampAndOffset | undefined> {
    return this.#run((log) => log.offsetOfMaxTimestamp())
  }

  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset {
    return this.#log.endOffsetForEpoch(leaderEpoch)
  }

  epochForOffset(offset: number): number {
    return this.#log.epochForOffset(offset)
  }

  becomeLeader(leaderEpoch: number): Promise<void> {
    return this.#run((log) => log.becomeLeader(leaderEpoch))
  }

  abortedTransactions(fromOffset: number, upToOffset: number): Promise<readonly AbortedTransaction[]> {
    return this.#run((log) => log.abortedTransactions(fromOffset, upToOffset))
  }

  producerStates(): readonly ProducerState[] {
    return this.#log.producerStates()
  }

  deleteRecordsBefore(offset: number): Promise<number> {
    return this.#run((log) => log.deleteRecordsBefore(offset))
  }

  applyConfig(config: LogConfig): void {
    if (this.#move !== undefined) this.#config = config
    this.#log.applyConfig(config)
  }

  flush(): Promise<void> {
    return this.#run((log) => log.flush())
  }

  truncate(offset: number): Promise<void> {
    return this.#run((log) => log.truncate(offset))
  }

  async close(): Promise<void> {
    await this.#move
    await this.#log.close()
  }

  async delete(): Promise<void> {
    await this.#move
    await this.#log.delete()
  }

  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #run<T>(ask: (log: LocalPartitionLog) => Promise<T>): Promise<T> {
    await this.#move
    const log = this.#log
    try {
      return await ask(log)
    } catch (error) {
      return this.#again(log, error, () => this.#run(ask))
    }
  }

  /** What was begun on a log that has moved since is asked of the one that it has become. */
  async #again<T>(log: LocalPartitionLog, error: unknown, ask: () => T | Promise<T>): Promise<T> {
    if (this.#move === undefined && this.#log === log) throw error
    await this.#move
    return ask()
  }

  #listen(): () => void {
    return this.#log.onAdvance(() => this.#advanced())
  }

  #advanced(): void {
    for (const listener of this.#listeners) listener()
  }
}
