/**
 * server: the requests of one connection: header → version → decode → handler → encode, answered in order of arrival.
 *
 *     running   started, in order; all of them overlap (Produce), or it is one alone. An answer waits for those before it.
 *     waiting   frames behind something that they may not overlap; not decoded yet.
 *
 * What is answered within the call of its handler passes through without a promise. Large requests and answers are decoded and encoded in
 * several turns of the event loop; nothing is started before the request that is being decoded.
 */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { apiByKey } from '../../protocol/messages/index.ts'
import { ProtocolError, Reader, type Steps } from '../../protocol/schema/index.ts'
import { type Context, type Rooms, userOf } from '../handlers/context.ts'
import { CloseConnection, type Handler, whenSent, whenThrottled } from '../handlers/handler.ts'
import type { Cancel } from '../runtime/clock.ts'
import { inTurns, metered } from '../runtime/serial-queue.ts'
import { slabOf } from '../runtime/slabs.ts'
import type { AccessFor } from '../security/access.ts'
import type { Authentication } from '../security/authentication.ts'
import { apiVersionsKey, type Refusal, refusalOf } from './admission.ts'
import { type ClientConnection, type ConnectionSecurity, HandledConnection } from './client-connection.ts'
import type { QueuedBytes } from './queued-bytes.ts'
import type { RequestObserver } from './request-observer.ts'
import { isLargeAnswer, isLargeFrame, type ServedApi, type ServedApis } from './served-apis.ts'

/** Unanswered requests of one connection, in number and bytes, at which no more of them are read. */
export const maxUnansweredRequests = 64
export const maxUnansweredBytes = 8 * 1024 * 1024
/** Whoever has to authenticate has this long for it, however busy the connection is meanwhile. */
export const authenticationTimeoutMs = 30_000

const tokenSizeBytes = 4
const unknownServerError = errorCode('UNKNOWN_SERVER_ERROR')
const invalidRequest = errorCode('INVALID_REQUEST')
const unsupportedVersion = errorCode('UNSUPPORTED_VERSION')

/** A request from its frame to its answer. */
class Call {
  readonly frameBytes: number
  readonly apiKey: number
  readonly apiVersion: number
  clientId: string | null = null
  correlationId = 0
  served: ServedApi | undefined
  context: Context | undefined
  request: unknown
  isPending = true
  /** What is decoded in several turns is served in as many, and overlaps with nothing. */
  isLarge = false
  /** Absent where none is sent. */
  answer: readonly Buffer[] | undefined
  /** For when the answer's bytes are with the kernel, or will never be. */
  whenSent: (() => void) | undefined
  /** Why the connection ends instead of an answer. */
  closeReason: string | undefined
  /** Somebody wants to know how long it takes. */
  isTimed = false
  /** Of what follows the header. */
  bodyBytes = 0
  /** For how long the event loop worked on it alone, and since when it does so. */
  threadMs = 0
  resumedMs = 0
  startedMs = 0
  throttleMs = 0
  /** Kept for observers. */
  body: object | undefined

  /** What the request's bytes are views of. */
  readonly #frame: Buffer

  constructor(frame: Buffer) {
    this.#frame = frame
    this.frameBytes = frame.length
    this.apiKey = peekInt16(frame, 0)
    this.apiVersion = peekInt16(frame, 2)
  }

  get overlaps(): boolean {
    return !this.isLarge && (this.served?.handler.overlaps ?? false)
  }

