/** server: the pipelines of all connections of one broker, over all its listeners. */
import type { Rooms } from '../handlers/context.ts'
import { Members } from '../runtime/members.ts'
import { type AccessFor, openAccessFor } from '../security/access.ts'
import { type Authentication, AuthenticationFailure, Identified } from '../security/authentication.ts'
import { anonymous } from '../security/principal.ts'
import type { ClientConnection, ConnectionSecurity } from './client-connection.ts'
import { QueuedBytes } from './queued-bytes.ts'
import type { RequestObserver } from './request-observer.ts'
import { type PipelineSurroundings, RequestPipeline } from './request-pipeline.ts'
import { ServedApis } from './served-apis.ts'

/** How long a stop waits for requests that are still being worked on when their connections are gone. */
export const maxCloseMs = 500

/** Who connects is nobody in particular. */
const plaintext: ConnectionSecurity = { protocol: 'PLAINTEXT', authenticationFor: () => new Identified(anonymous) }

export class Server {
  readonly #surroundings: PipelineSurroundings
  readonly #pipelines = new Members<RequestPipeline>()
  #pendingRequests = 0
  #isClosed = false
  #idle: (() => void) | undefined

  /** `observers` are told of every request; without any, requests are not timed. `maxQueuedBytes`: queued.max.request.bytes. */
  constructor(
    rooms: Rooms,
    accessFor: AccessFor = openAccessFor,
    { observers = [], maxQueuedBytes = -1 }: { observers?: readonly RequestObserver[]; maxQueuedBytes?: number } = {},
  ) {
    this.#surroundings = {
      rooms,
      observers,
      queued: new QueuedBytes(maxQueuedBytes, () => {
        for (const pipeline of this.#pipelines) pipeline.hasRoom()
      }),
      served: new ServedApis(rooms.handlers),
      accessFor,
      countPending: (change) => this.#countPending(change),
      forget: (pipeline) => this.#pipelines.delete(pipeline),
    }
  }

  /** Requests whose handlers have not answered yet. */
  get pendingRequests(): number {
    return this.#pendingRequests
  }

  /** What a new connection's frames go to. */
  accept(connection: ClientConnection, security: ConnectionSecurity = plaintext): RequestPipeline {
    const authentication = this.#authenticationFor(connection, security)
    const options = { protocol: security.protocol, authentication: authentication ?? new Identified(anonymous) }
    const pipeline = new RequestPipeline(connection, options, this.#surroundings)
    this.#pipelines.add(pipeline)
    if (this.#isClosed || authentication === undefined) pipeline.destroy()
    return pipeline
  }

  #authenticationFor(connection: ClientConnection, security: ConnectionSecurity): Authentication | undefined {
    try {
      return security.authenticationFor(connection)
    } catch (error) {
      if (!(error instanceof AuthenticationFailure)) throw error
      const { id, listener, clientAddress } = connection
      const fields = { connection: id, listener, client: clientAddress, reason: error.message }
      this.#surroundings.rooms.logger.warn(fields, 'connection closed: not authenticated')
      return undefined
    }
  }

  /**
   * Ends all connections, and with them what is parked for them; resolves when no request is being worked on any more, or after
   * `maxCloseMs`. Listeners are closed before, so that no connection comes after.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const pipeline of this.#pipelines) pipeline.destroy()
    if (this.#pendingRequests === 0) return
    await new Promise<void>((resolve) => {
      const cancel = this.#surroundings.rooms.clock.after(maxCloseMs, resolve)
      this.#idle = () => {
        cancel()
        resolve()
      }
    })
  }

  #countPending(change: number): void {
    this.#pendingRequests += change
    if (this.#pendingRequests === 0) this.#idle?.()
  }
}
