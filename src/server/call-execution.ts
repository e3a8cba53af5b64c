/**
 * server: what happens to a request between its frame and its answer: header → version → decode → handler → encode, and what becomes of it when
 * one of these fails. What is answered within the call of its handler passes through without a promise. Large requests and answers are
 * decoded and encoded in several turns of the event loop.
 */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { ProtocolError, Reader, type Steps } from '../../protocol/schema/index.ts'
import { type Context, type Rooms, userOf } from '../handlers/context.ts'
import { CloseConnection, type Handler, whenSent, whenThrottled } from '../handlers/handler.ts'
import { inTurns, metered } from '../runtime/turns.ts'
import type { Authentication } from '../security/authentication.ts'
import { apiVersionsKey, type Refusal, refusalOf } from './admission.ts'
import { bytesIn, type Call, describeCall } from './call.ts'
import type { ClientConnection, HandledConnection } from './client-connection.ts'
import type { RequestObserver } from './request-observer.ts'
import { isLargeAnswer, isLargeFrame, type ServedApis } from './served-apis.ts'

const tokenSizeBytes = 4
const unknownServerError = errorCode('UNKNOWN_SERVER_ERROR')
const invalidRequest = errorCode('INVALID_REQUEST')
const unsupportedVersion = errorCode('UNSUPPORTED_VERSION')

/** An answer's body, as far as throttling is concerned. */
interface Throttleable {
  readonly throttleTimeMs?: number
  readonly [whenThrottled]?: () => object
}

/** What all connections of a broker share. */
export interface CallSurroundings {
  readonly rooms: Rooms
  readonly served: ServedApis
  readonly observers: readonly RequestObserver[]
  /** A request began to wait, or has ended: +1, -1. */
  countPending(change: number): void
}

/** Who puts the calls of a connection in order. */
export interface CallOrder {
  /** The connection is gone: nobody waits for an answer any more. */
  isClosed(): boolean
  /** A large request is being decoded, or is not any more. */
  decoding(isUnderWay: boolean): void
  /** `call` has its answer, or a reason to end the connection. */
  ended(call: Call): void
  /** The same, where it was pending. */
  settled(): void
  /** The client was told to wait for so long (KIP-219). */
  mute(ms: number): void
}

/** Of one connection. */
interface Served {
  readonly connection: ClientConnection
  readonly handled: HandledConnection
  readonly authentication: Authentication
}

export class CallExecution {
  readonly #connection: ClientConnection
  readonly #handled: HandledConnection
  readonly #authentication: Authentication
  readonly #surroundings: CallSurroundings
  readonly #order: CallOrder
  /** The last context of each API: most requests of a connection need the very same. */
  #contexts: Map<number, Context> | undefined

  constructor({ connection, handled, authentication }: Served, surroundings: CallSurroundings, order: CallOrder) {
    this.#connection = connection
    this.#handled = handled
    this.#authentication = authentication
    this.#surroundings = surroundings
    this.#order = order
  }