  /** Its handler has ended as it should; to be called once. One that failed may still be at work on a part of it. */
  letGo(): void {
    if (this.served?.handler.keepsNothing === true) slabOf(this.#frame)?.release()
  }
}

/** An answer's body, as far as throttling is concerned. */
interface Throttleable {
  readonly throttleTimeMs?: number
  readonly [whenThrottled]?: () => object
}

/** What all connections of a broker share. */
export interface PipelineSurroundings {
  readonly rooms: Rooms
  readonly served: ServedApis
  readonly accessFor: AccessFor
  readonly observers: readonly RequestObserver[]
  readonly queued: QueuedBytes
  /** A request began to wait, or has ended: +1, -1. */
  countPending(change: number): void
  /** The connection is gone. */
  forget(pipeline: RequestPipeline): void
}

/** Of one connection. */
interface PipelineSecurity {
  readonly protocol: ConnectionSecurity['protocol']
  readonly authentication: Authentication
}

export class RequestPipeline {
  /** Among those of the server. */
  place = -1
  readonly #connection: ClientConnection
  readonly #authentication: Authentication
  readonly #surroundings: PipelineSurroundings
  readonly #handled: HandledConnection
  /** The last context of each API: most requests of a connection need the very same. */
  readonly #contexts = new Map<number, Context>()
  #running: Call[] = []
  #waiting: Buffer[] = []
  #unansweredBytes = 0
  #isPaused = false
  /** The last one of those that run is not decoded yet. */
  #isDecoding = false
  /** Throttled: nothing is started until the time is over that the client was told (KIP-219). */
  #isMuted = false
  #mutedUntilMs = 0
  #cancelMute: Cancel | undefined
  /** The connection will end when the answers before are sent: nothing more is started. */
  #isEnding = false
  #isClosed = false
  /** Of the wait for the first authentication. */
  #cancelTimeout: Cancel | undefined

