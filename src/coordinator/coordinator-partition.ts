/**
 * coordinator: the shell of a state machine that lives in one partition of an internal topic.
 *
 *     load:     read the log ─► replay ─► loaded
 *     command:  decide ─► replay ─► append ─► written ─► answer       decide and replay in one go, appends pipelined
 *     failure:  an append fails ─► whoever waits gets NOT_COORDINATOR, the state is dropped ─► load
 *
 * A command that appends nothing, while nothing is on its way to the log, is answered at once. Any other one has perhaps
 * seen what is not written yet, and is answered when that is written.
 */
import { KafkaError } from '../../protocol/errors.ts'
import {
  batchesIn,
  type Codec,
  endTransactionMarkerOf,
  noProducerId,
  type RecordBatchView,
  recordsOf,
} from '../../protocol/records/index.ts'
import { ProtocolError } from '../../protocol/schema/index.ts'
import type { PartitionLog, TransactionAppend } from '../log/partition-log.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { nextTurn } from '../runtime/turns.ts'
import { buildBatch, buildBatches, buildMarker } from './coordinator-batches.ts'
import type { Decision, RecordCodec, StateMachine, StoredRecord, TransactionMarker } from './state-machine.ts'

/** Read and replayed in one go while loading; after each step other work has its turn. */
const loadStepBytes = 256 * 1024
/** How long a command waits for the state to be loaded. */
const loadWaitMs = 5_000
/** After a load that failed, the next one is not tried sooner. */
const loadPauseMs = 1_000

export interface CoordinatorPartitionOptions<M, Rec> {
  readonly log: PartitionLog
  readonly codec: RecordCodec<Rec>
  /** Makes an empty machine; `run` is for commands that come from its timers. */
  createMachine(run: (decide: () => Decision<Rec, void>) => void): M
  readonly clock: Clock
  readonly logger: Logger
  /** The largest batch that the log takes: max.message.bytes of its topic. */
  readonly maxBatchBytes: number
  /** How the batches are compressed; not, if absent. */
  readonly compression?: Codec
  /** The log is not read before: another one still writes to it. */
  readonly after?: Promise<unknown>
  /** @throws KafkaError for why a command that would write is refused; those of the machine's own timers are not */
  requireWritable?(): void
}

interface State<M> {
  readonly machine: M
  /** Appends on their way to the log. */
  pendingAppends: number
  /** Resolves when all that was appended so far is written, rejects with the first failure. */
  written: Promise<unknown>
  /** Resolves when no append is on its way any more. */
  settled: Promise<void>
}

export class CoordinatorPartition<M extends StateMachine<Rec>, Rec> {
  readonly #options: CoordinatorPartitionOptions<M, Rec>
  readonly #log: PartitionLog
  /** undefined: not loaded. */
  #state: State<M> | undefined
  #loading: Promise<void> | undefined
  #lastFailedLoadMs = Number.NEGATIVE_INFINITY
  /** Why the last load failed: the same is not said again at each attempt. */
  #lastLoadFailure: string | undefined
  #isClosed = false
  #closing: Promise<void> | undefined

  constructor(options: CoordinatorPartitionOptions<M, Rec>) {
    this.#options = options
    this.#log = options.log
  }

  get isLoaded(): boolean {
    return this.#state !== undefined
  }