  /** Begins; what is pending when this returns ends later. */
  start(call: Call, frame: Buffer): void {
    if (this.#authentication.takesBareTokens) void this.#await(call, this.#authenticate(call, frame))
    else this.#serve(call, frame)
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
      const decoded = this.#decode(call, reader)
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

  #decode(call: Call, reader: Reader): unknown {
    const { served, apiVersion } = call
    if (!isLargeFrame(call.frameBytes)) return served!.decodeBody(reader, apiVersion)
    return inTurns(this.#timed(call, served!.decodeBodyInSteps(reader, apiVersion)))
  }

  async #serveWhenDecoded(
    call: Call,
    decoded: Promise<unknown>,
    reader: Reader,
    refusal: Refusal | undefined,
  ): Promise<void> {
    call.isLarge = true
    this.#order.decoding(true)
    this.#surroundings.countPending(1)
    try {
      call.request = await decoded
    } catch (error) {
      if (!this.#order.isClosed()) this.#refuse(call, error)
    } finally {
      this.#order.decoding(false)
      this.#surroundings.countPending(-1)
    }
    if (this.#order.isClosed()) return
    if (call.isPending) this.#serveDecoded(call, reader, refusal)
    this.#order.settled()
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
    const known = this.#contexts?.get(apiKey)
    const { access } = this.#handled
    const isKnown = known?.apiVersion === apiVersion && known.clientId === clientId && known.access === access
    if (isKnown) return known
    const { rooms } = this.#surroundings
    // The copy comes last: what follows one costs much in Node 20. With the rooms as its prototype instead requests took twice as long once many had one.
    const context: Context = { apiVersion, clientId, connection: this.#handled, access, ...rooms }
    this.#contexts ??= new Map()
    this.#contexts.set(apiKey, context)
    return context
  }

  #handle(call: Call): void {
    try {
      const body = this.#begin(call)
      if (body instanceof Promise || isLarge(call, body)) {
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
      if (this.#order.isClosed()) whenSentOf(body)?.()
      else if (body !== undefined && isLarge(call, body)) await this.#answerInTurns(call, body)
      else this.#answer(call, body)
    } catch (error) {
      if (!this.#order.isClosed()) this.#failWith(call, error)
    } finally {
      this.#surroundings.countPending(-1)
    }
    if (!this.#order.isClosed()) this.#order.settled()
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
    if (this.#order.isClosed()) return
    const told = call.isTimed ? this.#measure(call, body) : undefined
    if (told !== undefined) call.answer = await this.#encodeInTurns(call, told)
    if (!this.#order.isClosed()) this.#end(call)
  }

  async #encodeInTurns(call: Call, body: object): Promise<Buffer[]> {
    return inTurns(this.#timed(call, call.served!.encodeInSteps(call.apiVersion, call.correlationId, body)))
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
    this.#order.mute(throttleTimeMs)
    if (body === undefined || usedMs === 0) return undefined
    return { ...(body[whenThrottled]?.() ?? body), throttleTimeMs }
  }

  #failWith(call: Call, error: unknown): void {
    if (error instanceof KafkaError) this.#fail(call, error.code, error.message)
    else if (error instanceof CloseConnection) this.#end(call, error.message)
    else {
      this.#logUnexpected(call, error, 'a request failed unexpectedly')
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
    if (!this.#order.isClosed()) this.#order.settled()
  }

  #failureUnanswered(call: Call, error: unknown, message: string): void {
    this.#logUnexpected(call, error, 'a failure could not be answered')
    this.#end(call, message)
  }

  #logUnexpected(call: Call, error: unknown, message: string): void {
    const { logger } = this.#surroundings.rooms
    // The client's doing, as a rule: what it sent was no UTF-8, and is longer as it was read.
    if (error instanceof ProtocolError)
      logger.warn(describeCall(this.#connection, call, { reason: error.message }), 'an answer does not fit its format')
    else logger.error(describeCall(this.#connection, call, { err: error }), message)
  }

  /** A frame that is no request which we serve. */
  #refuse(call: Call, error: unknown): void {
    if (error instanceof ProtocolError) this.#end(call, error.message)
    else {
      this.#surroundings.rooms.logger.error(
        describeCall(this.#connection, call, { err: error }),
        'a request could not be decoded',
      )
      this.#end(call, 'it could not be decoded')
    }
  }

  #end(call: Call, closeReason: string | undefined = this.#authentication.failure): void {
    call.isPending = false
    call.closeReason = closeReason
    call.request = undefined
    this.#order.ended(call)
  }
}

/** There is more in the answer than is written in one go. Of Produce it has no more elements than the request, whose size tells already. */
function isLarge({ served, frameBytes }: Call, body: object | undefined): boolean {
  const isSmallProduce = served?.handler.counts === 'produce' && !isLargeFrame(frameBytes)
  return !isSmallProduce && isLargeAnswer(body)
}

function whenSentOf(body: { readonly [whenSent]?: () => void } | undefined): (() => void) | undefined {
  return body?.[whenSent]
}
