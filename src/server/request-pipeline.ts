/**
 * server: the requests of one connection, begun and answered in order of arrival.
 *
 *     running   started, in order; all of them overlap (Produce), or it is one alone. An answer waits for those before it.
 *     waiting   frames behind something that they may not overlap; not decoded yet.
 *
 * Nothing is started before a large request that is being decoded.
 */
import { userOf } from '../handlers/context.ts'
import type { Handler } from '../handlers/handler.ts'
import type { Cancel } from '../runtime/clock.ts'
import { outOfSlab, ownBytes } from '../runtime/slabs.ts'
import type { AccessFor } from '../security/access.ts'
import type { Authentication } from '../security/authentication.ts'
import { bytesIn, Call, describeCall, peekInt16 } from './call.ts'
import { CallExecution, type CallOrder, type CallSurroundings } from './call-execution.ts'
import { type ClientConnection, type ConnectionSecurity, HandledConnection } from './client-connection.ts'
import type { QueuedBytes } from './queued-bytes.ts'

/** Unanswered requests of one connection, in number and bytes, at which no more of them are read. */
export const maxUnansweredRequests = 64
export const maxUnansweredBytes = 8 * 1024 * 1024
/** Whoever has to authenticate has this long for it, however busy the connection is meanwhile. */
export const authenticationTimeoutMs = 30_000

/** What all connections of a broker share. */
export interface PipelineSurroundings extends CallSurroundings {
  readonly accessFor: AccessFor
  readonly queued: QueuedBytes
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
  readonly #calls: CallExecution
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
    const { protocol, authentication } = security
    this.#handled = new HandledConnection(connection, { protocol, authentication, accessFor, logger: rooms.logger })
    const served = { connection, handled: this.#handled, authentication: this.#authentication }
    this.#calls = new CallExecution(served, surroundings, this.#order())
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

  #order(): CallOrder {
    return {
      isClosed: () => this.#isClosed,
      decoding: (isUnderWay) => {
        this.#isDecoding = isUnderWay
      },
      ended: (call) => this.#ended(call),
      settled: () => this.#settled(),
      mute: (ms) => this.#mute(ms),
    }
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
    this.#calls.start(call, frame)
    if (!call.isPending && this.#running.length === 0) this.#deliver(call)
    else {
      this.#running.push(call)
      this.#countUnanswered(call.frameBytes)
    }
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

  #ended({ closeReason }: Call): void {
    if (closeReason !== undefined) this.#isEnding = true
    if (this.#cancelTimeout !== undefined && this.#isIdentified()) this.#authenticated()
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
      describeCall(this.#connection, call, { reason: call.closeReason }),
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
}
