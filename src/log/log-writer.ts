/**
 * log: the one writer of a partition: queues checked appends, writes what is queued as one write at the end of the event loop's turn, rolls
 * segments, and tells when all of it is in the file.
 *
 *     append → queue → (turn ends) → write, in place or by a thread → indexes, producers, tail → (sync) → acknowledge
 *
 * One write is under way at a time, so batches are in the file in the order of their offsets. Where flush.messages asks for it, what is
 * written waits for a sync: one at a time, and the next one covers all that was written meanwhile. Acknowledgements keep the order.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { LogConfig } from './log-config.ts'
import type { LogStorage } from './log-storage.ts'
import { storageError } from './log-storage.ts'
import type { PendingAppend } from './pending-append.ts'
import type { Segment } from './segment.ts'
import type { Segments } from './segments.ts'
import { follows } from './tail-cache.ts'
import type { Writer } from './write-scheduler.ts'

/** A write by a thread takes no more, so that the first of many waiting appends is not answered with the last. */
const maxGroupBytes = 4 * 1024 * 1024

/** What the log does when the writer got on. */
export interface WriterTarget {
  readonly config: LogConfig
  /** `append` is in the file behind what `segment` has. */
  written(append: PendingAppend, segment: Segment): void
  /** Makes all that is written durable. */
  sync(): Promise<void>
  /** Offsets move and promises resolve. */
  acknowledge(appends: readonly PendingAppend[]): void
  /** The active segment gives way to one at `baseOffset`. */
  roll(baseOffset: number): Promise<void>
  /** Nothing more can be written. `appends` were not. */
  failed(error: unknown, appends: readonly PendingAppend[]): void
}

interface Group {
  readonly appends: readonly PendingAppend[]
  readonly chunks: readonly Buffer[]
  readonly sizeInBytes: number
}

export class LogWriter implements Writer {
  readonly #target: WriterTarget
  readonly #segments: Segments
  readonly #storage: LogStorage
  #queue: PendingAppend[] = []
  #isScheduled = false
  /** A write or a roll is under way. */
  #isBusy = false
  #failure: KafkaError | undefined
  #whenIdle: (() => void)[] = []
  /** Written, covered by the sync that is under way. */
  #syncing: readonly PendingAppend[] = []
  /** Written, and not acknowledged before another sync, or at least not before that one. */
  #unsynced: PendingAppend[] = []
  /** Written since the last sync began. */
  #recordsSinceSync = 0
  /** Who wants a new segment. */
  #whenRolled: (() => void)[] = []
  /** In the order of their offsets. */
  #whenWritten: { readonly nextOffset: number; readonly done: () => void }[] = []

  constructor(target: WriterTarget, segments: Segments, storage: LogStorage) {
    this.#target = target
    this.#segments = segments
    this.#storage = storage
  }

  enqueue(append: PendingAppend): void {
    this.#queue.push(append)
    this.#schedule()
  }

  drain(): void {
    this.#isScheduled = false
    if (this.#isBusy) return
    if (this.#whenRolled.length > 0) {
      this.#roll(this.#segments.active.nextOffset)
      return
    }
    while (this.#queue.length > 0) {
      const first = this.#queue[0]!
      const { active } = this.#segments
      if (this.#mustRoll(active, 0, first)) {
        this.#roll(first.baseOffset)
        return
      }
      if (!this.#write(this.#takeGroup(active), active)) return
    }
    this.#becomeIdle()
  }

  /** Starts a new segment behind what is written, unless the active one is empty. Resolves when that is done, or has failed. */
  roll(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenRolled.push(resolve)
      this.#schedule()
    })
  }

  /** Resolves when nothing is queued or under way. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** The append with the batch at `offset` that is written and waits for a sync. */
  waitingForSync(offset: number): PendingAppend | undefined {
    const holds = (append: PendingAppend): boolean => append.baseOffset <= offset && offset < append.nextOffset
    return this.#syncing.find(holds) ?? this.#unsynced.find(holds)
  }

