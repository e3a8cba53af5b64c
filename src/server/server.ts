/** server: the pipelines of all connections of one broker, over all its listeners. */
import type { Rooms } from '../handlers/context.ts'
import { type Access, openAccess } from '../security/access.ts'
import type { ClientConnection } from './client-connection.ts'
import { QueuedBytes } from './queued-bytes.ts'
import type { RequestObserver } from './request-observer.ts'
import { type PipelineSurroundings, RequestPipeline } from './request-pipeline.ts'
import { ServedApis } from './served-apis.ts'

/** How long a stop waits for requests that are still being worked on when their connections are gone. */
export const maxCloseMs = 500

export class Server {
  readonly #surroundings: PipelineSurroundings
  readonly #pipelines = new Set<RequestPipeline>()
  #pendingRequests = 0
  #isClosed = false
  #idle: (() => void) | undefined

  /** `observers` are told of every request; without any, requests are not timed. `maxQueuedBytes`: queued.max.request.bytes. */
  constructor(
    rooms: Rooms,
    access: Access = openAccess,
    { observers = [], maxQueuedBytes = -1 }: { observers?: readonly RequestObserver[]; maxQueuedBytes?: number } = {},
  ) {
    this.#surroundings = {
      rooms,
      observers,
      queued: new QueuedBytes(maxQueuedBytes, () => {
        for (const pipeline of this.#pipelines) pipeline.hasRoom()
      }),
      served: new ServedApis(rooms.handlers),
      access,
      countPending: (change) => this.#countPending(change),
      forget: (pipeline) => this.#pipelines.delete(pipeline),
    }
  }

  /** Requests whose handlers have not answered yet. */
  get pendingRequests(): number {
    return this.#pendingRequests
  }

  /** What a new connection's frames go to. */
  accept(connection: ClientConnection): RequestPipeline {
    const pipeline = new RequestPipeline(connection, this.#surroundings)
    this.#pipelines.add(pipeline)
    if (this.#isClosed) pipeline.destroy()
    return pipeline
  }

  /**
   * Ends all connections, and with them what is parked for them; resolves when no request is being worked on any more, or after
   * `maxCloseMs`. Listeners are closed before, so that no connection comes after.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const pipeline of [...this.#pipelines]) pipeline.destroy()
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
