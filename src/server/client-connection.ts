/** server: what it needs of a connection, and what a handler is told about one. */
import type { ConnectionContext } from '../handlers/context.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Access } from '../security/access.ts'

/** The network's side of a connection. */
export interface ClientConnection {
  readonly id: string
  readonly listener: string
  readonly clientAddress: string
  /**
   * Sends `buffers` one after the other; they must not change until `written` is called, if it ever is. `moreFollows`: other answers
   * are on their way.
   */
  send(buffers: readonly Buffer[], moreFollows: boolean, written?: () => void): void
  /** No more frames until `resume`. */
  pause(): void
  resume(): void
  /** Ends it when what was sent is written. */
  close(): void
  /** Ends it now. */
  destroy(): void
}

/** A connection as handlers see it. */
export class HandledConnection implements ConnectionContext {
  readonly id: string
  readonly listener: string
  readonly clientAddress: string
  readonly access: Access
  clientSoftware = { name: 'unknown', version: 'unknown' }
  readonly #logger: Logger
  readonly #listeners = new Set<() => void>()
  #isClosed = false

  constructor({ id, listener, clientAddress }: ClientConnection, access: Access, logger: Logger) {
    this.id = id
    this.listener = listener
    this.clientAddress = clientAddress
    this.access = access
    this.#logger = logger
  }

  /** After the end it runs `listener` as well, but never before `onClose` has returned. */
  onClose(listener: () => void): () => void {
    const once = (): void => listener()
    this.#listeners.add(once)
    if (this.#isClosed) queueMicrotask(() => this.#run(once))
    return () => {
      this.#listeners.delete(once)
    }
  }

  closed(): void {
    this.#isClosed = true
    for (const listener of this.#listeners) this.#run(listener)
  }

  #run(listener: () => void): void {
    if (!this.#listeners.delete(listener)) return
    try {
      listener()
    } catch (err) {
      this.#logger.error({ connection: this.id, err }, 'what waited for the end of a connection failed')
    }
  }
}