  constructor(connection: ClientConnection, security: PipelineSecurity, surroundings: PipelineSurroundings) {
    const { accessFor, rooms } = surroundings
    this.#connection = connection
    this.#authentication = security.authentication
    this.#surroundings = surroundings
    this.#handled = new HandledConnection(connection, { ...security, accessFor, logger: rooms.logger })
    if (!this.#isIdentified()) this.#awaitAuthentication()
  }

  /** A request without its size. */
  receive(received: Buffer): void {
    if (this.#isClosed) return
    const frame = this.#handlerOf(received)?.keepsNothing === true ? received : outOfSlab(received)
    if (this.#waiting.length === 0 && this.#mayStart(frame)) this.#start(frame)
    else {
      this.#waiting.push(ownBytes(frame))
      this.#countUnanswered(frame.length)
    }
    this.#limit()
  }

  /** The connection is gone: nothing more is started, and what is pending is dropped when it ends. */
  closed(): void {
    this.#isClosed = true
    this.#cancelMute?.()
    for (const call of this.#running) call.whenSent?.()
    this.#waiting = []
    this.#running = []
    this.#cancelTimeout?.()
    this.#surroundings.forget(this)
    this.#countUnanswered(-this.#unansweredBytes)
    this.#handled.closed()
  }

  /** There is room for requests of the broker again. */
  hasRoom(): void {
    this.#limit()
  }

  /** Ends the connection now. */
  destroy(): void {
    this.#connection.destroy()
  }

  #mayStart(frame: Buffer): boolean {
    if (this.#isEnding || this.#isMuted || this.#isDecoding) return false
    const [first] = this.#running
    if (first === undefined) return true
    // A large one is the last that runs, until it is the only one.
    const last = this.#running[this.#running.length - 1]!
    return this.#handlerOf(frame)?.overlaps === true && first.overlaps && last.overlaps
  }

  #handlerOf(frame: Buffer): Handler | undefined {
    return this.#surroundings.served.byKey(peekInt16(frame, 0))?.handler
  }

  #start(frame: Buffer): void {
    const call = new Call(frame)
    if (this.#authentication.takesBareTokens) void this.#await(call, this.#authenticate(call, frame))
    else this.#serve(call, frame)
    if (!call.isPending && this.#running.length === 0) this.#deliver(call)
    else {
      this.#running.push(call)
      this.#countUnanswered(call.frameBytes)
    }
  }

  #serve(call: Call, frame: Buffer): void {
    const { rooms, observers } = this.#surroundings
    if (rooms.quotas.isEnforced || observers.length > 0) {
      call.isTimed = true
      call.startedMs = rooms.clock.monotonicMs()
      call.resumedMs = call.startedMs
    }
    const reader = new Reader(frame)
    let refusal: Refusal | undefined
    try {
      refusal = refusalOf(call.apiKey, this.#authentication)
      if (refusal?.isAnswered === false) {
        this.#end(call, refusal.reason)
        return
      }
      if (!this.#open(call, reader)) return
      call.bodyBytes = reader.remaining
      call.context = this.#contextOf(call)
      const decoded = this.#decode(call, frame, reader)
      if (decoded instanceof Promise) {
        void this.#serveWhenDecoded(call, decoded, reader, refusal)
        return
      }
      call.request = decoded
    } catch (error) {
      this.#refuse(call, error)
      return
    }
    this.#serveDecoded(call, reader, refusal)
  }

  #decode(call: Call, frame: Buffer, reader: Reader): unknown {
    const { served, apiVersion } = call
    if (!isLargeFrame(frame)) return served!.decodeBody(reader, apiVersion)
    return inTurns(this.#timed(call, served!.decodeBodyInSteps(reader, apiVersion)))
  }

  async #serveWhenDecoded(
    call: Call,
    decoded: Promise<unknown>,
    reader: Reader,
    refusal: Refusal | undefined,
  ): Promise<void> {
    call.isLarge = true
    this.#isDecoding = true
    this.#surroundings.countPending(1)
    try {
      call.request = await decoded
    } catch (error) {
      if (!this.#isClosed) this.#refuse(call, error)
    } finally {
      this.#isDecoding = false
      this.#surroundings.countPending(-1)
    }
    if (this.#isClosed) return
    if (call.isPending) this.#serveDecoded(call, reader, refusal)
    this.#settled()
  }

  #serveDecoded(call: Call, reader: Reader, refusal: Refusal | undefined): void {
    if (reader.hasUnsafeInteger) this.#fail(call, invalidRequest, 'a 64-bit integer is beyond ±(2^53-1)')
    else if (refusal !== undefined) void this.#await(call, this.#authentication.refuse(refusal.reason))
    else this.#handle(call)
  }

  /** Each step's time counts to the call. */
  *#timed<T>(call: Call, steps: Steps<T>): Steps<T> {
    if (!call.isTimed) return yield* steps
    const { clock } = this.#surroundings.rooms
    for (;;) {
      const startMs = clock.monotonicMs()
      const { done, value } = steps.next()
      const endMs = clock.monotonicMs()
      call.threadMs += endMs - startMs
      call.resumedMs = endMs
      if (done === true) return value
      yield
    }
  }

  /** Reads the header; false when the call is settled with it. @throws ProtocolError */
  #open(call: Call, reader: Reader): boolean {
    if (reader.remaining < 4) throw new ProtocolError(`${reader.remaining} bytes are no request`)
    const served = this.#surroundings.served.require(call.apiKey)
    const { versions } = served.handler
    const isServed = call.apiVersion >= versions.first && call.apiVersion <= versions.last
    if (!isServed && call.apiKey !== apiVersionsKey) served.requireVersion(call.apiVersion)
    const header = served.decodeHeader(reader, call.apiVersion)
    call.served = served
    call.correlationId = header.correlationId
    call.clientId = header.clientId
    if (isServed) return true
    // In v0, which every client reads, and with the range that it may ask for again (KIP-511).
    const range = { apiKey: apiVersionsKey, minVersion: versions.first, maxVersion: versions.last }
    call.answer = served.encode(0, call.correlationId, { errorCode: unsupportedVersion, apiKeys: [range] })
    call.isPending = false
    return false
  }

  #contextOf({ apiKey, apiVersion, clientId }: Call): Context {
    const known = this.#contexts.get(apiKey)
    const { access } = this.#handled
    const isKnown = known?.apiVersion === apiVersion && known.clientId === clientId && known.access === access
    if (isKnown) return known
    const { rooms } = this.#surroundings
    const context = { ...rooms, apiVersion, clientId, connection: this.#handled, access }
    this.#contexts.set(apiKey, context)
    return context
  }

  #handle(call: Call): void {
    try {
      const body = this.#begin(call)
      if (body instanceof Promise || isLargeAnswer(body)) {
        void this.#await(call, Promise.resolve(body))
        return
      }
      call.letGo()
      this.#answer(call, body)
    } catch (error) {
      this.#failWith(call, error)
    }
  }

  /** Where somebody wants to know, the time of the turns that it goes on for counts, too. */
  #begin(call: Call): ReturnType<Handler['serve']> {
    const { handler } = call.served!
    if (!call.isTimed) return handler.serve(call.request, call.context!)
    const { clock } = this.#surroundings.rooms
    const meter = {
      nowMs: () => clock.monotonicMs(),
      add(ms: number): void {
        call.threadMs += ms
      },
    }
    return metered(meter, () => handler.serve(call.request, call.context!))
  }

  async #await(call: Call, pending: Promise<object | undefined>): Promise<void> {
    const { clock } = this.#surroundings.rooms
    this.#surroundings.countPending(1)
    if (call.isTimed) call.threadMs += clock.monotonicMs() - call.resumedMs
    try {
      const body = await pending
      call.letGo()
      if (call.isTimed) call.resumedMs = clock.monotonicMs()
      if (this.#isClosed) whenSentOf(body)?.()
      else if (body !== undefined && isLargeAnswer(body)) await this.#answerInTurns(call, body)
      else this.#answer(call, body)
    } catch (error) {
      if (!this.#isClosed) this.#failWith(call, error)
    } finally {
      this.#surroundings.countPending(-1)
    }
    if (!this.#isClosed) this.#settled()
  }

  /** @throws ProtocolError for a body that can't be encoded: a fault of the handler. */
  #answer(call: Call, body: object | undefined): void {
    if (body !== undefined) {
      call.whenSent = whenSentOf(body) ?? call.whenSent
      call.answer = call.served!.encode(call.apiVersion, call.correlationId, body)
    }
    const told = call.isTimed ? this.#measure(call, body) : undefined
    if (told !== undefined) call.answer = call.served!.encode(call.apiVersion, call.correlationId, told)
    this.#end(call)
  }

  /** The same for one that takes a while. Time that is waited between is nobody's. */
  async #answerInTurns(call: Call, body: object): Promise<void> {
    call.whenSent = whenSentOf(body) ?? call.whenSent
    call.answer = await this.#encodeInTurns(call, body)
    if (this.#isClosed) return
    const told = call.isTimed ? this.#measure(call, body) : undefined
    if (told !== undefined) call.answer = await this.#encodeInTurns(call, told)
    if (!this.#isClosed) this.#end(call)
  }

  async #encodeInTurns(call: Call, body: object): Promise<Buffer[]> {
    return inTurns(this.#timed(call, call.served!.encodeInSteps(call.apiVersion, call.correlationId, body)))
  }

  #isIdentified(): boolean {
    return this.#authentication.state === 'authenticated'
  }

  #awaitAuthentication(): void {
    const { config, clock, logger } = this.#surroundings.rooms
    this.#connection.limitFrames(config.get('sasl.server.max.receive.size'), 'sasl.server.max.receive.size')
    this.#cancelTimeout = clock.after(authenticationTimeoutMs, () => {
      // It is over: only the answer waits.
      if (this.#authentication.state === 'failed') return
      const { id, listener, clientAddress } = this.#connection
      const reason = `it did not authenticate within ${authenticationTimeoutMs / 1000} s`
      const fields = { connection: id, listener, client: clientAddress, reason }
      logger.warn(fields, 'connection closed: not authenticated')
      this.destroy()
    })
  }