  /** Resolves when all below `nextOffset`, where the queue ends now, is written or has failed. */
  writtenUpTo(nextOffset: number): Promise<void> {
    if (this.#queue.length === 0 && !this.#isBusy) return Promise.resolve()
    return new Promise((done) => this.#whenWritten.push({ nextOffset, done }))
  }

  /** Fails all that waits. `unwritten`: what was taken from the queue. */
  fail(error: unknown, unwritten: readonly PendingAppend[]): void {
    const appends = [...this.#syncing, ...this.#unsynced, ...unwritten, ...this.#queue]
    this.#syncing = []
    this.#unsynced = []
    this.#queue = []
    this.#isBusy = false
    this.#failure = error instanceof KafkaError ? error : storageError(this.#segments.directory, error)
    for (const done of this.#whenRolled.splice(0)) done()
    this.#target.failed(error, appends)
    for (const append of appends) append.reject(this.#failure)
    this.#becomeIdle()
  }

  /** Takes what is queued out of the queue; a write under way goes on. */
  takeQueued(): PendingAppend[] {
    return this.#queue.splice(0)
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isBusy) return
    this.#isScheduled = true
    this.#storage.scheduler.schedule(this)
  }

  #continue(): void {
    this.#isBusy = false
    if (this.#queue.length > 0 || this.#whenRolled.length > 0) this.#schedule()
    else this.#becomeIdle()
  }

  #roll(baseOffset: number): void {
    this.#isBusy = true
    const rolled = this.#whenRolled.splice(0)
    const rolling = this.#segments.active.size === 0 ? Promise.resolve() : this.#target.roll(baseOffset)
    void rolling
      .then(
        () => this.#continue(),
        (error: unknown) => this.fail(error, []),
      )
      .then(() => {
        for (const done of rolled) done()
      })
  }

  get #isIdle(): boolean {
    const isWritten = this.#queue.length === 0 && !this.#isBusy && this.#whenRolled.length === 0
    return isWritten && this.#syncing.length === 0 && this.#unsynced.length === 0
  }

  /** Nothing is to be written any more; something may wait for a sync. */
  #becomeIdle(): void {
    for (const { done } of this.#whenWritten.splice(0)) done()
    if (this.#isIdle) for (const done of this.#whenIdle.splice(0)) done()
  }

  #mustRoll(segment: Segment, queuedBytes: number, append: PendingAppend): boolean {
    const { bytes, nextOffset, maxTimestampMs } = append
    const nowMs = this.#storage.clock.now()
    return segment.mustRoll(queuedBytes, bytes.length, nextOffset - 1, maxTimestampMs, nowMs, this.#target.config)
  }

  /** The appends that go into `segment` with one write, and the buffers to write. */
  #takeGroup(segment: Segment): Group {
    const chunks: Buffer[] = []
    let sizeInBytes = 0
    let count = 0
    const { inPlaceBytes } = this.#storage.scheduler
    const mostBytes = this.#queue[0]!.bytes.length <= inPlaceBytes ? inPlaceBytes : maxGroupBytes
    for (const append of this.#queue) {
      const { length } = append.bytes
      if (count > 0 && (sizeInBytes + length > mostBytes || this.#mustRoll(segment, sizeInBytes, append))) break
      append.moveTo(this.#storage.tailCache.compact(append.bytes))
      const last = chunks.at(-1)
      if (last !== undefined && follows(last, append.bytes)) {
        chunks[chunks.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + length)
      } else {
        chunks.push(append.bytes)
      }
      sizeInBytes += length
      count += 1
    }
    return { appends: this.#queue.splice(0, count), chunks, sizeInBytes }
  }

  /** True when it was written in place. */
  #write(group: Group, segment: Segment): boolean {
    const handle = segment.log.handleIfOpen
    if (handle !== undefined && this.#storage.scheduler.mayWriteInPlace(group.sizeInBytes)) {
      try {
        handle.writeNow(segment.size, group.chunks)
      } catch (error) {
        this.fail(error, group.appends)
        return false
      }
      return this.#finish(group, segment)
    }
    this.#isBusy = true
    segment.log
      .use((file) => file.write(segment.size, group.chunks))
      .then(
        () => {
          if (this.#finish(group, segment)) this.#continue()
        },
        (error: unknown) => this.fail(error, group.appends),
      )
    return false
  }

  #finish(group: Group, segment: Segment): boolean {
    if (this.#storage.failure !== undefined) {
      this.fail(this.#storage.failure, group.appends)
      return false
    }
    try {
      for (const append of group.appends) this.#target.written(append, segment)
    } catch (error) {
      this.fail(error, group.appends)
      return false
    }
    segment.modifiedMs = this.#storage.clock.now()
    const { nextOffset } = group.appends.at(-1)!
    this.#recordsSinceSync += nextOffset - group.appends[0]!.baseOffset
    const isOrdered = this.#syncing.length === 0 && this.#unsynced.length === 0
    if (isOrdered && this.#recordsSinceSync < this.#target.config.flushMessages) {
      this.#target.acknowledge(group.appends)
    } else {
      for (const append of group.appends) this.#unsynced.push(append)
      this.#sync()
    }
    while (this.#whenWritten.length > 0 && this.#whenWritten[0]!.nextOffset <= nextOffset)
      this.#whenWritten.shift()!.done()
    return true
  }

  #sync(): void {
    if (this.#syncing.length > 0) return
    this.#syncing = this.#unsynced
    this.#unsynced = []
    this.#recordsSinceSync = 0
    this.#target.sync().then(
      () => this.#synced(),
      (error: unknown) => this.fail(error, []),
    )
  }

  #synced(): void {
    if (this.#failure !== undefined) return
    const covered = this.#syncing
    this.#syncing = []
    this.#target.acknowledge(covered)
    if (this.#unsynced.length > 0) {
      if (this.#recordsSinceSync < this.#target.config.flushMessages) this.#target.acknowledge(this.#unsynced.splice(0))
      else this.#sync()
    }
    if (this.#isIdle) this.#becomeIdle()
  }
}
