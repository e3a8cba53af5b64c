/** telemetry: logs requests: each at debug, slow ones as warnings. */
import type { LogLevels } from '../runtime/log-levels.ts'
import type { Logger } from '../runtime/logger.ts'

/** A request as the server tells of it. */
export interface LoggedRequest {
  readonly api: string
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly user: string
  readonly connection: { readonly id: string; readonly listener: string }
  readonly requestBytes: number
  readonly responseBytes: number
  readonly totalMs: number
  readonly threadMs: number
  readonly throttleMs: number
}

export class RequestLog {
  readonly #logger: Logger
  readonly #slowMs: number

  /** `slowMs`: negative: no request is slow. */
  constructor(logger: Logger, slowMs: number) {
    this.#logger = logger
    this.#slowMs = slowMs
  }

  /**
   * Keeps a log of the logger `name` among `observers` for as long as it would write anything, also as levels change: while there is no
   * observer, requests need not be timed. Ends when what it returns is called.
   */
  static keepAmong(
    observers: { answered(request: LoggedRequest): void }[],
    levels: LogLevels,
    { name, slowMs }: { readonly name: string; readonly slowMs: number },
  ): () => void {
    const log = new RequestLog(levels.logger(name), slowMs)
    const follow = (): void => {
      const index = observers.indexOf(log)
      if (log.#writes === index >= 0) return
      if (index >= 0) observers.splice(index, 1)
      else observers.push(log)
    }
    follow()
    return levels.onChanged(follow)
  }

  get #writes(): boolean {
    return this.#slowMs >= 0 || this.#logger.isLevelEnabled?.('debug') === true
  }

  answered(request: LoggedRequest): void {
    const isSlow = this.#slowMs >= 0 && request.totalMs > this.#slowMs
    if (!isSlow && this.#logger.isLevelEnabled?.('debug') !== true) return
    const { api, apiVersion, correlationId, clientId, user, connection, requestBytes, responseBytes } = request
    const fields = {
      api,
      version: apiVersion,
      correlationId,
      clientId,
      user,
      connection: connection.id,
      listener: connection.listener,
      requestBytes,
      responseBytes,
      totalMs: rounded(request.totalMs),
      threadMs: rounded(request.threadMs),
      throttleMs: request.throttleMs,
    }
    if (isSlow) this.#logger.warn({ ...fields, slowMs: this.#slowMs }, 'a request was slow')
    else this.#logger.debug(fields, 'request')
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