  /** After the first time: authenticating again happens among other requests. */
  #authenticated(): void {
    this.#cancelTimeout?.()
    this.#cancelTimeout = undefined
    const { config } = this.#surroundings.rooms
    this.#connection.limitFrames(config.get('socket.request.max.bytes'), 'socket.request.max.bytes')
  }

  /** A token in a frame of its own, as its answer is (SaslHandshake v0). */
  async #authenticate(call: Call, frame: Buffer): Promise<undefined> {
    try {
      const { token } = await this.#authentication.authenticate(frame)
      const size = Buffer.alloc(tokenSizeBytes)
      size.writeInt32BE(token.length)
      call.answer = [size, token]
    } catch (error) {
      throw error instanceof KafkaError ? new CloseConnection(error.message) : error
    }
    return undefined
  }

  /** What is to be answered instead, if anything. */
  #measure(call: Call, body: object | undefined): object | undefined {
    const { quotas, clock } = this.#surroundings.rooms
    call.threadMs += clock.monotonicMs() - call.resumedMs
    call.body = body
    return quotas.isEnforced ? this.#throttle(call, body) : undefined
  }

  /** Counts the request to the client's quotas; when there is too much, the answer is to say so, and the connection is muted. */
  #throttle(call: Call, body: Throttleable | undefined): object | undefined {
    const { quotas } = this.#surroundings.rooms
    const { counts } = call.served!.handler
    const { answer } = call
    const usedMs = quotas.record(
      { user: userOf(this.#handled), clientId: call.clientId },
      {
        threadMs: call.threadMs,
        bytes: counts === 'produce' ? call.bodyBytes : bytesIn(answer),
        counts,
        isUnanswered: body === undefined,
      },
    )
    const throttleTimeMs = Math.max(usedMs, body?.throttleTimeMs ?? 0)
    if (throttleTimeMs === 0) return undefined
    call.throttleMs = throttleTimeMs
    this.#mute(throttleTimeMs)
    if (body === undefined || usedMs === 0) return undefined
    return { ...(body[whenThrottled]?.() ?? body), throttleTimeMs }
  }

  #mute(ms: number): void {
    const { clock } = this.#surroundings.rooms
    const untilMs = clock.monotonicMs() + ms
    if (this.#isClosed || untilMs <= this.#mutedUntilMs) return
    this.#mutedUntilMs = untilMs
    this.#isMuted = true
    this.#cancelMute?.()
    this.#cancelMute = clock.after(ms, () => {
      this.#isMuted = false
      this.#settled()
    })
  }

  #failWith(call: Call, error: unknown): void {
    if (error instanceof KafkaError) this.#fail(call, error.code, error.message)
    else if (error instanceof CloseConnection) this.#end(call, error.message)
    else {
      const { logger } = this.#surroundings.rooms
      const fields = this.#describe(call)
      // The client's doing, as a rule: what it sent was no UTF-8, and is longer as it was read.
      if (error instanceof ProtocolError)
        logger.warn({ ...fields, reason: error.message }, 'an answer does not fit its format')
      else logger.error({ ...fields, err: error }, 'a request failed unexpectedly')
      this.#fail(call, unknownServerError, new KafkaError('UNKNOWN_SERVER_ERROR').message)
    }
  }

  #fail(call: Call, code: number, message: string): void {
    if (call.served === undefined) {
      this.#end(call, message)
      return
    }
    try {
      const body = call.served!.handler.fail(call.request, code, call.context!, message)
      if (body === undefined) this.#end(call, message)
      else if (isLargeAnswer(body)) void this.#failInTurns(call, body, message)
      else this.#answer(call, body)
    } catch (error) {
      this.#failureUnanswered(call, error, message)
    }
  }

  async #failInTurns(call: Call, body: object, message: string): Promise<void> {
    this.#surroundings.countPending(1)
    try {
      await this.#answerInTurns(call, body)
    } catch (error) {
      this.#failureUnanswered(call, error, message)
    } finally {
      this.#surroundings.countPending(-1)
    }
    if (!this.#isClosed) this.#settled()
  }

  #failureUnanswered(call: Call, error: unknown, message: string): void {
    this.#surroundings.rooms.logger.error({ ...this.#describe(call), err: error }, 'a failure could not be answered')
    this.#end(call, message)
  }

  /** A frame that is no request which we serve. */
  #refuse(call: Call, error: unknown): void {
    if (error instanceof ProtocolError) this.#end(call, error.message)
    else {
      this.#surroundings.rooms.logger.error({ ...this.#describe(call), err: error }, 'a request could not be decoded')
      this.#end(call, 'it could not be decoded')
    }
  }

  #end(call: Call, closeReason: string | undefined = this.#authentication.failure): void {
    call.isPending = false
    call.closeReason = closeReason
    if (closeReason !== undefined) this.#isEnding = true
    if (this.#cancelTimeout !== undefined && this.#isIdentified()) this.#authenticated()
    call.request = undefined
  }

  /** Hands on the answers whose turn has come, then starts what waited for that. */
  #settled(): void {
    while (!this.#isClosed) {
      const call = this.#running[0]
      if (call !== undefined && !call.isPending) {
        this.#running.shift()
        this.#countUnanswered(-call.frameBytes)
        this.#deliver(call)
      } else {
        const frame = this.#waiting[0]
        if (frame === undefined || !this.#mayStart(frame)) break
        this.#waiting.shift()
        this.#countUnanswered(-frame.length)
        this.#start(frame)
      }
    }
    this.#limit()
  }

  #deliver(call: Call): void {
    if (call.isTimed) this.#tell(call)
    if (call.answer !== undefined) {
      this.#connection.send(call.answer, this.#running.length + this.#waiting.length > 0, call.whenSent)
    }
    if (call.closeReason !== undefined) this.#close(call)
  }

  #tell(call: Call): void {
    const { observers, rooms } = this.#surroundings
    if (observers.length === 0 || call.served === undefined) return
    const { apiKey, apiVersion, correlationId, clientId, throttleMs, threadMs, body } = call
    const request = {
      ...{ apiKey, apiVersion, correlationId, clientId, throttleMs, threadMs, body },
      api: call.served.handler.api.name,
      user: userOf(this.#handled),
      connection: this.#connection,
      requestBytes: call.frameBytes,
      responseBytes: bytesIn(call.answer),
      totalMs: rooms.clock.monotonicMs() - call.startedMs,
    }
    for (const observer of observers) observer.answered(request)
  }

  #close(call: Call): void {
    this.#surroundings.rooms.logger.warn(
      { ...this.#describe(call), reason: call.closeReason },
      this.#authentication.failure === undefined
        ? 'connection closed: a request can not be answered'
        : 'connection closed: not authenticated',
    )
    this.#isClosed = true
    this.#connection.close()
  }

  #countUnanswered(bytes: number): void {
    this.#unansweredBytes += bytes
    this.#surroundings.queued.change(bytes)
  }

  #limit(): void {
    const isFull =
      this.#isMuted ||
      this.#surroundings.queued.isFull ||
      this.#running.length + this.#waiting.length >= maxUnansweredRequests ||
      this.#unansweredBytes >= maxUnansweredBytes
    if (isFull === this.#isPaused || this.#isClosed) return
    this.#isPaused = isFull
    if (isFull) this.#connection.pause()
    else this.#connection.resume()
  }

  #describe({ apiKey, apiVersion, clientId }: Call): object {
    const { id, listener, clientAddress } = this.#connection
    const api = apiByKey(apiKey)?.name ?? apiKey
    return { connection: id, listener, client: clientAddress, clientId, api, version: apiVersion }
  }
}

function whenSentOf(body: { readonly [whenSent]?: () => void } | undefined): (() => void) | undefined {
  return body?.[whenSent]
}

function bytesIn(buffers: readonly Buffer[] = []): number {
  return buffers.reduce((sum, { length }) => sum + length, 0)
}

/** -1 where the frame is too short for it. */
function peekInt16(frame: Buffer, at: number): number {
  return frame.length < at + 2 ? -1 : frame.readInt16BE(at)
}

/** `frame`, or a copy of it where it lies in memory that is used again. */
function outOfSlab(frame: Buffer): Buffer {
  const slab = slabOf(frame)
  if (slab === undefined) return frame
  const copy = Buffer.from(frame)
  slab.release()
  return copy
}

/** `frame`, or a copy of it where it would keep much more of the socket's bytes. */
function ownBytes(frame: Buffer): Buffer {
  if (slabOf(frame) !== undefined) return outOfSlab(frame)
  return frame.length * 4 < frame.buffer.byteLength ? Buffer.from(frame) : frame
}