  /** Loads the state unless it is there or being loaded. Resolves when it is there; a failure is logged, and tried again later. */
  load(): Promise<void> {
    if (this.#state !== undefined) return Promise.resolve()
    return this.#loading ?? this.#startLoading(this.#options.after ?? Promise.resolve())
  }

  /**
   * Runs a command. Not a promise where the answer waits for nothing.
   * @throws KafkaError what `decide` throws; NOT_COORDINATOR when the records could not be written; COORDINATOR_LOAD_IN_PROGRESS;
   * UNKNOWN_SERVER_ERROR for more records than one batch can hold; for records of a transaction and markers what PartitionLog.checkAppend throws
   */
  run<R>(decide: (machine: M) => Decision<Rec, R>): R | Promise<R> {
    const state = this.#state
    return state === undefined ? this.#runWhenLoaded(decide) : this.#run(state, decide)
  }

  /** Drops the state: whoever waits gets NOT_COORDINATOR. Resolves when nothing is on its way to the log any more. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    const state = this.#state
    this.#state = undefined
    state?.machine.unload(new KafkaError('NOT_COORDINATOR'))
    await state?.settled
    await this.#loading
  }

  async #runWhenLoaded<R>(decide: (machine: M) => Decision<Rec, R>): Promise<R> {
    if (this.#isClosed) throw new KafkaError('NOT_COORDINATOR')
    const { clock } = this.#options
    if (this.#loading === undefined && clock.monotonicMs() < this.#lastFailedLoadMs + loadPauseMs) {
      throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
    }
    await new Promise<void>((resolve) => {
      const cancel = clock.after(loadWaitMs, resolve)
      void this.load().then(() => {
        cancel()
        resolve()
      })
    })
    if (this.#state !== undefined) return this.#run(this.#state, decide)
    if (this.#isClosed) throw new KafkaError('NOT_COORDINATOR')
    throw new KafkaError(this.#loading === undefined ? 'COORDINATOR_NOT_AVAILABLE' : 'COORDINATOR_LOAD_IN_PROGRESS')
  }

  #run<R>(state: State<M>, decide: (machine: M) => Decision<Rec, R>, isOwn = false): R | Promise<R> {
    let decision: Decision<Rec, R> | undefined
    try {
      decision = decide(state.machine)
      if (decision.marker !== undefined || decision.records.length > 0) {
        if (!isOwn) this.#options.requireWritable?.()
        if (decision.marker !== undefined) this.#writeMarker(state, decision.marker)
        else this.#write(state, decision)
      }
    } catch (error) {
      const failure = error instanceof KafkaError ? error : new KafkaError('NOT_COORDINATOR')
      for (const answer of decision?.answers ?? []) answer.fail(failure)
      if (!(error instanceof KafkaError)) this.#drop(state, error)
      if (state.pendingAppends === 0) throw error
      return state.written.then(
        () => {
          throw error
        },
        () => {
          throw new KafkaError('NOT_COORDINATOR')
        },
      )
    }
    const { response, answers = [] } = decision
    if (state.pendingAppends === 0) {
      for (const answer of answers) answer.deliver()
      return response
    }
    return state.written.then(
      () => {
        for (const answer of answers) answer.deliver()
        return response
      },
      () => {
        const error = new KafkaError('NOT_COORDINATOR')
        for (const answer of answers) answer.fail(error)
        throw error
      },
    )
  }

  #write(state: State<M>, { records, atomic, transaction }: Decision<Rec, unknown>): void {
    const { codec, clock, maxBatchBytes, compression = 'none' } = this.#options
    const stored = records.map((record) => codec.encode(record))
    const splits = atomic === false
    const bytes = splits
      ? buildBatches(stored, clock.now(), compression, maxBatchBytes)
      : buildBatch(stored, clock.now(), compression, transaction)
    if (!splits && bytes.length > maxBatchBytes) {
      const message = `The change takes ${bytes.length} bytes in the log, the most allowed are ${maxBatchBytes}`
      throw new KafkaError('UNKNOWN_SERVER_ERROR', message)
    }
    // The log may know of a later epoch: what it refuses must not be replayed.
    if (transaction !== undefined) this.#log.checkAppend(bytes, transaction)
    for (const record of records) state.machine.replay(record, transaction?.producerId ?? noProducerId)
    this.#append(state, bytes, transaction)
  }

  #writeMarker(state: State<M>, marker: TransactionMarker): void {
    const bytes = buildMarker(marker, this.#options.clock.now())
    const transaction = { version: marker.transactionVersion }
    this.#log.checkAppend(bytes, transaction)
    state.machine.endTransaction(marker.producerId, marker.isCommit)
    this.#append(state, bytes, transaction)
  }

  #append(state: State<M>, bytes: Buffer, transaction: TransactionAppend | undefined): void {
    const appended = this.#log.append(bytes, 'coordinator', transaction)
    state.pendingAppends += 1
    // Resolved without its results, which would hold those of all before.
    state.settled = Promise.allSettled([state.settled, appended]).then(() => {})
    state.written = Promise.all([state.written, appended]).then(() => {
      state.pendingAppends -= 1
    })
    state.written.catch((error) => this.#drop(state, error))
  }

  #drop(state: State<M>, error: unknown): void {
    if (this.#state !== state) return
    this.#state = undefined
    const { topic, partition } = this.#log
    this.#options.logger.warn({ topic, partition, error }, 'Coordinator state dropped, loading it again')
    state.machine.unload(new KafkaError('NOT_COORDINATOR'))
    void this.#startLoading(Promise.all([this.#loading, state.settled]))
  }

  #startLoading(after: Promise<unknown>): Promise<void> {
    const loading = after
      .then(() => this.#load())
      .finally(() => {
        if (this.#loading === loading) this.#loading = undefined
      })
    this.#loading = loading
    return loading
  }

  async #load(): Promise<void> {
    const { clock, logger, createMachine } = this.#options
    const { topic, partition } = this.#log
    const startMs = clock.monotonicMs()
    const machine = createMachine((decide) => this.#runOwn(machine, decide))
    try {
      await this.#replayLog(machine)
      if (this.#isClosed) return
      this.#state = { machine, pendingAppends: 0, written: Promise.resolve(), settled: Promise.resolve() }
      this.#lastLoadFailure = undefined
      machine.loaded()
      logger.debug({ topic, partition, tookMs: clock.monotonicMs() - startMs }, 'Coordinator state loaded')
    } catch (error) {
      if (this.#isClosed) return
      this.#state = undefined
      machine.unload(new KafkaError('NOT_COORDINATOR'))
      this.#lastFailedLoadMs = clock.monotonicMs()
      const failure = String(error)
      if (failure !== this.#lastLoadFailure) {
        logger.error({ topic, partition, error }, 'Coordinator state could not be loaded')
      }
      this.#lastLoadFailure = failure
    }
  }

  async #replayLog(machine: M): Promise<void> {
    const endOffset = this.#log.logEndOffset
    let offset = this.#log.logStartOffset
    while (offset < endOffset && !this.#isClosed) {
      const options = { maxBytes: loadStepBytes, minOneBatch: true, isolation: 'log_end', verifies: true } as const
      const { records } = await this.#log.read(offset, options)
      let nextOffset = offset
      for (const buffer of records) {
        for (const batch of batchesIn(buffer)) {
          this.#replayBatch(machine, batch)
          nextOffset = batch.nextOffset
        }
      }
      if (nextOffset <= offset) return // compaction has left nothing up to the end
      offset = nextOffset
      await nextTurn()
    }
  }

  #replayBatch(machine: M, batch: RecordBatchView): void {
    if (batch.isControl) {
      const marker = batch.recordCount > 0 ? endTransactionMarkerOf(batch) : undefined
      if (marker !== undefined) machine.endTransaction(batch.producerId, marker.type === 'COMMIT')
      return
    }
    const producerId = batch.isTransactional ? batch.producerId : noProducerId
    for (const { key, value } of recordsOf(batch)) {
      const record = key === null ? undefined : this.#decode({ key, value })
      if (record !== undefined) machine.replay(record, producerId)
    }
  }

  #decode(stored: StoredRecord): Rec | undefined {
    try {
      return this.#options.codec.decode(stored)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      const { topic, partition } = this.#log
      this.#options.logger.warn({ topic, partition, error }, 'A stored record that cannot be read is passed over')
      return undefined
    }
  }

  /** A command of the machine itself: nobody waits for its outcome but those whom it answers. */
  #runOwn(machine: M, decide: () => Decision<Rec, void>): void {
    const state = this.#state
    if (state === undefined || state.machine !== machine) return
    const failed = (error: unknown): void => {
      const { topic, partition } = this.#log
      if (!(error instanceof KafkaError)) {
        this.#options.logger.error({ topic, partition, error }, 'A coordinator timer failed')
      }
    }
    try {
      Promise.resolve(this.#run(state, decide, true)).catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
